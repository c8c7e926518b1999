"""greenlet: switching there and back, values and exceptions passed, a producer and consumers."""

import greenlet


def main():
    """Switch a few hundred thousand times."""
    seen = []

    def count(limit):
        for number in range(limit):
            seen.append(number)
            back.switch(number)
        raise KeyError("done")

    back = greenlet.getcurrent()
    for _ in range(20):
        seen.clear()
        worker = greenlet.greenlet(count)
        assert worker.switch(10_000) == 0
        for number in range(1, 10_000):
            assert worker.switch() == number
        try:
            worker.switch()
        except KeyError:
            assert worker.dead
    assert len(seen) == 10_000
    ended = greenlet.greenlet(lambda: back.switch("waiting"))
    assert ended.switch() == "waiting"
    ended.throw(greenlet.GreenletExit)
    assert ended.dead


if __name__ == "__main__":
    main()
