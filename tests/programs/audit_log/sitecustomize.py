"""Writes each audit event of every process to the file AUDIT_LOG: put this folder on PYTHONPATH.

A line is [time by CLOCK_MONOTONIC in ns, pid, tid, event, arguments as text, stack from the inside out].
"""

import json
import os
import sys
import threading
import time

_LONGEST = 4096


def _install():
    path = os.path.abspath(os.environ["AUDIT_LOG"])
    log = _open(path)
    identity = os.fstat(log).st_ino
    write, close = os.write, os.close  # as they are now: gevent puts its own in their place
    inside = threading.local()

    def hook(event, arguments):
        now = time.monotonic_ns()
        if getattr(inside, "is_so", False):
            return
        inside.is_so = True
        try:
            stack, frame = [], sys._getframe().f_back
            while frame is not None:
                code = frame.f_code
                stack.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
                frame = frame.f_back
            values = [_text(one) for one in arguments]
            line = [now, os.getpid(), threading.get_native_id(), event, values, stack]
            written = json.dumps(line).encode() + b"\n"
            if _identity(log) == identity:
                write(log, written)
            else:  # a child between fork and exec that closed all descriptors, as gevent's does
                again = _open(path)
                write(again, written)
                close(again)
        finally:
            inside.is_so = False

    sys.addaudithook(hook)


def _open(path, _open=os.open):
    return _open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _identity(descriptor, _fstat=os.fstat):
    try:
        return _fstat(descriptor).st_ino
    except OSError:
        return None


def _text(value):
    if isinstance(value, bytes):
        return os.fsdecode(value[:_LONGEST])
    if isinstance(value, str):
        return str.__str__(value)[:_LONGEST]
    if isinstance(value, (int, tuple, list, type(None))):
        return repr(value)[:_LONGEST]
    return "<" + type(value).__name__ + ">"


_install()
