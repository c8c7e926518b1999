"""Acts of all five categories, over and over, at places that differ: ARGUMENTS are how many events to raise about.

Says how many rounds it did. Pauses now and then, so that nobody who is told of each event falls behind.
"""

import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

EVENTS_OF_A_ROUND = 10
_FILES, _FUNCTIONS = 200, 50
_PAUSE_ROUNDS, _PAUSE_S = 100, 0.02

_SOURCE = """
def work(folder, path, number):
    with open(path, "r") as file:
        file.read()
    os.listdir(folder)
    os.putenv("JUDGED", str(number % 7))
    eval("1")
    import json
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9 + number % 3))
    except OSError:
        pass
"""


def main() -> None:
    """Do it."""
    rounds = int(sys.argv[1]) // EVENTS_OF_A_ROUND
    with tempfile.TemporaryDirectory(prefix="pyxhon-judged-") as folder:
        paths = [Path(folder) / f"{number}.txt" for number in range(_FILES)]
        for path in paths:
            path.write_text("x")
        functions = []
        for number in range(_FUNCTIONS):
            names: dict[str, Any] = {"os": os, "socket": socket}
            exec(compile("\n" * number + _SOURCE, f"{folder}/work{number}.py", "exec"), names)  # noqa: S102 - the acts
            functions.append(names["work"])
        for number in range(rounds):
            functions[number % _FUNCTIONS](folder, str(paths[number % _FILES]), number)
            if number % _PAUSE_ROUNDS == 0:
                time.sleep(_PAUSE_S)
    print(rounds, flush=True)


if __name__ == "__main__":
    main()
