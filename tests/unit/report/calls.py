"""Traces of Python functions that ran, written with the real writer."""

from pyxhon.trace.rows import CallRow
from tests.unit.report.recording import APP, HTTP, SOCKET, Recording

LOST = "/site/idna/core.py"


class CallRecording(Recording):
    """Writes calls and their flow; a function is (file, qualified name, first line)."""

    def __init__(self, path):
        super().__init__(path)
        self._codes = {}

    def code(self, function, process=None):
        key = (function, process or self.process)
        if key not in self._codes:
            file, name, line = function
            self._codes[key] = self.store.add_code(
                process=key[1], address=1, file=file, qualified_name=name, first_line=line,
                line_table=b"", line_table_bytes=0,
            )  # fmt: skip
        return self._codes[key]

    def call(self, callee, caller=None, starts=None, resumptions=None, *, tid=7, process=None, first_ns=5):
        owner = process or self.process
        ends = self.code(callee, process), caller and self.code(caller, process)
        return self.store.add_call(CallRow(None, owner, tid, *ends, starts, resumptions, first_ns, first_ns))

    def tell(self, name, ends, arguments, *, line=12, count=1):
        """Add a call that was asked for by name; ends are the function and its caller, or nothing."""
        stack = None
        if ends:
            stack = self.store.add_stack(self.process, is_truncated=False, is_partial=False)
            lines = [ends[0][2], line]
            rows = [(self.code(end), 0, at, False) for end, at in zip(ends, lines, strict=False)]
            self.store.add_frames(stack, rows)
        self.add(name, {"args": arguments}, stack, kind="call", signal="uprobe RESUME", count=count)

    def flow(self, *rows, tid=7):
        """Add (time_ns, kind, function, caller)."""
        self.store.add_call_flow(
            [(self.process, tid, time, kind, self.code(callee), caller and self.code(caller), None)
             for time, kind, callee, caller in rows]
        )  # fmt: skip


MAIN = (APP, "main", 3)
IDLE = (APP, "Idle", 30)
GET = (HTTP, "Session.get", 50)
CONNECT = (SOCKET, "create_connection", 800)
CLOSE = (SOCKET, "socket.close", 500)
ENCODE = (LOST, "encode", 9)
MADE = ("<string>", "__init__", 1)


def record_calls(path, *, is_counted=True, sample=None):
    """Record a service that calls three packages, some of whose sources could be read."""
    recording = CallRecording(path)
    recording.store.add_file(0, "<string>", ("application", "application", None, None, {"generated": True}))

    def count(number):
        return (number, 0) if is_counted else ()

    recording.call((APP, "<module>", 1), None, *count(1))
    recording.call(IDLE, (APP, "<module>", 1), *count(1))
    recording.call(MAIN, (APP, "<module>", 1), *count(1))
    recording.call(GET, MAIN, *count(12))
    recording.call(GET, MAIN, *((3, 4) if is_counted else ()), tid=8)
    recording.call(GET, MAIN, *count(5), process=recording.worker)
    recording.call(CONNECT, GET, *count(20))
    recording.call(CLOSE, CONNECT, *count(90))
    recording.call(ENCODE, GET, *count(2), first_ns=None, tid=0)
    recording.call(MADE, GET, *count(1))
    recording.store.add_source(0, APP, [(3, "main"), (9, "main.<locals>.unused")])
    recording.store.add_source(0, HTTP, [(50, "Session.get"), (70, "Session.post"), (90, "Session.put")])
    recording.store.add_source(0, LOST, "no such file")
    if sample:
        recording.store.set_meta(calls_observed=sample)
    recording.close()
    return path
