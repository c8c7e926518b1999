"""lz4: blocks and frames compressed and decompressed, in files too, and one that is damaged."""

import tempfile
from pathlib import Path

import lz4.block
import lz4.frame


def main():
    """Compress and decompress."""
    data = b"".join(f"line {number} {number * 7919 % 1000}\n".encode() for number in range(50_000))
    for _ in range(20):
        assert lz4.block.decompress(lz4.block.compress(data)) == data
        for level in (0, 6):
            assert lz4.frame.decompress(lz4.frame.compress(data, compression_level=level)) == data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.lz4"
        with lz4.frame.open(path, "wt") as stream:
            for number in range(20_000):
                print(number, file=stream)
        with lz4.frame.open(path, "rt") as stream:
            assert sum(map(int, stream)) == sum(range(20_000))
    broken = bytearray(lz4.frame.compress(data, content_checksum=True))
    broken[len(broken) // 2] ^= 255
    try:
        lz4.frame.decompress(bytes(broken))
    except RuntimeError:
        return
    raise AssertionError("took a damaged frame")


if __name__ == "__main__":
    main()
