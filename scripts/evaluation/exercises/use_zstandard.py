"""zstandard: data compressed and decompressed at several levels, with a dictionary, streamed and damaged."""

import io

import zstandard


def main():
    """Compress and decompress."""
    data = b"".join(
        f'{{"number": {number}, "text": "row {number * 7919 % 1000}"}}'.encode() for number in range(20_000)
    )
    for level in (1, 3, 9, 15):
        packed = zstandard.ZstdCompressor(level=level, threads=2).compress(data)
        assert len(packed) < len(data) / 4
        assert zstandard.ZstdDecompressor().decompress(packed, max_output_size=len(data)) == data
    samples = [data[start : start + 200] for start in range(0, 200_000, 200)]
    trained = zstandard.train_dictionary(4096, samples)
    small = zstandard.ZstdCompressor(dict_data=trained).compress(samples[0])
    assert zstandard.ZstdDecompressor(dict_data=trained).decompress(small) == samples[0]
    memory = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(memory, closefd=False) as writer:
        for sample in samples:
            writer.write(sample)
    memory.seek(0)
    with zstandard.ZstdDecompressor().stream_reader(memory) as reader:
        assert reader.read() == b"".join(samples)
    try:
        zstandard.ZstdDecompressor().decompress(b"nonsense")
    except zstandard.ZstdError:
        return
    raise AssertionError("took what is no frame")


if __name__ == "__main__":
    main()
