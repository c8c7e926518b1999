"""The result of an evaluation: `pyxhon.evaluation/1`."""

from dataclasses import dataclass
from typing import Any, Final

from pyxhon import __version__
from pyxhon.evaluate.matrix import Row

SCHEMA: Final = "pyxhon.evaluation/1"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All packages of one evaluation, and what they were evaluated with."""

    python_version: str
    python: str
    has_network: bool
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "schema": SCHEMA,
            "pyxhon": __version__,
            "python": {"version": self.python_version, "path": self.python},
            "network": self.has_network,
            "limits_by": "prlimit, tmpfs and watching",
            "packages": [row.to_dict() for row in self.rows],
        }
