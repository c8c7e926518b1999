"""Looks whether audit hooks have gone: CPython itself takes none out before an interpreter ends."""

import functools
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.cpython.snapshot import list_audit_hooks
from pyxhon.errors import TargetError
from pyxhon.pending_events import PendingEvents
from pyxhon.process_images import Image
from pyxhon.target.process import read_mappings, read_memory
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

_MAX_IMAGES: Final = 64  # looked at in one round


class HookCheck:
    """Compares the audit hooks of live interpreters with those of the last look."""

    def __init__(self, store: Store, pending: PendingEvents, probes: Probes) -> None:
        self._store = store
        self._pending = pending
        self._probes = probes
        self._known: dict[int, Counter[str]] = {}  # by image
        self._missed: dict[int, Counter[str]] = {}  # gone at the last look: an interpreter that ends clears its hooks
        self._last = 0

    def look(self, images: Iterable[Image]) -> None:
        """Look at the hooks of these images; one that is missing at two looks in a row is an event."""
        live = sorted(images, key=lambda image: (image.number <= self._last, image.number))  # the others in their turn
        for image in live[:_MAX_IMAGES]:
            self._last = image.number
            found = self._read(image)
            if found is None:
                continue
            gone = self._known.get(image.number, Counter(image.audit_hooks)) - found
            for hook in (gone & self._missed.pop(image.number, Counter())).elements():
                self._tell(image, hook)
                gone[hook] -= 1
            if +gone:
                self._missed[image.number] = +gone
            self._known[image.number] = found + gone
        numbers = {image.number for image in live}
        for kept in (self._known, self._missed):
            for number in [each for each in kept if each not in numbers]:
                del kept[number]

    def _read(self, image: Image) -> Counter[str] | None:
        interpreter = image.interpreter
        if interpreter is None or interpreter.layout is None or interpreter.sites is None:
            return None
        runtime = interpreter.sites.symbols.get("_PyRuntime")
        base = self._probes.base_of(image.pid, image.number)
        if runtime is None or base is None:
            return None
        try:
            mappings = read_mappings(image.pid)
        except TargetError:
            return None
        read = functools.partial(read_memory, image.pid)
        hooks = list_audit_hooks(read, interpreter.layout, base + runtime, mappings)
        if hooks is None or self._probes.image_of(image.pid) != image.number:
            return None
        return Counter(hooks)

    def _tell(self, image: Image, hook: str) -> None:
        now = time.monotonic_ns()
        self._pending.add(
            EventRow(
                id=self._store.next_event_id(),
                process=image.process,
                tid=image.pid,
                kind="tamper",
                name="audit hook removed",
                arguments={"hook": hook},
                result=None,
                python_stack=None,
                native_stack=None,
                count=1,
                failed=0,
                first_ns=now,
                last_ns=now,
                signal="comparison of memory",
                is_truncated=False,
            )
        )
