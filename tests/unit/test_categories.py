"""Category tables answer for modules, built-in functions and audit events."""

import pytest

from pyxhon.categories import CATEGORIES, LETTERS
from pyxhon.policy.parse import load_categories

TABLES = load_categories()

# Table I of the paper, less what Python 3.8 no longer has; ctypes (also in O) and io (also in N) count once.
PAPER = {
    "file": "fileinput filecmp linecache shutil glob fnmatch tempfile shelve marshal dbm sqlite3 zlib gzip bz2 zipfile "
    "tarfile csv configparser netrc xdrlib plistlib io",
    "network": "socket _socket ssl _ssl asyncore asynchat email mailcap mailbox webbrowser cgi wsgiref urllib http "
    "ftplib poplib imaplib nntplib smtplib smtpd socketserver xmlrpc",
    "dll": "ctypes _ctypes",
    "os": "sys os platform subprocess ossaudiodev cmd msilib msvcrt winreg winsound _msi posix grp crypt termios tty "
    "pty fcntl resource nis pwd spwd",
    "builtins": "codeop py_compile compileall",
}


def test_the_letters_are_the_papers():
    assert list(LETTERS) == ["F", "N", "D", "O", "B"]
    assert tuple(LETTERS.values()) == CATEGORIES


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_module_of_the_paper_keeps_its_category(category):
    assert {TABLES.category_of_module(name) for name in PAPER[category].split()} == {category}


@pytest.mark.parametrize("name", ["eval", "exec", "compile", "locals", "globals", "memoryview", "__import__"])
def test_every_builtin_of_the_paper_keeps_its_category(name):
    assert TABLES.category_of_builtin(name) == "builtins"


def test_open_is_a_file_operation():
    assert TABLES.category_of_builtin("open") == TABLES.category_of_event("open") == "file"


@pytest.mark.parametrize(
    "module, category",
    [
        ("http.client", "network"),
        ("email.mime.text", "network"),
        ("os.path", None),
        ("urllib.parse", None),
        ("urllib.request", "network"),
        ("importlib.metadata", None),
        ("importlib.util", "builtins"),
        ("compression.zstd", "file"),
        ("concurrent.futures", None),
        ("concurrent.interpreters", "builtins"),
        ("json", None),
        ("numpy", None),
        ("socket_tools", None),
    ],
)
def test_a_module_counts_with_its_nearest_listed_parent(module, category):
    assert TABLES.category_of_module(module) == category


def test_an_extension_module_from_elsewhere_is_a_dll():
    assert TABLES.category_of_import("numpy._core._multiarray_umath", is_extension=True) == "dll"


def test_an_extension_module_of_the_standard_library_keeps_its_category():
    assert TABLES.category_of_import("_socket", is_extension=True) == "network"


def test_a_python_module_from_elsewhere_has_no_category():
    assert TABLES.category_of_import("numpy", is_extension=False) is None


def test_arguments_are_named_in_order_and_surplus_ones_numbered():
    named = TABLES.name_arguments("open", ["/etc/hosts", "r", 0, "more"])

    assert named == {"path": "/etc/hosts", "mode": "r", "flags": 0, "argument_3": "more"}


def test_arguments_of_an_unknown_event_are_numbered():
    assert TABLES.name_arguments("my.event", [1]) == {"argument_0": 1}


def test_an_unknown_event_has_no_category():
    assert TABLES.category_of_event("my.event") is None
    assert TABLES.resources_of_event("my.event") == ()
    assert not TABLES.is_import_system_event("my.event")


def test_only_replacing_code_counts_among_set_attributes():
    assert TABLES.category_of_event("object.__setattr__", {"name": "__code__"}) == "builtins"
    assert TABLES.category_of_event("object.__setattr__", {"name": "__doc__"}) is None
    assert TABLES.category_of_event("object.__setattr__", {"name": ["__code__"]}) is None
    assert TABLES.category_of_event("object.__setattr__") == "builtins"


def test_opening_a_descriptor_opens_no_file():
    assert TABLES.category_of_event("open", {"path": 3, "mode": "rb"}) is None
    assert TABLES.category_of_event("open", {"path": "/etc/hosts", "mode": "rb"}) == "file"


def test_what_an_import_raises_is_marked():
    marked = {name for name, entry in TABLES.audit_events.items() if entry.is_import_system}

    assert {"import", "open", "compile", "exec", "marshal.loads", "os.listdir", "code.__new__"} <= marked
    assert not {"socket.connect", "os.system", "subprocess.Popen", "ctypes.dlopen"} & marked


def test_every_resource_is_an_argument_of_its_event():
    for entry in TABLES.audit_events.values():
        for resource in entry.resources:
            assert resource.argument in entry.arguments
            assert resource.port_argument is None or resource.port_argument in entry.arguments
