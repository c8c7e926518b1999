"""Puts markup and script into all that a report shows: files, functions, code, modules, arguments."""

import subprocess
import sys

from hostile_markup_payloads import PAYLOADS


def attempt(act, *arguments):
    try:
        return act(*arguments)
    except (OSError, ImportError, ValueError):
        return None


for number, payload in enumerate(PAYLOADS):
    attempt(open, "/nonexistent" + payload)
    attempt(subprocess.run, ["true", payload])
    attempt(__import__, payload.replace(".", "_"))
    source = "def act():\n    try:\n        open(%r)\n    except (OSError, ValueError):\n        pass\n" % payload
    space = {}
    exec(compile(source, payload, "exec"), space)
    act = space["act"]
    act.__code__ = act.__code__.replace(co_name=payload, co_filename=payload)
    act()
    sys.audit(payload, payload)
