"""The category tables against the interpreters: nothing of a standard library is left out."""

import json
import subprocess
from pathlib import Path

from pyxhon.policy.parse import load_categories
from tests.cpython.audit_calls import names_in_binary, names_in_source
from tests.interpreters import every_python

TABLES = load_categories()

_ASK = """
import builtins, json, os, sys, sysconfig
folder = sysconfig.get_path("stdlib")
def walk(path, prefix, found):
    for name in os.listdir(path):
        inner, stem = os.path.join(path, name), name.split(".")[0]
        if name in ("site-packages", "dist-packages", "__pycache__", "test", "tests") or not stem.isidentifier():
            continue
        if os.path.isfile(os.path.join(inner, "__init__.py")):
            found.add(prefix + name)
            walk(inner, prefix + name + ".", found)
        elif name.endswith((".py", ".so")) and stem != "__init__":
            found.add(prefix + stem)
found = set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
walk(folder, "", found)
dynload = os.path.join(folder, "lib-dynload")
if os.path.isdir(dynload):
    walk(dynload, "", found)
def is_exception(value):
    return isinstance(value, type) and issubclass(value, BaseException)
values = vars(builtins)
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "-")
print(json.dumps({
    "modules": sorted(found),
    "builtins": sorted(name for name in values if callable(values[name]) and not is_exception(values[name])),
    "folder": folder,
    "binaries": [sys.executable, library],
}))
"""

# Raises many events under a hook of its own and tells how many arguments each had.
_RAISE = """
import json, sys
seen = {}
def hook(event, arguments):
    seen.setdefault(event, set()).add(len(arguments))
sys.addaudithook(hook)
import array, code, ctypes, fcntl, gc, glob, io, marshal, mmap, os, pickle, resource, runpy, shutil, signal, socket
import sqlite3, subprocess, tempfile, threading, types, urllib.request
folder = tempfile.mkdtemp()
path = os.path.join(folder, "file")
with open(path, "w") as stream:
    fcntl.flock(stream, fcntl.LOCK_EX), fcntl.lockf(stream, fcntl.LOCK_UN), fcntl.fcntl(stream, fcntl.F_GETFD)
    try:
        fcntl.ioctl(stream, 0x5413, b"12345678")
    except OSError:
        pass
    os.lockf(stream.fileno(), os.F_ULOCK, 0)
for act in (
    lambda: shutil.copyfile(path, path + "2"), lambda: shutil.copymode(path, path + "2"),
    lambda: shutil.copystat(path, path + "2"), lambda: shutil.move(path + "2", path + "3"),
    lambda: shutil.copytree(folder, folder + "2"), lambda: shutil.rmtree(folder + "2"),
    lambda: shutil.make_archive(path + "a", "tar", folder), lambda: shutil.unpack_archive(path + "a.tar", folder),
    lambda: shutil.chown(path, os.getuid()), lambda: glob.glob(folder + "/*"), lambda: list(os.walk(folder)),
    lambda: list(os.fwalk(folder)), lambda: os.listdir(folder), lambda: list(os.scandir(folder)),
    lambda: os.link(path, path + "l"), lambda: os.symlink(path, path + "s"), lambda: os.rename(path + "l", path + "m"),
    lambda: os.truncate(path, 0), lambda: os.utime(path), lambda: os.chmod(path, 0o600),
    lambda: os.chown(path, -1, -1), lambda: os.listxattr(path), lambda: os.getxattr(path, "user.x"),
    lambda: os.setxattr(path, "user.x", b"1"), lambda: os.removexattr(path, "user.x"), lambda: os.remove(path + "m"),
    lambda: os.mkdir(path + "d"), lambda: os.rmdir(path + "d"), lambda: os.chdir(folder), lambda: os.system("true"),
    lambda: os.putenv("PYXHON_X", "1"), lambda: os.unsetenv("PYXHON_X"), lambda: os.kill(os.getpid(), 0),
    lambda: os.killpg(os.getpgid(0), 0), lambda: subprocess.call(["true"]),
    lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]), lambda: signal.pthread_kill(threading.get_ident(), 0),
    lambda: resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)),
    lambda: resource.prlimit(0, resource.RLIMIT_CORE, (0, 0)), lambda: mmap.mmap(-1, 4096),
    lambda: socket.getaddrinfo("127.0.0.1", 1), lambda: socket.gethostname(), lambda: socket.gethostbyname("127.0.0.1"),
    lambda: socket.getservbyname("http"), lambda: socket.getservbyport(80),
    lambda: socket.getnameinfo(("127.0.0.1", 1), 3), lambda: socket.gethostbyaddr("127.0.0.1"),
    lambda: socket.socket().bind(("127.0.0.1", 0)), lambda: socket.socket().connect_ex(("127.0.0.1", 1)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", 9)),
    lambda: sqlite3.connect(":memory:"), lambda: urllib.request.urlopen("file:///dev/null"),
    lambda: ctypes.CDLL(None).getpid, lambda: ctypes.string_at(ctypes.addressof(ctypes.create_string_buffer(4)), 1),
    lambda: ctypes.c_int.from_buffer(bytearray(8)), lambda: ctypes.set_errno(ctypes.get_errno()),
    lambda: ctypes.wstring_at(ctypes.create_unicode_buffer(4), 1),
    lambda: pickle.loads(pickle.dumps(len)), lambda: marshal.loads(marshal.dumps(1)),
    lambda: marshal.load(io.BytesIO(marshal.dumps(1))), lambda: exec("1"), lambda: eval("1"),
    lambda: hook.__code__.replace(co_name="x"), lambda: types.FunctionType(hook.__code__, {}),
    lambda: setattr(hook, "__defaults__", ()), lambda: gc.get_objects(), lambda: gc.get_referrers(1),
    lambda: gc.get_referents(1), lambda: sys._getframe(), lambda: sys._current_frames(), lambda: sys.settrace(None),
    lambda: sys.setprofile(None), lambda: sys.set_asyncgen_hooks(firstiter=None, finalizer=None),
    lambda: array.array("b", b"1"), lambda: id(1), lambda: threading.Thread(target=int).start(),
    lambda: tempfile.mkstemp(dir=folder),
):
    try:
        act()
    except (OSError, AttributeError):
        pass
os.chdir("/")
shutil.rmtree(folder)
child = os.fork()
if not child:
    os._exit(0)
os.waitpid(child, 0)
print(json.dumps({event: sorted(counts) for event, counts in seen.items()}))
"""


def _run(python, program):
    ran = subprocess.run(python.command("-I", "-c", program), capture_output=True, text=True, timeout=120, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def _paths(python, told):
    root = Path(python.root)
    paths = [root / path.lstrip("/") for path in told]
    return [path.resolve() if python.root == "/" else path for path in paths if path.is_file()]


@every_python()
def test_every_module_of_the_standard_library_is_placed(python):
    modules = _run(python, _ASK)["modules"]

    assert len(modules) > 400
    assert [name for name in modules if not TABLES.is_standard_module(name)] == []


@every_python()
def test_every_builtin_function_is_placed(python):
    functions = _run(python, _ASK)["builtins"]

    assert len(functions) > 60
    assert [name for name in functions if name not in TABLES.builtins] == []


@every_python()
def test_every_audit_event_in_the_library_is_mapped(python):
    folder = Path(python.root) / _run(python, _ASK)["folder"].lstrip("/")
    names = names_in_source(folder)

    assert len(names) > 30
    assert sorted(names - set(TABLES.audit_events)) == []


@every_python()
def test_every_audit_event_in_the_binaries_is_mapped(python):
    told = _run(python, _ASK)
    dynload = Path(python.root) / told["folder"].lstrip("/") / "lib-dynload"
    names = set()
    for path in {*_paths(python, told["binaries"]), *dynload.glob("*.so")}:
        names |= names_in_binary(path)

    assert len(names) > 70
    assert sorted(names - set(TABLES.audit_events)) == []


@every_python()
def test_events_carry_as_many_arguments_as_the_table_names(python):
    seen = _run(python, _RAISE)
    expected = {event: [len(TABLES.audit_events[event].arguments)] for event in seen}
    if python.version < (3, 11):
        expected["shutil.rmtree"] = [1]  # without dir_fd, the last

    assert len(seen) > 70
    assert seen == expected
