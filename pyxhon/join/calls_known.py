"""What is known of system calls: a category, and the audit events that explain one. A stand-in."""

from pyxhon.categories import CategoryTables

_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo",
            "socket.gethostname", "socket.getservbyname", "socket.getservbyport")  # fmt: skip
_SPAWNS = ("os.system", "os.posix_spawn", "os.spawn", "subprocess.Popen", "_posixsubprocess.fork_exec", "os.fork",
           "os.forkpty")  # fmt: skip
_OPENS = ("open", "os.listdir", "os.scandir", "os.walk", "sqlite3.connect", "ctypes.dlopen", "import", *_LOOKUPS)
_KNOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("open", "openat", "openat2", "creat"), ("file", _OPENS)),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), ("file", ("os.remove", "os.rmdir", "shutil.rmtree"))),
    **dict.fromkeys(("mkdir", "mkdirat"), ("file", ("os.mkdir",))),
    **dict.fromkeys(("rename", "renameat", "renameat2"), ("file", ("os.rename",))),
    **dict.fromkeys(("link", "linkat"), ("file", ("os.link",))),
    **dict.fromkeys(("symlink", "symlinkat"), ("file", ("os.symlink",))),
    **dict.fromkeys(("truncate", "ftruncate"), ("file", ("os.truncate",))),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), ("file", ("os.chmod",))),
    **dict.fromkeys(("chown", "fchown", "lchown", "fchownat"), ("file", ("os.chown",))),
    **dict.fromkeys(("utimensat", "utimes", "futimesat"), ("file", ("os.utime",))),
    "chdir": ("os", ("os.chdir",)),
    "fchdir": ("os", ("os.chdir",)),
    "socket": ("network", ("socket.__new__", *_LOOKUPS)),
    "connect": ("network", ("socket.connect", *_LOOKUPS)),
    "bind": ("network", ("socket.bind", *_LOOKUPS)),
    "sendto": ("network", ("socket.sendto", *_LOOKUPS)),
    "sendmsg": ("network", ("socket.sendmsg", *_LOOKUPS)),
    "sendmmsg": ("network", _LOOKUPS),
    **dict.fromkeys(("socketpair", "listen", "accept", "accept4", "write", "writev", "sendfile"), ("network", ())),
    **dict.fromkeys(("fork", "vfork", "clone", "clone3"), ("os", _SPAWNS)),
    **dict.fromkeys(("execve", "execveat"), ("os", ("os.exec", *_SPAWNS))),
    "kill": ("os", ("os.kill", "os.killpg")),
    **dict.fromkeys(("mmap", "mprotect", "pkey_mprotect"), ("dll", ("mmap.__new__", "ctypes.dlopen", "import"))),
    "memfd_create": ("os", ()),
}


def category_of_call(tables: CategoryTables, name: str) -> str | None:
    """Give the category of a system call or of an operation of io_uring."""
    del tables
    return _KNOWN.get(name.rpartition(":")[2], ("os", ()))[0]


def explainers_of(tables: CategoryTables, name: str) -> tuple[str, ...]:
    """Give the audit events that explain a system call."""
    del tables
    return _KNOWN.get(name.rpartition(":")[2], ("os", ()))[1]
