"""What Python sources could do. Run as a program of its own, for a hostile source can crash any parser.

It reads from standard input, each after its length in four bytes, first what is wanted, as JSON, then sources; and
answers each with one line of JSON: {"functions", "sites"}, or why there is none. It opens no file and runs nothing of
what it reads.
"""

import ast
import codecs
import contextlib
import gc
import json
import os
import re
import resource
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from pyxhon.abilities.resolving import IMPORTERS, Resolver, Wanted, read_text
from pyxhon.abilities.scopes import Scope, SourceReader

MAX_FUNCTIONS: Final = 20_000
MAX_SITES: Final = 20_000
_MEMORY_BYTES: Final = 1 << 30
_PROCESSOR_SECONDS: Final = 30
_NOBODY: Final = 65534
_LENGTH: Final = struct.Struct("=I")
_WORDS: Final = re.compile(rb"[A-Za-z_]\w*")
_LIBRARIES: Final = ("LibraryLoader", "cdll", "pydll", "windll", "oledll")
LOADERS: Final = frozenset(
    {
        *(f"ctypes.{name}" for name in ("CDLL", "PyDLL", "OleDLL", "WinDLL")),
        *(f"ctypes.{name}.LoadLibrary" for name in _LIBRARIES),
        "_ctypes.dlopen",
    }
)
_FIND_LIBRARY: Final = "ctypes.util.find_library"
_QUESTIONS: Final = frozenset({"builtins.isinstance", "builtins.issubclass"})
_OF_IMPORTED: Final = re.compile(r"(?:__import__|import_module)\(\)\.")
DLOPEN: Final = "dlopen"  # of cffi, whose instances have no type here
_FAILURES: Final = (SyntaxError, ValueError, RecursionError, MemoryError, LookupError)
Site = tuple[str, str, str, int, int, int, str, int, bool]
"""The fields of abilities.model.Site."""
Reading = Callable[[bytes, Wanted], "dict[str, list[object]] | str"]


def read_source(source: bytes, wanted: Wanted) -> dict[str, list[object]] | str:
    """Give the functions that a source defines and the sites of what it could do; or say why not."""
    try:
        tree = ast.parse(source)
        reader = SourceReader(tree, with_calls=not wanted.words.isdisjoint(_WORDS.findall(source)))
        sites = sorted({*_import_sites(reader), *_call_sites(reader, Resolver(reader, wanted), wanted)}, key=place_of)
    except _FAILURES as error:
        return f"its source cannot be parsed: {type(error).__name__}"
    if len(reader.functions) > MAX_FUNCTIONS:
        return f"it defines more than {MAX_FUNCTIONS} functions"
    if len(sites) > MAX_SITES:
        return f"it has more than {MAX_SITES} imports and calls"
    return {"functions": [*sorted(reader.functions)], "sites": [*sites]}


def place_of(site: Site) -> tuple[int, str, str]:
    """Give what sites are sorted by."""
    return site[4], site[0], site[1]


def _import_sites(reader: SourceReader) -> Iterator[Site]:
    for name, written, level, node, scope in reader.imports:
        yield ("import", name, written, level, *_where(node, scope), False)


def _where(node: ast.stmt | ast.expr, scope: Scope) -> tuple[int, int, str, int]:
    return node.lineno, node.end_lineno or node.lineno, scope.name, scope.line


def _call_sites(reader: SourceReader, resolver: Resolver, wanted: Wanted) -> Iterator[Site]:
    for call, scope in reader.calls:
        called = resolver.resolve(call.func, scope)
        for name in called or [_unresolved(call.func)]:
            if not _OF_IMPORTED.search(name):
                yield from _sites_of_call(name.replace("()", ""), call, scope, resolver, wanted)
        values = (*call.args, *(keyword.value for keyword in call.keywords))
        for value in values if _QUESTIONS.isdisjoint(called) else ():
            yield from _references(value, scope, resolver, wanted)
    for decorator, scope in reader.decorators:
        for name in resolver.resolve(decorator, scope):
            told = wanted.shown(name.replace("()", ""))
            if told is not None and not name.endswith("()"):
                yield ("call", told, "", 0, *_where(decorator, scope), False)


def _sites_of_call(name: str, call: ast.Call, scope: Scope, resolver: Resolver, wanted: Wanted) -> Iterator[Site]:
    where = _where(call, scope)
    kind, shown = _describe(name, call, scope, resolver)
    if kind == "import":
        yield ("import", shown, name.removeprefix("builtins."), 0, *where, False)
    elif kind == "dll-import":
        yield ("dll-import", shown, "", 0, *where, False)
    elif (told := wanted.shown(name)) is not None:
        yield ("call", told, "", 0, *where, False)


def _unresolved(function: ast.expr) -> str:
    return f"?.{function.attr}" if isinstance(function, ast.Attribute) else "?"


def _describe(name: str, call: ast.Call, scope: Scope, resolver: Resolver) -> tuple[str, str]:
    """Give the kind of a call and what is imported or loaded by it, where the text names that."""
    first = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "name"), None)
    text = read_text(first)
    if name in IMPORTERS and text:
        return "import", text
    if name in LOADERS or name.rpartition(".")[2] == DLOPEN:
        if text:
            return "dll-import", text
        if isinstance(first, ast.Call) and _FIND_LIBRARY in resolver.resolve(first.func, scope) and first.args:
            text = read_text(first.args[0])
            return ("dll-import", text) if text else ("call", "")
    return "call", ""


def _references(value: ast.expr, scope: Scope, resolver: Resolver, wanted: Wanted) -> Iterator[Site]:
    """Give functions that are handed over, for others to call."""
    if isinstance(value, (ast.Name, ast.Attribute)):
        for name in resolver.resolve(value, scope):
            told = wanted.shown(name)
            if told is not None and wanted.is_function(told):
                yield ("call", told, "", 0, *_where(value, scope), True)


def serve(sources: BinaryIO, answers: BinaryIO, read: Reading = read_source) -> None:
    """Answer until there are no more files."""
    wanted = None
    while len(header := sources.read(_LENGTH.size)) == _LENGTH.size:
        content = sources.read(*_LENGTH.unpack(header))
        if wanted is None:
            wanted = Wanted(json.loads(content))
            continue
        answers.write(json.dumps(read(content, wanted)).encode() + b"\n")
        answers.flush()


def confine() -> None:
    """Give up what is not needed: root's rights, much memory, much time."""
    gc.disable()  # a tree has no cycles
    warnings.simplefilter("ignore")
    codecs.lookup("latin-1")  # imported before the folder of the standard library may be out of reach
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):  # a user namespace that has no such user
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def main() -> None:
    """Be the program."""
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
