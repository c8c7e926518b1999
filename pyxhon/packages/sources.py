"""The functions that source files of a target define: read within bounds, parsed by a process of its own."""

import sys
from pathlib import Path
from typing import Final

from pyxhon.dossier.budget import Allowance
from pyxhon.packages.parser import Parser, ParserError
from pyxhon.target.root import TargetRoot

SOURCE_BYTES: Final = 2 << 20
_PROGRAM: Final = Path(__file__).with_name("definitions.py")

Functions = list[tuple[int, str]] | str  # or why they are not known


class Sources:
    """Owns the process that parses; it is started for the first source, and again after one that it died of."""

    def __init__(self) -> None:
        self._parser = Parser([sys.executable, "-I", "-S", str(_PROGRAM)])
        self._allowance = Allowance()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *error: object) -> None:
        self._parser.stop()

    def list_functions(self, root: TargetRoot, path: str) -> Functions:
        """List (first line, qualified name) of the functions that a file defines, or say why not."""
        source = root.read_file(path, SOURCE_BYTES)
        if source is None:
            return f"no such file, or more than {SOURCE_BYTES >> 20} MiB"
        budget = self._allowance.begin_file()
        if budget is None or self._parser.is_spent:
            return "no time left"
        try:
            found = self._parser.ask(source, budget)
            return found if isinstance(found, str) else read_functions(found)
        except (ParserError, TypeError, ValueError):  # it died, took too long, or was made to say something else
            self._parser.stop()
            return "its source is too much for the parser"
        finally:
            self._allowance.end_file(budget)


def read_functions(found: object) -> list[tuple[int, str]]:
    """Give (first line, qualified name) from plain data. Raises TypeError, ValueError for what is none."""
    if not isinstance(found, list):
        raise TypeError("no list of functions")
    return [(int(line), str(name)) for line, name in found]
