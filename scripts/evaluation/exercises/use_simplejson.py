"""simplejson: documents written and read, with decimals, named tuples, comments for C and for Python alone."""

import collections
import decimal
import tempfile
from pathlib import Path

import simplejson

_Row = collections.namedtuple("_Row", "name price")


def main():
    """Write and read."""
    rows = [_Row(f"item {number}", decimal.Decimal(number) / 4) for number in range(2000)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        for _ in range(15):
            with path.open("w") as stream:
                simplejson.dump(rows, stream, use_decimal=True, sort_keys=True)
            with path.open() as stream:
                read = simplejson.load(stream, use_decimal=True)
            assert read[3] == {"name": "item 3", "price": decimal.Decimal("0.75")}
    assert simplejson.loads("[NaN]", allow_nan=True)[0] != 0
    assert simplejson.dumps({"a": float("inf")}, ignore_nan=True) == '{"a": null}'
    try:
        simplejson.loads("[1,]")
    except simplejson.JSONDecodeError as error:
        assert error.lineno == 1


if __name__ == "__main__":
    main()
