"""Looks whether our probes are still in place: a target can overwrite them in its own memory."""

import time
from collections.abc import Iterable
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.pending_events import PendingEvents
from pyxhon.process_images import Image
from pyxhon.target.process import read_memory
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

_BREAKPOINT: Final = 0xCC  # int3, which a uprobe puts in place (arch/x86/include/asm/uprobes.h, UPROBE_SWBP_INSN)
_MAX_IMAGES: Final = 256  # looked at in one round


class ProbeCheck:
    """Reads the byte at each site of the interpreters of live processes."""

    def __init__(self, store: Store, pending: PendingEvents, probes: Probes) -> None:
        self._store = store
        self._pending = pending
        self._probes = probes
        self._told: set[tuple[int, int]] = set()  # (image, address)
        self._last = 0  # the number of the image looked at last

    def look(self, images: Iterable[Image]) -> None:
        """Look at the probes of these images; each that is gone is an event, once."""
        live = sorted(images, key=lambda image: (image.number <= self._last, image.number))  # the others in their turn
        for image in live[:_MAX_IMAGES]:
            self._last = image.number
            interpreter = image.interpreter
            sites = interpreter.sites if interpreter else None
            base = self._probes.base_of(image.pid, image.number) if sites else None
            if interpreter is None or sites is None or base is None:
                continue
            for site in (*sites.sites, *interpreter.functions):
                self._look_at(image, base + site.address, site.kind)

    def _look_at(self, image: Image, address: int, kind: str) -> None:
        if (image.number, address) in self._told:
            return
        found = read_memory(image.pid, address, 1)
        if found is None or found[0] == _BREAKPOINT:
            return
        if self._probes.image_of(image.pid) != image.number:
            return  # it ended or runs another program meanwhile
        self._told.add((image.number, address))
        now = time.monotonic_ns()
        self._pending.add(
            EventRow(
                id=self._store.next_event_id(),
                process=image.process,
                tid=image.pid,
                kind="tamper",
                name="probe overwritten",
                arguments={"site": kind, "address": f"{address:x}", "found": f"{found[0]:02x}"},
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
