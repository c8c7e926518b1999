"""System calls → behaviours: what no audit event explains is an act of its own, with its level and owner."""

import re
from collections.abc import Callable

from pyxhon.categories import SYSTEM_KINDS, CategoryTables
from pyxhon.join.acts import Act, Acts
from pyxhon.join.allocating import is_allocators_own
from pyxhon.join.answerable import Answerable
from pyxhon.join.explaining import Explanations
from pyxhon.join.frameless import Sighting
from pyxhon.join.loading import Loading
from pyxhon.join.model import STANDARD_LIBRARY
from pyxhon.join.owners import Attribution
from pyxhon.join.tamper import is_tampering
from pyxhon.join.thread_ending import loads_unwinder
from pyxhon.target.system_calls.classify import is_act
from pyxhon.trace.rows import EventRow

# What importlib reads and writes to import: sources, bytecode (also while it is written), extensions, archives.
IMPORTABLE = re.compile(r"\.(?:pyw?|pyc(?:\.\d+)?|so|zip|egg|whl|pyz)\Z")
KINDS = frozenset(SYSTEM_KINDS)
_OVERWRITTEN = "probe overwritten"
_RING = "ring"  # the kernel's address of a ring: it says whose the ring is, and is another one in each run
_CACHE_FOLDER = "__pycache__"


class SystemCalls:
    """Settles what each system call is part of."""

    def __init__(
        self, tables: CategoryTables, explanations: Explanations, answerable: Answerable, loading: Loading
    ) -> None:
        self._tables = tables
        self._explanations = explanations
        self._answerable = answerable
        self._loading = loading
        self._acts = loading.acts
        self.find_call: Callable[[Sighting, str | None], Act | None] = lambda _seen, _category: None
        self._tampering: dict[int, EventRow] = {}  # process → its last attempt to disturb tracing
        self._python_since: dict[int, int] = {}  # process → its first event with a Python frame

    def start_batch(self, acts: Acts) -> None:
        """Count into other acts from now on."""
        self._acts = acts

    def note(self, seen: Sighting) -> None:
        """Take up when Python code first ran in a process, and whose code may have been changed."""
        self._answerable.note_change(seen)
        if seen.view.frames:
            first = self._python_since.get(seen.process.id)
            self._python_since[seen.process.id] = min(seen.event.first_ns, first or seen.event.first_ns)

    def add(self, seen: Sighting) -> str:
        """Take up one system call; gives what became of it."""
        self._loading.note_file(seen.event)
        tampers = is_tampering(seen.event, self._role_of_target(seen))
        work = self._add_loaders_work(seen) if seen.native.is_loader and not tampers else None
        if work is not None:
            return work
        reason = self._explanations.find(seen)
        if reason is not None:
            return self._join(seen, reason.act, tampers=tampers)
        seen = self._answerable.as_run(seen)
        if not tampers:
            call = self.find_call(seen, self._category(seen.event))
            if call is not None or self._is_import_work(seen):
                return self._join(seen, call, tampers=False)
            if self._is_interpreters_own(seen):
                return self._count_own(seen)
            if is_allocators_own(seen):
                return self._count_c_librarys(seen)
        return self._count(seen, tampers=tampers)

    def _add_loaders_work(self, seen: Sighting) -> str | None:
        if loads_unwinder(seen):
            self._loading.note_unwinder(seen)
            return self._count_c_librarys(seen)
        return self._loading.add_work(seen)

    def _join(self, seen: Sighting, act: Act | None, *, tampers: bool) -> str:
        """Let a call be part of an act; of an import without one."""
        if act is None:
            return "import"
        act.join(seen.event, self._answerable.beneath(seen, None))
        if tampers:
            act.see("tamper")
        return "joined"

    def _count(self, seen: Sighting, *, tampers: bool) -> str:
        event = seen.event
        told = event.arguments if isinstance(event.arguments, dict) else {}
        arguments = {name: value for name, value in told.items() if name != _RING}
        answer = self._answerable.answer(seen)
        if event.name == _OVERWRITTEN:
            answer = self._answerable.answer_for_writer(seen, self._tampering.get(event.process)) or answer
        elif tampers:
            self._tampering[event.process] = event
        is_below = bool(seen.view.frames) and not seen.native.is_handler
        level = "native" if is_below else "detached"
        act = self._acts.count(seen, answer.by, arguments, level, self._answerable.beneath(seen, answer.made_by))
        if tampers:
            act.kind = "tamper"
            act.category = "os"
        else:
            act.category = self._category(event)
        self._loading.add_mapping(seen, act)
        return "behaviour"

    def _count_own(self, seen: Sighting) -> str:
        """Count what an interpreter does by itself before and after Python code runs: one act for each call's name.

        A DLL that is put before all others is not its own.
        """
        if seen.native.is_loader and self._loading.add_preload(seen):
            return "behaviour"
        by = Attribution(STANDARD_LIBRARY, None, (STANDARD_LIBRARY.name,))
        act = self._acts.count(seen, by, {}, "detached")
        act.category = self._category(seen.event)
        self._loading.note_start(seen)
        return "interpreter"

    def _count_c_librarys(self, seen: Sighting) -> str:
        """Count what the C library does for itself, for memory or to end a thread: nobody asked for it."""
        by = Attribution(STANDARD_LIBRARY, None, (STANDARD_LIBRARY.name,))
        act = self._acts.count(seen, by, {}, "detached")
        act.category = self._category(seen.event)
        return "interpreter"

    def _category(self, event: EventRow) -> str | None:
        arguments = event.arguments if isinstance(event.arguments, dict) else {}
        is_wanted = event.kind == "io_uring" or is_act(event.name, arguments)
        return self._tables.category_of_system_call(event.kind, event.name) if is_wanted else None

    def _is_interpreters_own(self, seen: Sighting) -> bool:
        """Tell whether the interpreter or the loader acts for itself: no DLL and no Python frame is there.

        A call that may have hidden a function is nobody's own, except before any Python code ran. What the loader does
        to start a program is part of executing it.
        """
        native, process = seen.native, seen.process
        if process.interpreter is None and not seen.view.frames:
            return native.is_loader and all(frame.role == "c_library" for frame in native.frames)
        if process.interpreter is None or seen.view.frames or not native.frames or seen.event.tid != process.pid:
            return False
        if native.foreign or native.is_handler:
            return False
        is_starting = seen.event.first_ns < self._python_since.get(process.id, seen.event.first_ns + 1)
        return native.confidence == "exact" or (is_starting and process.origin != "fork")

    def _is_import_work(self, seen: Sighting) -> bool:
        """Tell whether the import system does this without raising an audit event."""
        native, view = seen.native, seen.view
        if not view.is_import or view.is_extension_init or native.acting is not None:
            return False
        arguments = seen.event.arguments if isinstance(seen.event.arguments, dict) else {}
        paths = [str(arguments[name]) for name in ("path", "oldpath", "newpath") if name in arguments]
        return bool(paths) and all(
            IMPORTABLE.search(path) or _CACHE_FOLDER in path.split("/")[-2:] or _opens_folder(arguments)
            for path in paths
        )

    def _role_of_target(self, seen: Sighting) -> str | None:
        """Give the role of the code whose protection is changed, where the event tells."""
        arguments = seen.event.arguments if isinstance(seen.event.arguments, dict) else {}
        path = arguments.get("path")
        if not isinstance(path, str) or seen.event.kind == "syscall":
            return None
        return self._loading.natives.role_of(seen.process.root, path)


def _opens_folder(arguments: dict[str, object]) -> bool:
    return "O_DIRECTORY" in str(arguments.get("flags")) or _has_directory_bit(arguments.get("flags"))


def _has_directory_bit(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & 0o200000)  # O_DIRECTORY on x86-64
