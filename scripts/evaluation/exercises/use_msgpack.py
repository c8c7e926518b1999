"""msgpack: objects packed and unpacked, streamed, with types of their own and broken input."""

import datetime
import io

import msgpack


def _pack_date(value):
    if isinstance(value, datetime.date):
        return msgpack.ExtType(1, value.isoformat().encode())
    raise TypeError(value)


def _unpack_date(code, data):
    return datetime.date.fromisoformat(data.decode()) if code == 1 else msgpack.ExtType(code, data)


def main():
    """Pack and unpack."""
    row = {"name": "x" * 40, "values": list(range(50)), "nested": {"a": [1.5, None, True]}, "raw": b"\0" * 100}
    for _ in range(20_000):
        assert msgpack.unpackb(msgpack.packb(row)) == row
    day = datetime.date(2026, 1, 1)
    assert msgpack.unpackb(msgpack.packb([day], default=_pack_date), ext_hook=_unpack_date) == [day]
    stream = io.BytesIO(b"".join(msgpack.packb(number) for number in range(50_000)))
    assert sum(msgpack.Unpacker(stream)) == sum(range(50_000))
    try:
        msgpack.unpackb(b"\xc1")
    except msgpack.exceptions.FormatError:
        return
    raise AssertionError("took what is no message")


if __name__ == "__main__":
    main()
