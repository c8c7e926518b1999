"""cloudpickle: functions and classes sent to another process that does not have them."""

import pickle
import subprocess
import sys

import cloudpickle

_CHILD = "import pickle, sys; sys.stdout.buffer.write(pickle.dumps(pickle.load(sys.stdin.buffer)()))"


def main():
    """Pickle here, call there."""
    for number in range(2000):
        add = cloudpickle.loads(cloudpickle.dumps(lambda value, number=number: value + number))
        assert add(1) == number + 1

    class Point:
        """Known here alone."""

        def __init__(self, x):
            self.x = x

    def work(factor=3):
        return [Point(factor * number).x for number in range(10)]

    done = subprocess.run(
        [sys.executable, "-c", _CHILD], input=cloudpickle.dumps(work), stdout=subprocess.PIPE, check=True
    )
    assert pickle.loads(done.stdout) == [3 * number for number in range(10)]


if __name__ == "__main__":
    main()
