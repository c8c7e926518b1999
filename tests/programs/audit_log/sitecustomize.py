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
    log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
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
            os.write(log, json.dumps(line).encode() + b"\n")
        finally:
            inside.is_so = False

    sys.addaudithook(hook)


def _text(value):
    if isinstance(value, bytes):
        return os.fsdecode(value[:_LONGEST])
    if isinstance(value, str):
        return str.__str__(value)[:_LONGEST]
    if isinstance(value, (int, tuple, list, type(None))):
        return repr(value)[:_LONGEST]
    return "<" + type(value).__name__ + ">"


_install()
