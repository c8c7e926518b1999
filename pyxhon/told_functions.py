"""Calls of Python functions that were asked for: which code objects are meant, and what their arguments are called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyxhon.bpf.entries import EntryProbes
from pyxhon.bpf.function_records import Function, Parameters
from pyxhon.bpf.poll import Act
from pyxhon.events import EventFlag
from pyxhon.process_images import Image
from pyxhon.python_functions import PythonPattern, call_name, decide, function_name

_FIXED: Final = 4  # values that come before the arguments: code object, generation, and two counts
ModuleNames = Callable[[Image, str | None], Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Told:
    """A function whose calls are told; `parameters` is None where their names are not known."""

    name: str
    parameters: Parameters | None = None


class ToldFunctions:
    """What is known of the functions that were entered: those that are wanted, by image, code object and generation."""

    def __init__(self, patterns: Sequence[PythonPattern], module_names: ModuleNames) -> None:
        self.patterns = patterns
        self._module_names = module_names
        self._wanted: dict[tuple[int, int, int], _Told] = {}
        self.found: set[str] = set()

    def take(self, record: Function, image: Image, probes: EntryProbes) -> None:
        """Decide whether calls of a function are wanted, and tell the probes where they are not."""
        is_qualified = image.code.layout is not None and image.code.layout.code_qualname is not None
        modules, function = (
            self._module_names(image, record.file),
            function_name(record.name, is_qualified=is_qualified),
        )
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
        code, generation, told, keywords, *values = [*act.arguments, *[None] * _FIXED]
        known = self._wanted.get((act.image, code, generation))
        if known is None:
            return None
        values = act.arguments[_FIXED:]
        count = min(told, len(values)) if isinstance(told, int) else 0
        names = known.parameters.names if known.parameters is not None else ()
        shown = dict(zip(_fill(names, count), values[:count], strict=True))
        if known.parameters is not None:
            self._arrange(shown, known.parameters, values[count:], keywords)
        return known.name, {"args": shown}

    def _arrange(self, shown: dict[str, Any], parameters: Parameters, rest: list[Any], keywords: Any) -> None:
        """Show keyword arguments under the name of `**`; those that were cut are told of by the act's flag."""
        if parameters.keywords_name is None or parameters.keywords_name not in shown:
            return
        named = dict(zip(map(str, rest[::2]), rest[1::2], strict=False))
        total = keywords if isinstance(keywords, int) else 0
        shown[parameters.keywords_name] = named | ({"…": total - len(named)} if total > len(named) else {})


def is_cut(act: Act) -> bool:
    """Tell whether not all of a call's arguments are told."""
    return bool(act.flags & (EventFlag.TRUNCATED | EventFlag.MERGED | EventFlag.PARTIAL))


def _fill(names: Sequence[str], count: int) -> list[str]:
    """Give a name for each argument; its number where there is none."""
    known = list(names[:count])
    return [*known, *(str(index) for index in range(len(known), count))]
