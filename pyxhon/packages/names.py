"""What file names say by themselves: pure rules, nothing is read."""

import posixpath
import re

SITE_DIRECTORY_NAMES = frozenset({"site-packages", "dist-packages"})
_MAX_MODULE_CHARACTERS = 500
_MAX_DEPTH = 64
_FROZEN = re.compile(r"<frozen (?P<module>[\w.]+)>\Z")
# A frozen module of the interpreter has no file. Any code can be compiled under such a name, so the name is only
# believed for what CPython itself freezes (Python/frozen.c and Makefile.pre.in, 3.8 to 3.15).
_FROZEN_MODULES = frozenset({
    "importlib", "zipimport", "abc", "codecs", "io", "_collections_abc", "_sitebuiltins", "genericpath", "ntpath",
    "posixpath", "os", "site", "stat", "runpy", "getpath", "encodings", "__hello__", "__phello__", "linecache",
    "nturl2path",
})  # fmt: skip
_CACHED = re.compile(r"(?P<stem>[^/]+?)\.[\w-]+-\d+(?:\.opt-\w+)?\.pyc\Z")
_EXTENSION_TAG = re.compile(r"(?:\.(?:cpython-[\w-]+|abi3|cp\d+-[\w-]+))?\.so\Z")
_DLL = re.compile(r"\.so(?:\.[\w.-]+)?\Z|\.so-[\w.]+\Z")
_INTERPRETER = re.compile(r"python(?:3(?:\.\d+)?)?[dt]*(?:-\w+)?\Z")
_STANDARD_LIBRARY_ARCHIVE = re.compile(r"python3\d+t?\.zip\Z")
_STANDARD_LIBRARY_DIRECTORY = re.compile(r"(?:python3\.\d+[dt]*|Lib)\Z")
_VENDOR_DIRECTORIES = frozenset({"_vendor", "_vendored", "vendor", "vendored", "_vendored_packages", "_vendoring"})
_CASE_BREAKS = re.compile(r"[-_.]+")


def normalise(name: str) -> str:
    """Give a distribution name in the form in which two of them are compared (PEP 503)."""
    return _CASE_BREAKS.sub("-", name).lower()


def is_pseudo(path: str) -> bool:
    """Tell whether a code object's file name is no path: `<string>`, `<stdin>`, `<frozen os>`."""
    return path.startswith("<") and path.endswith(">")


def frozen_module(path: str) -> str | None:
    """Give the module that CPython has frozen under this name, None for any other name."""
    found = _FROZEN.match(path)
    if not found or found["module"].partition(".")[0] not in _FROZEN_MODULES:
        return None
    return found["module"]


def is_dll_name(path: str) -> bool:
    """Tell whether a path is named like a DLL."""
    return bool(_DLL.search(path))


def is_kernel_name(path: str) -> bool:
    """Tell whether a mapping's name is no file's: `[vdso]`, `/memfd:…`."""
    return path.startswith(("[", "memfd:", "/memfd:", "anon:", "linux-vdso"))


def is_interpreter_name(path: str) -> bool:
    """Tell whether a path is named like the interpreter's executable."""
    return bool(_INTERPRETER.match(posixpath.basename(path)))


def is_standard_library_archive(path: str) -> bool:
    """Tell whether a path is named like the standard library in a zip file."""
    return bool(_STANDARD_LIBRARY_ARCHIVE.match(posixpath.basename(path)))


def is_standard_library_directory_name(path: str) -> bool:
    """Tell whether a directory is named as one of the standard library is."""
    return bool(_STANDARD_LIBRARY_DIRECTORY.match(posixpath.basename(path)))


def source_of(path: str) -> str:
    """Give the source path of a file in `__pycache__` (PEP 3147), any other path unchanged."""
    directory, name = posixpath.split(path)
    if posixpath.basename(directory) != "__pycache__":
        return path
    found = _CACHED.match(name)
    return posixpath.join(posixpath.dirname(directory), found["stem"] + ".py") if found else path


def ancestors(path: str) -> list[str]:
    """List the directories above an absolute path, the outermost ("/") first and no deeper than a bound."""
    found = ["/"]
    for part in path.split("/", _MAX_DEPTH)[1:-1]:
        found.append(posixpath.join(found[-1], part))
    return found


def relative_to(path: str, directory: str) -> str | None:
    """Give the path below a directory, None when it does not lie there."""
    prefix = directory if directory.endswith("/") else directory + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def module_of(relative: str) -> str | None:
    """Give the dotted module name of a file by its path below its search root; None when it can have none."""
    directory, name = posixpath.split(relative)
    if name.endswith((".py", ".pyw", ".pyc")):
        stem = name.rpartition(".")[0]
    elif tag := _EXTENSION_TAG.search(name):
        stem = name[: tag.start()]
    else:
        return None
    parts = [*directory.split("/"), stem] if directory else [stem]
    if stem == "__init__":
        del parts[-1]
    if not parts or len(relative) > _MAX_MODULE_CHARACTERS or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts)


def vendored_name(relative: str) -> str | None:
    """Give the name of the package that a file is a copy of (`pip/_vendor/requests/api.py`: requests)."""
    parts = relative.split("/")
    for position, part in enumerate(parts[1:-1], 1):
        if part in _VENDOR_DIRECTORIES:
            name = parts[position + 1]
            stem = name.partition(".")[0] if position + 2 == len(parts) else name
            return None if stem in {"__init__", "__pycache__"} else stem
    return None
