"""joblib: work spread over processes and threads, results cached on disk, and objects stored compressed."""

import tempfile
from pathlib import Path

import joblib


def _square(number):
    return number**2


def main():
    """Spread, cache, store."""
    expected = [number**2 for number in range(200)]
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(_square)(number) for number in range(200)) == expected
    assert joblib.Parallel(n_jobs=4, prefer="threads")(joblib.delayed(_square)(n) for n in range(200)) == expected
    with tempfile.TemporaryDirectory() as folder:
        memory = joblib.Memory(folder, verbose=0)
        cached = memory.cache(_square)
        assert [cached(number) for number in range(60)] == expected[:60]
        assert [cached(number) for number in range(60)] == expected[:60]
        path = Path(folder) / "object"
        for method in ("zlib", "gzip", "lzma"):
            joblib.dump({"rows": expected * 100}, path, compress=(method, 3))
            assert joblib.load(path)["rows"] == expected * 100
    assert joblib.hash({"a": 1}) == joblib.hash({"a": 1})


if __name__ == "__main__":
    main()
