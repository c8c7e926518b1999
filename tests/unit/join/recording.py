"""Traces written by hand through the real writer, for rules that are pure functions of a trace's rows."""

import posixpath
from pathlib import Path

from pyxhon.join import Joined, Joiner
from pyxhon.policy.parse import load_categories
from pyxhon.trace.reader import open_trace
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store
from tests.unit.join.native import CTYPES, SOCKET, SQLITE

SITE = "/venv/lib/python3.12/site-packages"
LIBRARY = "/usr/lib/python3.12"
BOOT = "<frozen importlib._bootstrap>"
LOADER = "<frozen importlib._bootstrap_external>"
FILES = {
    "/srv/app.py": ("application", "application", None, "app", None),
    f"{SITE}/pkg/core.py": ("distribution", "Pkg", "1.5", "pkg.core", None),
    f"{SITE}/pkg/__init__.py": ("distribution", "Pkg", "1.5", "pkg", None),
    f"{SITE}/pkg/_fast.so": ("distribution", "Pkg", "1.5", "pkg._fast", None),
    f"{SITE}/other/mod.py": ("distribution", "other", "2", "other.mod", None),
    f"{SITE}/hook.py": ("distribution", "hook", "3", "hook", None),
    f"{SITE}/IPython/core.py": ("distribution", "ipython", "8", "IPython.core", None),
    f"{SITE}/lone.so": ("dll", "lone.so", None, None, None),
    f"{SITE}/zope/event/__init__.py": ("distribution", "zope.event", "5", "zope.event", None),
    f"{SITE}/start.pth": ("distribution", "starter", "4", None, None),
    f"{LIBRARY}/subprocess.py": ("stdlib", "stdlib", None, "subprocess", None),
    f"{LIBRARY}/urllib/request.py": ("stdlib", "stdlib", None, "urllib.request", None),
    f"{LIBRARY}/pkgutil.py": ("stdlib", "stdlib", None, "pkgutil", None),
    f"{LIBRARY}/threading.py": ("stdlib", "stdlib", None, "threading", None),
    f"{LIBRARY}/collections/__init__.py": ("stdlib", "stdlib", None, "collections", None),
    f"{LIBRARY}/importlib/__init__.py": ("stdlib", "stdlib", None, "importlib", None),
    f"{LIBRARY}/lib-dynload/_json.so": ("stdlib", "stdlib", None, "_json", None),
    **{
        frame.path: ("stdlib", "stdlib", None, posixpath.basename(frame.path).partition(".")[0], None)
        for frame in (SOCKET, CTYPES, SQLITE)
    },
    f"{LIBRARY}/socket.py": ("stdlib", "stdlib", None, "socket", None),
    "<frozen site>": ("stdlib", "stdlib", None, "site", None),
    "<frozen zipimport>": ("stdlib", "stdlib", None, "zipimport", None),
    BOOT: ("stdlib", "stdlib", None, "importlib._bootstrap", None),
    LOADER: ("stdlib", "stdlib", None, "importlib._bootstrap_external", None),
    "<string>": ("application", "application", None, None, {"generated": True}),
}
APP = ("/srv/app.py", "main", 10)
APP_MODULE = ("/srv/app.py", "<module>", 3)
PKG = (f"{SITE}/pkg/core.py", "work", 20)
PKG_MODULE = (f"{SITE}/pkg/core.py", "<module>", 2)
PKG_INIT = (f"{SITE}/pkg/__init__.py", "<module>", 1)
OTHER = (f"{SITE}/other/mod.py", "helper", 30)
HOOK = (f"{SITE}/hook.py", "Finder.exec_module", 40)
POPEN = (f"{LIBRARY}/subprocess.py", "Popen.__init__", 1026)
THREAD = (f"{LIBRARY}/threading.py", "Thread.run", 1010)
NAMEDTUPLE = (f"{LIBRARY}/collections/__init__.py", "namedtuple", 434)
REQUEST = (f"{LIBRARY}/urllib/request.py", "urlopen", 215)
REQUEST_MODULE = (f"{LIBRARY}/urllib/request.py", "<module>", 90)
STRING = ("<string>", "<module>", 1)
SITE_MODULE = ("<frozen site>", "addpackage", 192)
IMPORT = [(BOOT, "_find_and_load_unlocked", 1331), (BOOT, "_find_and_load", 1360)]
SEARCH = [(LOADER, "FileFinder._fill_cache", 1700), (LOADER, "PathFinder.find_spec", 1500), (BOOT, "_find_spec", 1200)]
READ = [
    (LOADER, "FileLoader.get_data", 1073),
    (LOADER, "SourceLoader.get_code", 975),
    (LOADER, "_LoaderBasics.exec_module", 991),
    (BOOT, "_load_unlocked", 935),
]
RUN = [
    (BOOT, "_call_with_frames_removed", 488),
    (LOADER, "_LoaderBasics.exec_module", 995),
    (BOOT, "_load_unlocked", 935),
]
IMPORT_MODULE = [(BOOT, "_gcd_import", 1387), (f"{LIBRARY}/importlib/__init__.py", "import_module", 90)]
CREATE = [
    (BOOT, "_call_with_frames_removed", 488),
    (LOADER, "ExtensionFileLoader.create_module", 1289),
    (BOOT, "module_from_spec", 813),
    (BOOT, "_load_unlocked", 921),
]
EXECUTE = [
    (BOOT, "_call_with_frames_removed", 488),
    (LOADER, "ExtensionFileLoader.exec_module", 1297),
    (BOOT, "_load_unlocked", 935),
]


ENTRY = 3


class Recording:
    """Writes one trace; frames are (file, function, line), innermost first, longer where C entered there."""

    def __init__(self, folder: Path, **process) -> None:
        self.path = folder / "test.pyxhon"
        self.store = Store(self.path)
        self.codes, self.stacks, self.rows = {}, {}, []
        self.objects, self.native_stacks = {}, {}
        columns = {"pid": 100, "arguments": ["python", "app.py"], "interpreter": {"version": "3.12.1"}, **process}
        self.process = self.add_process(**columns)
        for path, row in FILES.items():
            self.store.add_file(0, path, row)

    def add_process(self, **columns) -> int:
        return self.store.add_process(**{"parent_pid": 1, "origin": "run", "started_ns": 0, **columns})

    def stack(self, frames: list, process: int, *, is_truncated=False) -> int | None:
        if not frames and not is_truncated:
            return None
        key = (process, tuple(frames), is_truncated)
        if key not in self.stacks:
            self.stacks[key] = self.store.add_stack(process, is_truncated=is_truncated, is_partial=False)
            rows = [(self._code(process, *frame[:2]), frame[2] * 2, frame[2], len(frame) > ENTRY) for frame in frames]
            self.store.add_frames(self.stacks[key], rows)
        return self.stacks[key]

    def _code(self, process: int, file: str | None, function: str) -> int | None:
        key = (process, file, function)
        if key not in self.codes:
            self.codes[key] = self.store.add_code(
                process=process, address=len(self.codes), file=file, qualified_name=function, first_line=1,
                line_table_bytes=0,
            )  # fmt: skip
        return self.codes[key]

    def native(self, frames: list, process: int, **columns) -> int | None:
        if not frames:
            return None
        key = (process, tuple(frames), tuple(columns.items()))
        if key not in self.native_stacks:
            values = {"is_truncated": False, "is_guessed": False, "end_reason": "bottom", **columns}
            stack = self.native_stacks[key] = self.store.add_native_stack(process=process, **values)
            rows = [(self._object(frame), frame.symbol, 16, frame.how, frame.is_eval, frame.flags) for frame in frames]
            self.store.add_native_frames(stack, rows)
        return self.native_stacks[key]

    def _object(self, frame) -> int | None:
        if frame.path is not None and (frame.path, frame.role) not in self.objects:
            number = self.store.add_native_object(root=0, path=frame.path, role=frame.role)
            self.objects[frame.path, frame.role] = number
        return self.objects.get((frame.path, frame.role))

    def call(self, name: str, arguments: dict, native: list, frames: list, **columns) -> int:
        """Add a system call; `native` and `frames` are its stacks."""
        process = columns.get("process", self.process)
        stack = self.native(native, process, **columns.pop("native_columns", {}))
        return self.add(columns.pop("kind", "syscall"), name, arguments, frames, native_stack=stack, **columns)

    def add(self, kind: str, name: str, arguments, frames: list, **columns) -> int:
        process = columns.pop("process", self.process)
        is_stack_truncated = columns.pop("is_stack_truncated", False)
        number = self.store.next_event_id()
        row = {
            "tid": 100, "result": None, "native_stack": None, "count": 1, "failed": 0, "first_ns": number * 10,
            "last_ns": number * 10, "signal": f"uprobe {kind}", "is_truncated": False, **columns,
        }  # fmt: skip
        stack = self.stack(frames, process, is_truncated=is_stack_truncated)
        self.rows.append(
            EventRow(id=number, process=process, kind=kind, name=name, arguments=arguments, python_stack=stack, **row)
        )
        return number

    def audit(self, name: str, arguments: list, frames: list, **columns) -> int:
        return self.add("audit", name, arguments, frames, **columns)

    def statement(self, name: str, frames: list, fromlist=None, level=0, **columns) -> int:
        arguments = {"fromlist": fromlist, "level": level, "by_c": columns.pop("by_c", False)}
        return self.add("import", name, arguments, frames, **columns)

    def load(self, path: str | None, frames: list, **columns) -> int:
        return self.add("dll-load", "dlopen", {"path": path, "flags": 2}, frames, **columns)

    def join(self, *, batches: int = 1) -> Joined | list[Joined]:
        """Give what the join makes of it all, or of that many parts in turn."""
        self.store.add_events(self.rows)
        self.store.commit(is_forced=True)
        with open_trace(self.path) as reader:
            joiner = Joiner(reader, load_categories())
            rows = list(reader.events())
            if batches == 1:
                return joiner.join(rows)
            size = -(-len(rows) // batches)
            return [joiner.join(rows[start : start + size]) for start in range(0, len(rows), size)]
