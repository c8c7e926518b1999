"""Prints a JSON line for each code object of many modules: its line table, and CPython's own answer per instruction."""

import base64
import ctypes
import dis
import importlib
import json
import sys
import types

MODULES = """argparse ast asyncio.base_events asyncio.tasks collections configparser contextlib csv ctypes dataclasses
datetime decimal difflib dis doctest email.message enum fractions functools gettext heapq html.parser http.client
http.server inspect io json.decoder locale logging mailbox multiprocessing.pool os pathlib pdb pickle pickletools
platform plistlib pprint pydoc queue random re sched shlex shutil smtplib socket sqlite3 ssl statistics string subprocess
tarfile tempfile textwrap threading timeit tokenize trace traceback turtle types typing unittest.case unittest.mock
urllib.parse urllib.request uuid warnings weakref xml.dom.minidom zipfile""".split()

address_to_line = ctypes.pythonapi.PyCode_Addr2Line
address_to_line.argtypes = [ctypes.py_object, ctypes.c_int]


def codes_of(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)


def long_code():
    lines = ["def long(a):"] + ["    a = (a +\n  %d)" % i for i in range(3000)] + ["    return a"]
    lines += [
        "def no_lines(a):",
        "    for i in a:",
        "        try:",
        "            a()",
        "        finally:",
        "            del a",
    ]
    return compile("\n" * 70000 + "\n".join(lines), "long.py", "exec")


def source_of(name):
    try:
        spec = importlib.util.find_spec(name)
        loader = spec.loader
        return loader.get_code(spec.name)
    except (ImportError, AttributeError, ValueError):
        return None


import importlib.util

tops = [long_code()] + [code for code in map(source_of, MODULES) if code is not None]
for top in tops:
    for code in codes_of(top):
        table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
        answers = [address_to_line(code, offset) for offset in range(-2, len(code.co_code) + 4, 2)]
        record = {
            "name": code.co_filename + ":" + code.co_name,
            "first_line": code.co_firstlineno,
            "table": base64.b64encode(table).decode(),
            "size": len(code.co_code),
            "answers": answers,
        }
        if hasattr(code, "co_lines"):
            record["ranges"] = list(code.co_lines())
        else:
            record["starts"] = list(dis.findlinestarts(code))
        sys.stdout.write(json.dumps(record) + "\n")
