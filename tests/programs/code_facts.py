"""What a code object says of itself."""

import sys
import types


def constant(value):
    if isinstance(value, types.CodeType):
        return ["code", "<code %s>" % getattr(value, "co_qualname", value.co_name)]
    return [type(value).__name__, repr(value)]


def facts_of(code):
    return {
        "file": code.co_filename,
        "name": getattr(code, "co_qualname", code.co_name),
        "first_line": code.co_firstlineno,
        "bytecode": code.co_code.hex(),
        "constants": [constant(value) for value in code.co_consts],
        "names": code.co_names,
        "variables": code.co_varnames,
        "cells": code.co_cellvars,
        "free": code.co_freevars,
        "flags": code.co_flags,
        "argument_count": code.co_argcount,
        "stack_size": code.co_stacksize,
        "positional_only_count": code.co_posonlyargcount,
        "keyword_only_count": code.co_kwonlyargcount,
        "line_table": (code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab).hex(),
        "exception_table": getattr(code, "co_exceptiontable", b"").hex(),
        "version": "%d.%d" % sys.version_info[:2],
    }
