"""dill: functions, closures, classes and a whole session stored and loaded."""

import tempfile
from pathlib import Path

import dill


def _make_counter(start):
    def count(step=1):
        nonlocal start
        start += step
        return start

    return count


def main():
    """Store and load."""

    class Local:
        """Known here alone."""

        def __init__(self, value):
            self.value = value

        def squared(self):
            """Give the square."""
            return self.value**2

    for number in range(400):
        assert dill.loads(dill.dumps(lambda value, number=number: value + number))(1) == number + 1
        assert dill.loads(dill.dumps(_make_counter(number)))() == number + 1
        assert dill.loads(dill.dumps(Local(number), byref=False)).squared() == number**2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counter.pkl"
        with path.open("wb") as stream:
            dill.dump(_make_counter(5), stream, recurse=True)
        with path.open("rb") as stream:
            assert dill.load(stream)(2) == 7
    assert "def _make_counter" in dill.source.getsource(_make_counter)


if __name__ == "__main__":
    main()
