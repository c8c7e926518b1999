"""Tells what dis says of the code objects of modules, one JSON object a line."""

import dis
import importlib
import json
import sys
import types

MODULES = ["os", "json.decoder", "argparse", "asyncio.base_events", "typing", "dataclasses", "inspect"]


def all_codes(code):
    found = [code]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += all_codes(constant)
    return found


def constant(value):
    if isinstance(value, types.CodeType):
        return "<code %s>" % getattr(value, "co_qualname", value.co_name)
    return repr(value)


def describe(code):
    instructions = [
        [
            each.offset,
            each.opname,
            each.arg is not None,
            [each.argrepr, str(each.argval), "to %s" % (each.argval,), str(each.arg)],
        ]
        for each in dis.get_instructions(code)
        if each.opname not in ("EXTENDED_ARG", "CACHE")
    ]
    count = len(set(code.co_varnames) | set(code.co_cellvars) | set(code.co_freevars))
    entries = dis._parse_exception_table(code) if hasattr(dis, "_parse_exception_table") else []
    print(
        json.dumps(
            {
                "name": code.co_name,
                "first_line": code.co_firstlineno,
                "bytecode": code.co_code.hex(),
                "instructions": instructions,
                "names": code.co_names,
                "variables": code.co_varnames,
                "cells": code.co_cellvars,
                "free": code.co_freevars,
                "all_locals": [code._varname_from_oparg(i) for i in range(count)]
                if sys.version_info >= (3, 11)
                else [],
                "constants": [constant(value) for value in code.co_consts],
                "line_table": (code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab).hex(),
                "exception_table": getattr(code, "co_exceptiontable", b"").hex(),
                "positions": [list(each) for each in code.co_positions()] if hasattr(code, "co_positions") else None,
                "exceptions": [[each.start, each.end, each.target, each.depth, bool(each.lasti)] for each in entries],
                "adaptive": getattr(code, "_co_code_adaptive", code.co_code).hex(),
            }
        )
    )


def warm():
    """Functions that ran often have specialised instructions."""
    parser = importlib.import_module("argparse").ArgumentParser()
    parser.add_argument("--number", type=int, default=1)
    for _ in range(40):
        parser.parse_args(["--number", "3"])
        importlib.import_module("json").loads('{"a": [1, 2.5, "text", {"b": null}]}')
    for name in ("argparse", "json.decoder", "json.scanner", "re", "enum"):
        for value in list(vars(importlib.import_module(name)).values()):
            members = vars(value).values() if isinstance(value, type) else [value]
            for member in members:
                if isinstance(member, types.FunctionType):
                    describe(member.__code__)


for module in MODULES:
    file = importlib.import_module(module).__file__
    with open(file, encoding="utf-8") as source:
        for each in all_codes(compile(source.read(), file, "exec")):
            describe(each)
warm()
