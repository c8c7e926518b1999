"""What a hostile program plants, told before it is done, so that a tracer's report can be held against it."""

import ctypes
import json
import os
import socket


def act(name, **details):
    """Describe one act: `path` or `port` marks it, `by` is the DLL (a path, a loaded DLL, None: Python and libc).

    `level` may be a list where more than one answer is right. `line` is by default that of the Python code which led
    there, none for what is detached.
    """
    planted = {"name": name, "args": {}, "object": None, "level": "native", "count": 1, "made_by": None, "flag": None}
    planted["args"].update(details.pop("args", {}))
    if "path" in details:
        planted["args"]["path"] = _text(details.pop("path"))
    if "port" in details:
        planted["args"]["addr"] = "127.0.0.1:%d" % details.pop("port")
    planted["object"] = _name_of(details.pop("by", None))
    planted["made_by"] = _name_of(details.pop("made_by", None))
    planted.update(details)
    return planted


def _text(path):
    return os.fsdecode(getattr(path, "value", path))


def _name_of(dll):
    return getattr(dll, "_name", dll)


class Plan:
    """One run of one technique: its folder, its DLLs, and what it has planted so far."""

    def __init__(self, technique, libraries, folder, size):
        self.technique, self.libraries, self.folder, self.size = technique, libraries, folder, size
        self._file = folder + ".json"
        self._kept = []
        self._marks = 0
        self.acts = []
        if os.path.exists(self._file):  # an earlier image of this process has planted, too
            with open(self._file) as text:
                self.acts = json.load(text)

    def library(self, name):
        """Give the path of a DLL or program that the test has built."""
        return os.path.join(self.libraries, name)

    def load(self, name):
        """Load one of them."""
        return ctypes.CDLL(self.library(name + ".so"))

    def path(self, text=None):
        """Give a path with a mark of its own, as C text that stays where it is."""
        self._marks += 1
        name = text or "%s-%d-%d-mark" % (self.technique.replace("_", "-"), len(self.acts), self._marks)
        return self.keep(os.path.join(self.folder, name))

    def keep(self, text):
        """Give text as C text that stays where it is."""
        self._kept.append(ctypes.create_string_buffer(os.fsencode(text)))
        return self._kept[-1]

    def closed_port(self):
        """Give a port of this machine at which nobody listens, reserved while we live."""
        self._kept.append(socket.socket())
        self._kept[-1].bind(("127.0.0.1", 0))
        return self._kept[-1].getsockname()[1]

    def open_port(self, kind=socket.SOCK_STREAM):
        """Give a port at which this program listens."""
        listener = socket.socket(socket.AF_INET, kind)
        self._kept.append(listener)
        listener.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            listener.listen(8)
        return listener.getsockname()[1]

    def does(self, function, *acts):
        """Write down what a lambda is about to do, then call it; its line is the one that leads to the acts."""
        line = function.__code__.co_firstlineno
        for one in acts:
            is_detached = one["level"] == "detached"
            one.setdefault("line", None if is_detached else line)
            one["file"] = function.__code__.co_filename
        self.acts.extend(acts)
        self.write()
        return function()

    def write(self):
        """Write down all that was planted so far."""
        with open(self._file, "w") as file:
            json.dump(self.acts, file, indent=1)
