"""Method tables against the truth: what introspection in the running interpreter finds, by name and address."""

import json
import subprocess
from functools import cache
from pathlib import Path

from pyxhon.cpython.extension_files import Start, find_extension_files, list_package_files
from pyxhon.cpython.methods import METH_CLASS, METH_STATIC, Method, find_methods
from pyxhon.function_names import Match, match
from pyxhon.target.elf import open_image
from tests.extension import build_extension
from tests.interpreters import Interpreter, every_python
from tests.targets import PROGRAMS

_EXTENSIONS = ("_socket", "_ctypes", "_pickle", "_sqlite3", "math", "_ssl", "_datetime", "select", "_json", "zlib")
# Made for a type when it is set up (Objects/typeobject.c, Objects/structseq.c): one for all, of no type.
_OF_NO_TYPE = frozenset({"__new__", "__reduce__", "__replace__"})


@cache
def _truth(python: Interpreter) -> dict:
    command = python.command(PROGRAMS / "every_builtin.py", *_EXTENSIONS)
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@cache
def _methods_by_offset(python: Interpreter, path: str) -> dict[int, list[Method]]:
    found: dict[int, list[Method]] = {}
    inside = path if python.root == "/" else python.root + path.removeprefix(python.root)
    with open_image(inside) as image:
        for method in find_methods(image):
            if method.function is not None:
                found.setdefault(image.file_offset(method.function), []).append(method)
    return found


def _find(python: Interpreter, address: int) -> list[Method]:
    for start, end, offset, path in _truth(python)["mapped"]:
        if start <= address < end:
            return _methods_by_offset(python, path).get(address - start + offset, [])
    return []


@every_python()
def test_every_function_that_introspection_finds_is_found_at_its_address(python):
    functions = _truth(python)["functions"]

    missing = [
        (full, name) for full, name, address, flags, _ in functions
        if not any((method.name, method.flags) == (name, flags) for method in _find(python, address))
    ]  # fmt: skip

    assert len(functions) > 1000
    assert missing == []


@every_python()
def test_every_function_goes_by_its_full_name(python):
    named_otherwise = []
    for full, name, address, *_ in _truth(python)["functions"]:
        names = [known for method in _find(python, address) if method.name == name for known in method.full_names]
        if name not in _OF_NO_TYPE and not any(match(full, known) is Match.WHOLE for known in names):
            named_otherwise.append(full)

    # its entry names a function of the interpreter, which the interpreter's own tables name for others
    assert set(named_otherwise) <= {"_ctypes.Array.__class_getitem__"}


@every_python()
def test_an_extension_modules_functions_have_flags_and_owners(python, tmp_path):
    with open_image(str(build_extension(python, tmp_path))) as image:
        methods = {method.full_names: method for method in find_methods(image)}

    assert methods["conventions.fast_keywords",].convention == "method_fastcall_keywords"
    assert methods["conventions.noargs",].is_of_module
    assert methods["conventions.Thing.class_o",].flags & METH_CLASS
    assert methods["conventions.Thing.static_o",].flags & METH_STATIC
    assert not methods["conventions.Thing.instance_fast",].is_of_module


@every_python()
def test_an_extension_module_is_found_by_name_without_importing_it(python, tmp_path):
    built = build_extension(python, tmp_path)
    command = (python.path, str(tmp_path / "program.py"))

    found = find_extension_files("conventions.Thing.method", Start(python.version, (python.path,), command, {}, "/"))

    assert [Path(path) for path in found] == [built]


@every_python()
def test_the_extension_modules_of_a_package_are_listed(python, tmp_path):
    (tmp_path / "package/inner").mkdir(parents=True)
    built = build_extension(python, tmp_path / "package/inner")
    start = Start(python.version, (python.path,), (python.path, str(tmp_path / "program.py")), {}, "/")

    assert [Path(path) for path in list_package_files("package.Thing.method", start)] == [built]
    assert list(list_package_files("absent.Thing.method", start)) == []
