"""How a dump looks."""

import io

from pyxhon.dump.as_text import write_text
from pyxhon.dump.model import Dump, DumpedThread, NativeCall, PythonCall


def native(path, symbol, *, is_guessed=False, is_eval=False):
    return NativeCall(path, symbol, 0x1234, 0x10, 0x7F0000001234, "cfi", is_guessed, is_eval)


def test_text_of_a_dump():
    frames = (
        native("/usr/lib/libc.so.6", "read"),
        native("/opt/evil/libc.so.6", None, is_guessed=True),
        native("/usr/bin/python3", "_PyEval_EvalFrameDefault", is_eval=True),
        PythonCall("/srv/app.py", "main", 7, is_guessed=False),
        PythonCall(None, None, None, is_guessed=True),
        NativeCall(None, None, 0x99, None, 0x99, "cfi", is_guessed=False, is_eval=False),
    )
    threads = (
        DumpedThread(7, "app", "sleeping", "read", is_stable=True, problem=None, frames=frames),
        DumpedThread(8, "\x1b[2J", "sleeping", None, is_stable=False, problem="it ran all the time", frames=()),
    )
    dump = Dump(7, "/usr/bin/python3", ("python3", "app.py"), ("3.12.1", "/usr/bin/python3"), "now", threads, ("odd",))
    out = io.StringIO()

    write_text(dump, out)

    assert out.getvalue().splitlines() == [
        "process 7: python3 app.py",
        "CPython 3.12.1 (/usr/bin/python3), 2 threads, now",
        "note: odd",
        "",
        'thread 7 "app", sleeping in read',
        f"      {'read+0x10':44}  /usr/lib/libc.so.6",
        f"?     {'0x1234':44}  /opt/evil/libc.so.6",
        f"  {'main':48}  /srv/app.py:7",
        f"? {'?':48}  ?:?",
        f"      {'0x99':44}  ?",
        "",
        'thread 8 "\\x1b[2J", running',
        "  (it ran all the time)",
    ]
