"""A package with dead branches. A line's comment says what of it is not done when `use_planted.py` runs.

DEAD: certainly told as not exercised. QUIET: raises no event, so it is told only where functions are seen to run.
"""

import builtins
import os as operating
import subprocess
import sys
from ctypes import cdll
from os import system as run_command
from socket import socket as Socket

from . import alive
from .alive import alive_function

if sys.platform == "win32":
    import winreg  # DEAD: import winreg
    from . import dead_module as never  # DEAD: import planted.dead_module
try:
    import planted_missing_module
except ImportError:
    planted_missing_module = None


def live(path):
    with open(path) as file:
        file.read()
    operating.listdir("/")
    exec(compile("1 + 1", "<planted>", "exec"))
    Socket().close()
    import colorsys
    from . import alive as again

    getattr(operating, "scan" + "dir")("/").close()
    return colorsys, again


def half_dead(is_evil):
    operating.getpid()
    if is_evil:
        run_command("true")  # DEAD: call os.system
        operating.popen("true")  # DEAD: call os.popen
        subprocess.run(  # DEAD: call subprocess.run
            ["true"],
            check=True,
        )
        getattr(operating, "sys" + "tem")("true")  # DEAD: call os.system
        eval("1")  # DEAD: call eval
        builtins.exec("1")  # DEAD: call exec
        cdll.LoadLibrary("libplanted.so")  # DEAD: dll-import libplanted.so
        import ftplib  # DEAD: import ftplib
        from xml.dom import minidom as dom  # DEAD: import xml.dom

        hidden = __import__("o" + "s")  # DEAD: import os
        hidden.remove("/nowhere/planted")  # DEAD: call os.remove
        Socket().connect(("127.0.0.1", 9))  # DEAD: call socket.socket, call socket.socket.connect
        return dom, ftplib
    return None


def dead():
    operating.getpid()  # QUIET: call os.getpid
    globals()  # QUIET: call globals
    import importlib  # DEAD: import importlib

    importlib.import_module("smtplib")  # QUIET: import smtplib
    inner = lambda: operating.kill(0, 0)  # DEAD: call os.kill
    names = [operating.unlink(name) for name in ()]  # DEAD: call os.unlink
    list(map(operating.rmdir, names))  # DEAD: call os.rmdir

    @exec  # DEAD: call exec
    def decorated():
        import marshal, types  # DEAD: import marshal, import types

        return types.CodeType(marshal.loads(b""))  # DEAD: call types.CodeType, call marshal.loads

    return inner


class Tool:
    launch = subprocess.Popen

    def __init__(self, open):
        self.open = open
        self.connection = Socket()

    def use(self):
        open("/etc/hosts").close()
        self.open("/etc/hosts")

    def misuse(self):
        self.launch(["true"])  # DEAD: call subprocess.Popen
        self.connection.bind(("127.0.0.1", 0))  # DEAD: call socket.socket.bind
        self.open("/etc/passwd")
        vars(operating)["chmod"]("/nowhere/planted", 0)  # DEAD: call os.chmod  QUIET: call vars


def outer():
    def within():
        return __builtins__["open"]("/nowhere/planted")  # DEAD: call open

    return within
