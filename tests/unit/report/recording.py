"""Small traces written with the real writer: one service process with a worker, a few packages, a few acts."""

from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

START_NS = 1_763_833_212_000_000_000
APP, HTTP, SOCKET = "/srv/app.py", "/site/requests/api.py", "/usr/lib/python3.11/socket.py"
FILES = {
    APP: ("application", "application", None, "app", None),
    HTTP: ("distribution", "requests", "2.31.0", "requests.api", None),
    SOCKET: ("stdlib", "stdlib", None, "socket", None),
    "/site/idna/core.py": ("distribution", "idna", "3.6", "idna.core", None),
    "/site/numpy/_core.so": ("distribution", "numpy", "1.26.4", None, None),
    "/lib/libc.so.6": ("dll", "libc.so.6", None, None, None),
}
DOSSIER = {
    "needed": ["libopenblas.so", "libc.so.6"],
    "imports": {"os": ["getenv"], "file": ["fopen64"]},
    "raw_syscalls": 2,
    "raw_syscall_functions": ["sneak"],
    "writable_code": True,
    "init_functions": 3,
    "init_functions_of_compiler": 2,
    "stripped": False,
    "unwind": True,
    "record": "changed since installation",
    "partial": [],
}
COVERAGE = {
    "audit": "uprobe sys_audit_tstate",
    "imports": "uprobe PyImport_ImportModuleLevelObject",
    "calls": "off",
    "syscalls": "off",
    "native": "uprobe dlopen",
}


def add_process(store, pid, parent, origin="attach"):
    return store.add_process(
        pid=pid,
        parent_pid=parent,
        origin=origin,
        executable="/usr/bin/python3.11",
        arguments=["python3", "app.py"],
        working_directory="/srv",
        started_ns=100,
        exit_code=None,
        root=0,
        interpreter={
            "version": "3.11.2",
            "path": "/usr/bin/python3.11",
            "build_id": "ab" * 20,
            "linkage": "static",
            "stripped": True,
        },
        coverage=COVERAGE,
    )


class Recording:
    """Writes the events of one trace."""

    def __init__(self, path):
        self.store = Store(path)
        self.store.set_meta(
            started_unix_ns=START_NS,
            clock_offset_ns=START_NS,
            host={"kernel": "6.18.44", "arch": "x86_64", "hostname": "vm"},
            pyxhon="0.1.0",
        )
        self.process = add_process(self.store, 4242, 1)
        self.worker = add_process(self.store, 4243, 4242, origin="fork")
        for path_of_file, owner in FILES.items():
            self.store.add_file(0, path_of_file, owner)
        self._stacks = {}

    def stack(self, *frames):
        """Add a stack of (file, function, line), innermost first."""
        if frames not in self._stacks:
            number = self.store.add_stack(self.process, is_truncated=False, is_partial=False)
            rows = []
            for file, function, line in frames:
                code = self.store.add_code(
                    process=self.process, address=1 << 63, file=file, qualified_name=function, first_line=1,
                    line_table=b"", line_table_bytes=0,
                )  # fmt: skip
                rows.append((code, 0, line, False))
            self.store.add_frames(number, rows)
            self._stacks[frames] = number
        return self._stacks[frames]

    def add(self, name, arguments, stack, *, process=None, count=1, kind="audit", **changes):
        """Add one event."""
        number = self.store.next_event_id()
        values = {
            "id": number, "process": process or self.process, "tid": 4242, "kind": kind, "name": name,
            "arguments": arguments, "result": None, "python_stack": stack, "native_stack": None, "count": count,
            "failed": 0, "first_ns": 1000 + number, "last_ns": 2_000_000_000, "signal": "uprobe sys_audit_tstate",
            "is_truncated": False,
        }  # fmt: skip
        self.store.add_events([EventRow(**{**values, **changes})])
        return number

    def close(self, *, is_finished=True, losses=None):
        """End the recording."""
        if is_finished:
            self.store.set_meta(ended_unix_ns=START_NS + 8_000_000_000)
        self.store.set_losses(losses or {})
        with self.store:
            pass


def record_service(path, **how):
    """Record a service whose package requests connects, reads a file and loads a DLL."""
    recording = Recording(path)
    fetch = recording.stack((SOCKET, "create_connection", 833), (HTTP, "get", 59), (APP, "main", 12))
    top = recording.stack((APP, "main", 20))
    for process, count in ((recording.process, 12), (recording.worker, 3)):
        recording.add(
            "socket.connect", [{"type": "socket.socket"}, ["127.0.0.1", 80]], fetch, process=process, count=count
        )
    recording.add("open", ["/etc/hosts", "r", 524288], fetch)
    recording.add("os.system", [{"bytes": "ls"}], top)
    load = recording.add("dlopen", {"path": "/site/numpy/_core.so", "flags": 2}, top, kind="dll-load")
    recording.store.add_dll(recording.process, "/site/numpy/_core.so", event=load)
    recording.store.add_dll(recording.process, "/lib/libc.so.6", build_id="cd" * 20)
    recording.store.set_hash("/site/numpy/_core.so", "0" * 64, None)
    recording.store.set_dossier("/site/numpy/_core.so", DOSSIER)
    recording.store.add_modules(recording.process, [("socket", SOCKET, False), ("_json", None, True)])
    recording.store.add_thread(recording.process, 4242, None)
    recording.store.add_open_files(recording.process, [(3, "socket", "tcp 127.0.0.1:8000")])
    recording.store.set_counters([("audit", 17, 4, 13, 0)])
    recording.close(**how)
    return path
