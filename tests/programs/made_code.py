"""Makes code objects that never run, and tells what they consist of, who made them and on which line.

The argument is where to.
"""

import json
import marshal
import os
import sys
import types

from code_facts import facts_of

SOURCE = """
def outer(first, *rest, key=None):
    def inner(value):
        import socket
        return socket.create_connection((first, value)), rest, key
    return [inner for _ in range(3)]
class Kept:
    def method(self):
        return lambda: eval("1" * 5)
"""
told = []


def tell(maker, line, code):
    told.append([maker, line, facts_of(code)])
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            tell("constant of", code.co_firstlineno, constant)


def line():
    return sys._getframe(1).f_lineno


def replaced(code):
    names = {"co_name": "other"}
    if hasattr(code, "co_qualname"):
        names["co_qualname"] = "other"
    return code.replace(**names), line()


def constructed(code):
    parts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize]
    parts += [code.co_flags, code.co_code, code.co_consts, code.co_names, code.co_varnames, "<constructed>", "built"]
    if sys.version_info >= (3, 11):
        parts += ["built", 77, code.co_linetable, code.co_exceptiontable]
    else:
        parts += [77, code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab]
    return types.CodeType(*parts), line()


def from_file(path, code):
    with open(path, "wb") as file:
        marshal.dump(code, file)
    with open(path, "rb") as file:
        return marshal.load(file), line()


def given_on(code):
    exec(code, {})


def main(folder):
    kept = [compile(SOURCE, "<made>", "exec")]
    tell("compile", line() - 1, kept[0])
    kept.append(compile("[each for each in ()]", "<evaluated>", "eval"))
    tell("compile", line() - 1, kept[1])
    data = marshal.dumps(compile(SOURCE.replace("outer", "loaded"), "<loaded>", "exec"))
    kept.append(marshal.loads(data))
    tell("marshal.loads", line() - 1, kept[2])
    code, where = from_file(os.path.join(folder, "code.bin"), compile("left = 1", "<left>", "exec"))
    tell("marshal.load", where, code)
    kept.append(code)
    code, where = replaced(line.__code__)
    tell("code.__new__", where, code)
    kept.append(code)
    code, where = constructed(line.__code__)
    tell("code.__new__", where, code)
    kept.append(code)
    given_on(compile("given = 'on'", "<given on>", "exec"))
    try:
        compile("def broken(:", "<broken>", "exec")
    except SyntaxError:
        pass
    kept.append(line.__code__.replace(co_code=b""))  # as Cython makes for its functions
    kept.append(compile("1 + 1", "<tree>", "eval", 1024))  # PyCF_ONLY_AST
    kept.append(marshal.loads(marshal.dumps([1, 2])))
    with open(os.path.join(folder, "told.json"), "w") as file:
        json.dump(told, file)


print("ready", flush=True)
sys.stdin.readline()
main(sys.argv[1])
