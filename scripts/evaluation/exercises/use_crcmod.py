"""crcmod: checksums of several widths, in one piece and in many, and a generated function."""

import crcmod
import crcmod.predefined


def main():
    """Compute what is known, then a lot."""
    known = {"crc-8": 0xF4, "crc-16": 0xBB3D, "crc-32": 0xCBF43926, "crc-64": 0x46A5A9388A5BEFFE}
    for name, value in known.items():
        assert crcmod.predefined.mkPredefinedCrcFun(name)(b"123456789") == value
    data = bytes(range(256)) * 8000
    for name in known:
        whole = crcmod.predefined.mkCrcFun(name)(data)
        for size in (8, 16, 64):
            parts = crcmod.predefined.PredefinedCrc(name)
            for start in range(0, len(data), size):
                parts.update(data[start : start + size])
            assert parts.crcValue == whole
    own = crcmod.mkCrcFun(0x104C11DB7, initCrc=0, rev=True, xorOut=0xFFFFFFFF)
    assert own(b"123456789") == 0xCBF43926
    made = crcmod.Crc(0x104C11DB7, initCrc=0, xorOut=0xFFFFFFFF)
    made.generateCode("checksum", open("/dev/null", "w"))


if __name__ == "__main__":
    main()
