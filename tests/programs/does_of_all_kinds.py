"""Uses packages, starts programs, calls foreign functions, and uses names that no report can show as they are."""

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading


def use_packages():
    import rich.console
    import yaml

    yaml.load("a: [1, 2]", Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    with open(os.devnull, "w") as out:
        rich.console.Console(file=out).print("[bold]text")


def start_programs():
    subprocess.run(["/bin/sh", "-c", "cat /etc/hostname; exit 3"], check=False, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-c", "import os; os.chdir('/'); open('etc/hosts').close()"], check=True)
    child = os.fork()
    if not child:
        os.chdir("/etc")
        open("hosts").close()
        os._exit(0)
    os.waitpid(child, 0)


def call_foreign_functions():
    library = ctypes.CDLL(None)
    library.getenv(b"HOME")
    library.mkdir(b"/nonexistent/made", 0o700)
    with contextlib.suppress(OSError):
        ctypes.CDLL("./no_such_library.so")


def use_hostile_names(folder):
    names = [b"\x80\xff", b"\\udc80", "\u202e\u200b\U0001f600".encode(), b"a\nb\x1b[31m", b"x" * 250]
    for name in names:
        with open(os.path.join(os.fsencode(folder), name), "wb"):
            pass
    for name in (b"\xff" * 5000, "deep/" * 500):
        with contextlib.suppress(OSError):
            open(name)
    with contextlib.suppress(OSError):
        os.listdir("relative\udc80")
    sys.audit("object.__getattr__", lambda: 0, "\ud800")
    exec(compile("x = float('inf')", "<\udcff>", "exec"), {})


def connect():
    with socket.socket() as peer:
        peer.connect_ex(("127.0.0.1", 9))


use_packages()
start_programs()
call_foreign_functions()
use_hostile_names(sys.argv[1])
thread = threading.Thread(target=connect)
thread.start()
thread.join()
