"""Native frames for traces written by hand."""

from dataclasses import dataclass, replace

from pyxhon.trace.rows import NativeFrameRow, NativeStackRow

LIB = "/usr/lib/x86_64-linux-gnu"
DYNLOAD = "/usr/lib/python3.12/lib-dynload"


@dataclass(frozen=True)
class F:
    """One native frame."""

    path: str | None
    role: str | None = "library"
    symbol: str | None = None
    how: str = "cfi"
    is_eval: bool = False
    flags: int = 0

    def but(self, **changes):
        return replace(self, **changes)

    @property
    def row(self):
        return NativeFrameRow(self.path, self.role, self.symbol, 16, self.how, self.is_eval, self.flags, 1)


LIBC = F(f"{LIB}/libc.so.6", "c_library")
LOADER = F(f"{LIB}/ld-linux-x86-64.so.2", "c_library")
PYTHON = F("/usr/lib/libpython3.12.so.1.0", "interpreter")
EVAL = F("/usr/lib/libpython3.12.so.1.0", "interpreter", "_PyEval_EvalFrameDefault", is_eval=True)
SOCKET = F(f"{DYNLOAD}/_socket.cpython-312-x86_64-linux-gnu.so")
CTYPES = F(f"{DYNLOAD}/_ctypes.cpython-312-x86_64-linux-gnu.so")
SQLITE = F(f"{DYNLOAD}/_sqlite3.cpython-312-x86_64-linux-gnu.so")
LIBSQLITE = F(f"{LIB}/libsqlite3.so.0.8.6")
LIBFFI = F(f"{LIB}/libffi.so.8.1.2", flags=2)
FAST = F("/venv/lib/python3.12/site-packages/pkg/_fast.so", symbol="do_it")
LONE = F("/opt/lone.so", symbol="act")
ANONYMOUS = F("anon:7f0000001000", "anonymous")
MEMFD = F("memfd:hidden", "memfd")
PROGRAM = F("/usr/bin/git", "program")


def stack_row(*frames, **columns):
    values = {"id": 1, "is_truncated": False, "is_guessed": False, "end_reason": "bottom", **columns}
    return NativeStackRow(frames=tuple(frame.row for frame in frames), **values)
