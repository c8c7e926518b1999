"""What is read of real files and of DLLs made for it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.dossier.read import group_imports
from pyxhon.dossier.symbols import CATEGORY_OF_SYMBOL
from pyxhon.target.elf import open_image
from tests.interpreters import every_python
from tests.unit.dossier.builds import build, dossier_of

_LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
_FILES = [os.path.realpath(sys.executable), shutil.which("sleep"), _LIBC, "/lib/x86_64-linux-gnu/libz.so.1"]
every_file = pytest.mark.parametrize("path", _FILES, ids=os.path.basename)
# Exported by other libraries than glibc and libpython, by newer or older ones.
_OTHERS = re.compile(
    r"sqlite3_|curl_|SSL_|BIO_|ffi_|seccomp_|io_uring_queue|cap_set_proc|__libc_dl|__clone2|res_n?init|at_quick_exit"
    r"|PyImport_ImportModuleAttr|PyInterpreterState_SetEvalFrameFunc|fsconfig|fspick"
    r"|keyctl|add_key|request_key|atexit"
)
_ACTS = """
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
void acts(void *at) {
    unlink("x"); socket(0, 0, 0); dlopen("x", 0); system("x"); mprotect(at, 1, 7); getenv("x"); puts("x");
    PyRun_SimpleString("x");
}
"""
_CONSTRUCTORS = """
__attribute__((constructor)) static void first(void) { __asm__ volatile("nop"); }
__attribute__((constructor(200))) static void second(void) { __asm__ volatile("nop"); }
__attribute__((destructor)) static void last(void) { __asm__ volatile("nop"); }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("read")


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True).stdout


@every_file
def test_needed_libraries_imports_and_exports_are_those_of_readelf(path):
    lines = [line.split() for line in readelf("--dyn-syms", path).splitlines()]
    symbols = [fields for fields in lines if len(fields) > 7 and fields[0][:-1].isdigit()]
    imported = {fields[7].partition("@")[0] for fields in symbols if fields[6] == "UND"}
    exported = [fields for fields in symbols if fields[6] != "UND" and fields[4] != "LOCAL"]

    found = dossier_of(path)

    assert found.needed == re.findall(r"NEEDED.*\[(.+)\]", readelf("-d", path))
    assert (found.imported, found.exported) == (len(imported), len(exported))
    assert found.imports == group_imports(imported)


@every_file
def test_hardening_is_that_of_readelf(path):
    dynamic, segments = readelf("-d", path), readelf("-l", path)

    found = dossier_of(path)

    assert found.bind_now == bool(re.search(r"BIND_NOW|FLAGS_1.*NOW", dynamic))
    assert (found.relro != "none") == ("GNU_RELRO" in segments)
    assert found.executable_stack == bool(re.search(r"GNU_STACK.* RWE ", segments))
    assert found.loader == (re.findall(r"interpreter: (.+)\]", segments) or [None])[0]


def test_libc_says_what_it_is():
    found = dossier_of(_LIBC)

    assert (found.soname, found.unwind, found.partial) == ("libc.so.6", True, [])
    assert found.size == Path(_LIBC).stat().st_size
    assert [found.writable_code, found.text_relocations, found.packed] == [False, False, False]
    assert 5.5 < found.entropy[".text"] < 6.7


@every_python()
def test_every_interpreter_is_looked_at_whole(python):
    path = Path(python.root) / os.path.realpath(python.path).lstrip("/")
    shared = sorted(path.parent.parent.glob("lib/libpython3.*.so.1.0"))

    found = dossier_of(str(shared[0] if shared else path))

    assert found.partial == []
    assert {"file", "os", "dll"} <= set(found.imports)
    assert found.raw_syscalls == 0


def test_imports_are_sorted_into_categories(folder):
    found = dossier_of(build(folder, "acts", _ACTS))

    assert found.imports == {
        "builtins": ["PyRun_SimpleString"],
        "dll": ["dlopen"],
        "file": ["unlink"],
        "network": ["socket"],
        "os": ["getenv", "mprotect", "system"],
    }


def test_imports_of_a_dll_that_exports_nothing_are_seen(folder):
    source = _ACTS.replace("void acts", "__attribute__((constructor)) static void acts")

    found = dossier_of(build(folder, "quiet", source, "-s", "-Wl,--hash-style=gnu"))

    assert found.exported == 0
    assert found.imports["network"] == ["socket"]


def test_python_modules_are_told_by_their_init_functions(folder):
    found = dossier_of(build(folder, "module", "int PyInit_one(void) {return 0;} int PyInit_two(void) {return 0;}"))

    assert sorted(found.python_modules) == ["PyInit_one", "PyInit_two"]


def test_constructors_are_counted_and_named(folder):
    found = dossier_of(build(folder, "constructors", _CONSTRUCTORS))

    assert {"first", "second"} <= set(found.init_names)
    assert found.init_functions - found.init_functions_of_compiler == 2
    assert found.fini_functions == dossier_of(build(folder, "none", "")).fini_functions + 1


def test_of_a_dll_without_constructors_all_are_the_compilers(folder):
    found = dossier_of(build(folder, "empty", "int x;", "-s"))

    assert found.init_functions == found.init_functions_of_compiler == len(found.init_names) > 0


def test_a_function_that_is_only_called_like_the_compilers_is_not(folder):
    source = '#include <unistd.h>\n__attribute__((constructor)) void frame_dummy(void) { unlink("x"); }'

    found = dossier_of(build(folder, "named_like", source))

    assert found.init_functions - found.init_functions_of_compiler == 1


def test_old_style_constructors_count(folder):
    source = """
    static void old(void) { __asm__ volatile("nop"); }
    __attribute__((section(".ctorz"), used)) static void (*list[])(void) = {(void *)-1, old, old, 0};
    """
    path = Path(build(folder, "ctors", source))
    path.write_bytes(path.read_bytes().replace(b".ctorz", b".ctors"))  # the linker would make .init_array of it

    found = dossier_of(str(path))

    assert found.init_functions - found.init_functions_of_compiler == 2
    assert "old" in found.init_names


@pytest.mark.parametrize(("options", "is_rpath"), [(["--disable-new-dtags"], True), (["--enable-new-dtags"], False)])
def test_library_paths_tell_rpath_from_runpath(folder, options, is_rpath):
    found = dossier_of(build(folder, "paths", "", f"-Wl,{options[0]},-rpath,/opt/evil:$ORIGIN/libs"))

    assert (found.library_paths, found.rpath) == (["/opt/evil", "$ORIGIN/libs"], is_rpath)


def test_writable_code_is_seen(folder):
    source = '__attribute__((section(".both,\\"awx\\",@progbits#"))) char both[16] = {1};'

    assert dossier_of(build(folder, "both", source)).writable_code
    assert not dossier_of(build(folder, "ordinary", "int f(void) {return 1;}")).writable_code


@pytest.mark.parametrize(("option", "expected"), [("execstack", True), ("noexecstack", False)])
def test_executable_stack_is_seen(folder, option, expected):
    assert dossier_of(build(folder, option, "", f"-Wl,-z,{option}")).executable_stack is expected


def test_text_relocations_are_seen(folder):
    source = 'extern int outside; __asm__(".text\\n.globl word\\nword: .quad outside");'

    assert dossier_of(build(folder, "textrel", source, "-Wl,-z,notext")).text_relocations


def test_stripped_and_without_unwind_tables_are_seen(folder):
    plain = dossier_of(build(folder, "plain", "int f(void) {return 1;}"))
    bare = dossier_of(build(folder, "bare", "int f(void) {return 1;}", "-s", "-fno-asynchronous-unwind-tables",
                            "-nostdlib"))  # fmt: skip

    assert (plain.stripped, plain.unwind) == (False, True)
    assert (bare.stripped, bare.unwind) == (True, False)


def test_full_relro_and_guards_are_seen(folder):
    source = "#include <string.h>\nvoid f(char *p, const char *q) { char b[64]; strcpy(b, q); memcpy(p, b, 64); }"

    options = ("-Wl,-z,relro,-z,now", "-fstack-protector-all", "-O2", "-D_FORTIFY_SOURCE=2")
    found = dossier_of(build(folder, "hard", source, *options))

    assert (found.relro, found.bind_now, found.stack_protector, found.fortified) == ("full", True, True, True)


def test_encrypted_code_looks_packed(folder):
    noise = ",".join(str(byte) for byte in os.urandom(1 << 16))
    source = f'__attribute__((section(".text"))) const unsigned char noise[] = {{{noise}}};'

    found = dossier_of(build(folder, "packed", source))

    assert found.packed
    assert found.entropy[".text"] > 7.5


def test_every_symbol_of_the_table_is_one_that_some_library_exports():
    libraries = [_LIBC, "/lib/x86_64-linux-gnu/libresolv.so.2", "/lib/x86_64-linux-gnu/libcrypt.so.1"]
    libraries += ["/usr/bin/python3", os.path.realpath(sys.executable)]
    exported = set()
    for path in libraries:
        with open_image(os.path.realpath(path)) as image:
            exported |= set(image.dynamic_symbols)
    unknown = {name for name in CATEGORY_OF_SYMBOL if name not in exported and not _OTHERS.match(name)}

    assert unknown == {name for name in unknown if name.startswith(("Py", "_Py"))}, "of libc"
    assert len(unknown) < 40
