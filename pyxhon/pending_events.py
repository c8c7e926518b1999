"""Events of the batch at hand: written together, and changed until then by what comes to be known."""

from dataclasses import replace
from typing import Any

from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store


class PendingEvents:
    """The events that are not in the trace yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[int, EventRow] = {}

    def add(self, row: EventRow) -> None:
        """Take an event, whose id comes from the store."""
        self._rows[row.id] = row

    def amend(self, event: int, result: Any, arguments: Any = None) -> None:
        """Set the result of an event, written or not; arguments only where they are given."""
        row = self._rows.get(event)
        if row is None:
            self._store.set_result(event, result, arguments)
        else:
            changed = row.arguments if arguments is None else arguments
            self._rows[event] = replace(row, result=result, arguments=changed)

    def write(self) -> None:
        """Write what waits."""
        if self._rows:
            self._store.add_events(self._rows.values())
            self._rows.clear()
