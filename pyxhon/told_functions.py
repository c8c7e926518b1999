"""Calls of Python functions that were asked for: which code objects are meant, and what their arguments are called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyxhon.bpf.entries import EntryProbes
from pyxhon.bpf.function_records import Function, Parameters
from pyxhon.bpf.poll import Act
from pyxhon.process_images import Image
from pyxhon.python_functions import PythonPattern, call_name, decide

_FIXED: Final = 4  # values that come before the arguments: code object, generation, and two counts
Names = Callable[[Function, Image], tuple[Sequence[str], str]]  # of the module, and of the function


@dataclass(frozen=True, slots=True)
class _Told:
    """A function whose calls are told; `parameters` is None where their names are not known."""

    name: str
    parameters: Parameters | None = None


class ToldFunctions:
    """What is known of the functions that were entered: those that are wanted, by image, code object and generation."""

    def __init__(self, patterns: Sequence[PythonPattern], names_of: Names) -> None:
        self.patterns = patterns
        self._names_of = names_of
        self._wanted: dict[tuple[int, int, int], _Told] = {}
        self.found: set[str] = set()

    def take(self, record: Function, image: Image, probes: EntryProbes) -> None:
        """Decide whether calls of a function are wanted, and tell the probes where they are not."""
        modules, function = self._names_of(record, image)
        meant = decide(self.patterns, modules, function)
        if not meant:
            probes.refuse(image.number, record.code, record.generation)
            return
        self.found.update(meant)
        key = (image.number, record.code, record.generation)
        self._wanted[key] = _Told(call_name(self.patterns, modules, function))

    def take_parameters(self, record: Parameters) -> None:
        """Take the names of a function's parameters."""
        key = (record.image, record.code, record.generation)
        known = self._wanted.get(key)
        if known is not None:
            self._wanted[key] = _Told(known.name, record)

    def describe(self, act: Act) -> tuple[str, dict[str, Any]] | None:
        """Give the name and the arguments of a call, by parameter in their order; None where it is not wanted."""
        code, generation, told, keywords = (*act.arguments, None, None, None, None)[:_FIXED]
        known = self._wanted.get((act.image, code, generation))
        if known is None:
            return None
        values = act.arguments[_FIXED:]
        count = min(told, len(values)) if isinstance(told, int) else 0
        parameters = known.parameters
        names = _fill(parameters.names if parameters is not None else (), count)
        shown = dict(zip(names, values[:count], strict=True))
        if parameters is not None and parameters.keywords_name in shown:
            shown[parameters.keywords_name] = _show_keywords(values[count:], keywords)
        return known.name, {"args": shown}


def _show_keywords(rest: Sequence[Any], total: Any) -> dict[str, Any]:
    """Show the names and values that follow; with how many there were where not all are told."""
    named = dict(zip(map(str, rest[::2]), rest[1::2], strict=False))
    return {"dict": named} | ({"length": total} if isinstance(total, int) and total > len(named) else {})


def _fill(names: Sequence[str], count: int) -> list[str]:
    """Give a name for each argument; its number where there is none."""
    known = list(names[:count])
    return [*known, *(str(index) for index in range(len(known), count))]
