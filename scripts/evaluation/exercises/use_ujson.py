"""ujson: documents written and read, in memory and in files."""

import tempfile
from pathlib import Path

import ujson


def main():
    """Write and read."""
    rows = [{"name": f"item {number}", "price": number / 4, "tags": ["a", "é", None, True]} for number in range(2000)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        for _ in range(60):
            with path.open("w") as stream:
                ujson.dump(rows, stream, ensure_ascii=False)
            with path.open() as stream:
                assert ujson.load(stream) == rows
    assert ujson.dumps({"a": "</x>"}, encode_html_chars=True) == '{"a":"\\u003c\\/x\\u003e"}'
    try:
        ujson.loads("[1,")
    except ValueError:
        return
    raise AssertionError("took what is no JSON")


if __name__ == "__main__":
    main()
