"""orjson: a library that only computes; its bytes go through files that Python opens."""

import datetime
import threading
import uuid

import orjson

value = {
    "list": list(range(1000)),
    "text": "žluťoučký" * 10,
    "when": datetime.datetime(2026, 1, 1),
    "id": uuid.UUID(int=7),
}
with open("value.json", "wb") as out:
    out.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
with open("value.json", "rb") as file:
    assert orjson.loads(file.read())["list"][999] == 999
try:
    orjson.loads(b"{")
except orjson.JSONDecodeError:
    pass
threads = [threading.Thread(target=lambda: [orjson.loads(orjson.dumps(value)) for _ in range(50)]) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
