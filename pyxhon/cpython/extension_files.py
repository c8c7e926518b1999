"""Where an interpreter will find an extension module: looked for by name, nothing is imported."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_MAX_FOLDERS = 64
_MAX_PARTS = 16
_MAX_ENTRIES = 20_000
_MAX_DEPTH = 4
_MAX_SETTINGS_BYTES = 1 << 14


@dataclass(frozen=True, slots=True)
class Start:
    """How an interpreter is started: what decides its sys.path. `root` is put before every path."""

    version: tuple[int, ...]
    executables: tuple[str, ...]  # the binary itself, and the names that it was started by
    command: Sequence[str]
    environment: Mapping[str, str]
    working_directory: str | None
    root: str = ""


def find_extension_files(name: str, start: Start) -> Iterator[str]:
    """Give the files that may define a function of this dotted name, by the modules that its first parts may be."""
    parts = name.split(".")[:_MAX_PARTS]
    folders = search_folders(start)
    for count in range(len(parts) - 1, 0, -1):
        if not all(part.isidentifier() for part in parts[:count]):
            continue
        for folder in folders:
            for suffix in _suffixes(start.version):
                path = os.path.join(folder, *parts[:count]) + suffix
                if os.path.isfile(path):
                    yield path
                    break


def list_package_files(name: str, start: Start) -> Iterator[str]:
    """Give the extension modules in the package that a dotted name begins with: a type may be made in any of them."""
    package, dot, _ = name.partition(".")
    if not dot or not package.isidentifier():
        return
    left = _MAX_ENTRIES
    for folder in search_folders(start):
        top = os.path.join(folder, package)
        for place, folders, files in os.walk(top):
            if place.count("/") - top.count("/") >= _MAX_DEPTH:
                folders.clear()
            left -= len(folders) + len(files)
            if left < 0:
                return
            yield from (os.path.join(place, file) for file in sorted(files) if file.endswith(".so"))


def module_name(path: str) -> str:
    """Give the last part of the name of the module that a file defines."""
    return os.path.basename(path).split(".")[0]


def search_folders(start: Start) -> tuple[str, ...]:
    """Give the folders that sys.path will have, as far as that can be told from outside; ours, not the target's."""
    folders = [*_of_command(start), *_of_environment(start), *_of_installation(start)]
    own = [os.path.join(start.working_directory or "/", folder) for folder in folders]
    return tuple(dict.fromkeys(start.root + os.path.normpath(folder) for folder in own))[:_MAX_FOLDERS]


def _of_command(start: Start) -> Iterator[str]:
    """Give the folder of the script, or where `-c` and `-m` are run."""
    scripts = [word for word in start.command[1:] if word.endswith((".py", ".pyw", ".pyz"))]
    yield from (os.path.dirname(script) or "." for script in scripts[:1])
    yield "."


def _of_environment(start: Start) -> Iterator[str]:
    yield from filter(None, start.environment.get("PYTHONPATH", "").split(":"))
    if virtual := start.environment.get("VIRTUAL_ENV"):
        yield from _below(virtual, start.version)


def _of_installation(start: Start) -> Iterator[str]:
    homes = [os.path.dirname(os.path.dirname(path)) for path in start.executables if "/" in path]
    if home := start.environment.get("PYTHONHOME"):
        homes.insert(0, home)
    for prefix in homes:
        yield from _below(prefix, start.version)
        if base := _base_of_virtual(start.root + prefix):
            yield from _below(base, start.version)
    user = start.environment.get("PYTHONUSERBASE") or os.path.join(start.environment.get("HOME", "/root"), ".local")
    yield from _below(user, start.version)
    for prefix in homes:
        yield from (
            f"{prefix}/lib/python3/dist-packages",
            f"{prefix}/local/lib/python3.{start.version[1]}/dist-packages",
        )


def _below(prefix: str, version: tuple[int, ...]) -> Iterator[str]:
    for library in ("lib", "lib64"):
        standard = f"{prefix}/{library}/python{version[0]}.{version[1]}"
        yield from (standard, f"{standard}/lib-dynload", f"{standard}/site-packages")


def _base_of_virtual(prefix: str) -> str | None:
    """Give the installation behind a virtual environment (pyvenv.cfg, PEP 405)."""
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            lines: Iterable[str] = file.read(_MAX_SETTINGS_BYTES).splitlines()
    except OSError:
        return None
    for line in lines:
        key, equals, value = line.partition("=")
        if equals and key.strip() == "home":
            return os.path.dirname(value.strip())
    return None


def _suffixes(version: tuple[int, ...]) -> tuple[str, ...]:
    """Give the ends of names that importlib tries, on Linux for x86-64."""
    tag = f".cpython-{version[0]}{version[1]}"
    return (f"{tag}-x86_64-linux-gnu.so", f"{tag}-x86_64-linux-musl.so", ".abi3.so", ".so")
