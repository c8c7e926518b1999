"""Makes and calls many functions, which are gone before others are made at their addresses; some are called needle.

    many_functions.py BATCHES SIZE

It says "ready" and waits for a line first. The first of the SIZE functions of a batch is needle. Each is called three times, and gets the number of its batch.
"""

import sys


def main(batches, size):
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    source = "".join(f"def {'hay_%d' % n if n else 'needle'}(batch):\n    return batch\n" for n in range(int(size)))
    for batch in range(int(batches)):
        space = {}
        exec(source, space)
        for function in space.values():
            for _ in range(3 if callable(function) else 0):
                function(batch)


main(*sys.argv[1:])
