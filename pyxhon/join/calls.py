"""Calls of C functions that were probed by name: part of the act that an audit event tells of, or acts of their own."""

import posixpath

from pyxhon.categories import CategoryTables
from pyxhon.function_names import spellings
from pyxhon.join.acts import Act
from pyxhon.join.frameless import Sighting
from pyxhon.join.python_calls import show_argument

_MAX_PLACES = 100_000


def show_call(arguments: object) -> dict[str, object]:
    """Give the arguments of a call as plain data: self, args, kwargs."""
    known = arguments if isinstance(arguments, dict) else {}
    args, kwargs = known.get("args"), known.get("kwargs")
    return {
        "self": show_argument(known.get("self")),
        "args": [show_argument(value) for value in args] if isinstance(args, list) else [],
        "kwargs": {str(key): show_argument(value) for key, value in kwargs.items()} if isinstance(kwargs, dict) else {},
    }


class Calls:
    """Remembers where audit events were raised, so that the call that raised one is not counted again."""

    def __init__(self, tables: CategoryTables) -> None:
        self._tables = tables
        self._raised: dict[tuple[int, int | None], dict[str, Act]] = {}  # by process and stack, then by function
        self._called: dict[tuple[int, int], Act] = {}  # by process and stack

    def note(self, seen: Sighting, act: Act) -> None:
        """Remember an audit event and the act that it is."""
        if len(self._raised) >= _MAX_PLACES:
            self._raised.clear()
        entry = self._tables.audit_events.get(seen.event.name)
        functions = entry.functions if entry else (seen.event.name,)
        self._raised.setdefault((seen.process.id, seen.event.python_stack), {}).update(dict.fromkeys(functions, act))

    def explain(self, seen: Sighting) -> Act | None:
        """Give the act that an audit event of the same function in the same frame told of."""
        raised = self._raised.get((seen.process.id, seen.event.python_stack), {})
        return next((raised[name] for name in spellings(seen.event.name) if name in raised), None)

    def remember(self, seen: Sighting, act: Act) -> None:
        """Remember a call that is an act of its own: the system calls that it makes are part of it."""
        if len(self._called) >= _MAX_PLACES:
            self._called.clear()
        if seen.event.python_stack is not None:
            self._called[seen.process.id, seen.event.python_stack] = act

    def find_maker(self, seen: Sighting, category: str | None) -> Act | None:
        """Give the call that made a system call: of the same stack and category, without another DLL between."""
        act = self._called.get((seen.process.id, seen.event.python_stack or 0))
        if act is None or act.category != category:
            return None
        extension = posixpath.basename(seen.native.extension or "").partition(".")[0]
        is_own = not extension or extension.lstrip("_") == act.name.partition(".")[0].lstrip("_")
        return act if is_own and not seen.native.is_handler else None

    def category(self, act: Act) -> str | None:
        """Give the category of a function: that of its audit event, else its module's; of a foreign module "dll"."""
        names = spellings(act.name)
        for entry in self._tables.audit_events.values():
            if not set(names).isdisjoint(entry.functions):
                return entry.category
        for name in names:
            module, dot, function = name.rpartition(".")
            if module == "builtins" or not dot:
                return self._tables.category_of_builtin(function)
            if self._tables.is_standard_module(module):
                return self._tables.category_of_module(module)
        return "dll" if act.is_of_extension else None
