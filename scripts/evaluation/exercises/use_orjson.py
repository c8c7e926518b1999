"""orjson: documents with dates, dataclasses and numbers written and read."""

import dataclasses
import datetime
import tempfile
import uuid
from pathlib import Path

import orjson


@dataclasses.dataclass
class Row:
    """What is written."""

    number: int
    made: datetime.datetime
    key: uuid.UUID


def main():
    """Write and read."""
    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    rows = [Row(number, made, uuid.UUID(int=number)) for number in range(2000)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        for _ in range(100):
            path.write_bytes(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
            read = orjson.loads(path.read_bytes())
            assert read[-1]["number"] == 1999
    assert orjson.dumps({"a": {1, 2}}, default=sorted) == b'{"a":[1,2]}'
    try:
        orjson.loads(b'{"a": 1,}')
    except orjson.JSONDecodeError:
        return
    raise AssertionError("took what is no JSON")


if __name__ == "__main__":
    main()
