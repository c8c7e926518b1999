"""Acts that raise audit events within the interpreter and the file system: one function per subject."""

import array
import code
import collections
import enum
import functools
import gc
import glob
import io
import marshal
import mmap
import os
import pathlib
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import types

from audit_attempt import attempt


class Color(enum.IntEnum):
    RED = 7


class Text(str):
    def __str__(self):
        return "another"


Point = collections.namedtuple("Point", "x y")


def values(folder):
    sys.audit("oracle.none", None, True, False, ...)
    sys.audit(
        "oracle.numbers", 0, -1, 2**30, -(2**31), 2**60 - 1, 2**63, 2**64 - 1, -(2**64) + 1, 2**64, -(2**200), Color.RED
    )
    sys.audit("oracle.floats", 1.5, -0.0, 1e300, float("inf"), float("nan"), 1j)
    sys.audit(
        "oracle.texts",
        "",
        "a",
        "\xe9\xff",
        "\u20ac\u4e2d",
        "\U0001f600x",
        "nul\0in",
        "\ud800",
        "\udc80\x1b[31m",
        Text("sub"),
    )
    sys.audit("oracle.long", "x" * 1020, "x" * 1021, "\u20ac" * 600)
    sys.audit("oracle.longest", "\U0001f600" * 300, b"y" * 5000, [b"z" * 1023])
    sys.audit("oracle.bytes", b"", b"\0\xff\\ab\n", b"x" * 100, bytearray(b"no"), memoryview(b"no"))
    sys.audit("oracle.containers", (), [], (1, "two", b"3", None, 5.0, (6,), 7), [[1], {}, set()], Point(1, 2))
    sys.audit("oracle.objects", object(), object, len, sys, values, Color, Text, Point, lambda: 0, open(os.devnull))
    sys.audit("oracle.codes", values.__code__, (values.__code__,), compile("1", "<x>", "eval"))
    sys.audit("oracle.one", ("a", "single", "tuple"))
    sys.audit("oracle.many", *range(16))
    sys.audit("oracle.n\xe4me \u20ac")
    sys.audit("oracle." + "long" * 40)


def files(folder):
    one, two = os.path.join(folder, "one"), os.path.join(folder, "two \u20ac")
    with open(one, "wb") as file:
        file.write(b"content")
    with open(os.fsencode(one), "rb", 0), io.open(one, encoding="utf-8"), io.FileIO(one):
        pass
    os.close(os.open(one, os.O_RDONLY))
    attempt(open, os.path.join(folder, "missing"))
    os.rename(one, two)
    os.replace(two, one)
    os.link(one, two)
    os.remove(two)
    os.symlink(one, two)
    os.unlink(pathlib.Path(two))
    os.truncate(one, 3)
    os.chmod(one, 0o600)
    os.chown(one, os.getuid(), os.getgid())
    os.utime(one)
    os.utime(one, (1, 2))
    os.utime(one, ns=(3, 4))
    os.mkdir(two)
    os.listdir(folder)
    os.listdir()
    list(os.scandir(folder))
    os.rmdir(two)
    before = os.getcwd()
    os.chdir(folder)
    os.chdir(before)
    os.putenv("PYXHON_TEST", "1")
    os.unsetenv("PYXHON_TEST")
    os.environ["PYXHON_TEST"] = "2"
    descriptor, path = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    os.remove(path)
    os.rmdir(tempfile.mkdtemp(dir=folder))


def attributes(folder):
    path = os.path.join(folder, "attributes")
    open(path, "w").close()
    attempt(os.setxattr, path, "user.pyxhon", b"value")
    attempt(os.getxattr, path, "user.pyxhon")
    attempt(os.listxattr, path)
    attempt(os.removexattr, path, "user.pyxhon")
    shutil.copyfile(path, path + ".1")
    shutil.copymode(path, path + ".1")
    shutil.copystat(path, path + ".1")
    shutil.chown(path, os.getuid())
    shutil.move(path + ".1", path + ".2")


def trees(folder):
    tree = os.path.join(folder, "tree")
    os.makedirs(os.path.join(tree, "a", "b"))
    list(os.walk(tree))
    list(os.fwalk(tree))
    glob.glob(os.path.join(tree, "*"))
    list(glob.iglob("**", root_dir=tree, recursive=True) if sys.version_info >= (3, 10) else ())
    list(pathlib.Path(tree).glob("*"))
    list(pathlib.Path(tree).rglob("*"))
    shutil.copytree(tree, tree + "-copy")
    shutil.rmtree(tree + "-copy")


def archives(folder):
    shutil.make_archive(os.path.join(folder, "archive"), "tar", os.path.join(folder, "tree"))
    shutil.unpack_archive(os.path.join(folder, "archive.tar"), os.path.join(folder, "unpacked"))


class Slotted:
    __slots__ = ("__dict__",)

    def method(self):
        yield


def objects(folder):
    id(folder)
    array.array("i", [1])
    mmap.mmap(-1, 4096).close()
    gc.get_objects()
    gc.get_referrers(folder)
    gc.get_referents([folder])
    values.__code__, values.__defaults__
    replaced = lambda: 1
    replaced.__code__ = (lambda: 2).__code__
    replaced.__defaults__ = ()
    attempt(delattr, replaced, "__defaults__")
    Slotted.__name__ = "Renamed"
    Slotted.__bases__ = (object,)
    Slotted().__class__ = Slotted
    generator = Slotted().method()
    generator.gi_code, generator.gi_frame
    pickle.loads(pickle.dumps([collections.OrderedDict(), Color.RED]))
    attempt(input_from_nothing)
    hook, sys.breakpointhook = sys.breakpointhook, lambda: None
    breakpoint()
    sys.breakpointhook = hook


def input_from_nothing():
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        input("prompt")
    finally:
        sys.stdin = before


def call(depth):
    return call(depth - 1) if depth else sys.audit("reused")


def codes(folder):
    compiled = compile("sum([1, 2])", "<codes \u20ac>", "eval")
    eval(compiled)
    eval("1 + 1")
    exec("one = 1\ntwo = id(one)\nclass Inner:\n    three = id(two)\n", {})
    marshal.loads(marshal.dumps(compiled))
    marshal.load(io.BytesIO(marshal.dumps((1, "two"))))
    types.FunctionType(compiled, {"sum": sum})()
    if hasattr(compiled, "replace"):
        exec(compiled.replace(co_filename="<replaced>"))
    attempt(compile, "(", "<broken>", "exec")
    for number in range(20):  # each code object is freed before the next is made, most likely in the same place
        source = "sys.audit('reused')\ncall(5)\n"
        exec(compile(source, "<reused %02d>" % number, "exec"), {"sys": sys, "call": call})
    code.compile_command("1")


def frames(folder):
    sys._getframe()
    sys._current_frames()
    getattr(sys, "_current_exceptions", dict)()
    sys.settrace(None)
    sys.setprofile(None)
    threading.Thread(target=fail).start()
    sys.excepthook, before = (lambda *_: None), sys.excepthook
    sys.excepthook = before
    before_hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    Unraisable()
    sys.unraisablehook = before_hook
    first, last = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=lambda _: None, finalizer=lambda _: None)
    sys.set_asyncgen_hooks(first, last)
    signal.pthread_kill(threading.get_ident(), 0)
    sorted([3, 1, 2], key=id)
    list(map(id, generate(5)))
    functools.reduce(lambda a, b: id(a), [1, 2, 3])


class Unraisable:
    def __del__(self):
        id(self)
        raise ValueError("unraisable")


def generate(count):
    for number in range(count):
        yield id(number)
    yield from (id(number) for number in range(count))


def fail():
    before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        raise SystemExit
    finally:
        threading.excepthook = before
