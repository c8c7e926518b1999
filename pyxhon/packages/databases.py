"""Installers' own databases, asked only for files that no Python metadata explains: dpkg and conda."""

import json
import posixpath

from pyxhon.packages import metadata
from pyxhon.packages.installed import METADATA_SUFFIXES
from pyxhon.packages.names import is_dll_name
from pyxhon.target.root import TargetRoot

_DPKG = "/var/lib/dpkg/info"
_MAX_FILES = 20_000
_LIST_BYTES = 1 << 21
_CONDA_BYTES = 1 << 24
_BUDGET_BYTES = 1 << 28


def read_dpkg(root: TargetRoot) -> dict[str, tuple[str, str | None]]:
    """Give path → (Debian package, its one Python metadata) for what is in dist-packages, from dpkg's file lists."""
    owners: dict[str, tuple[str, str | None]] = {}
    budget = _BUDGET_BYTES
    for name in root.list_directory(_DPKG, _MAX_FILES) or []:
        if not (name.startswith("python3-") and name.endswith(".list")):
            continue
        data = root.read_file(posixpath.join(_DPKG, name), _LIST_BYTES) or b""
        budget -= len(data)
        if budget < 0:
            break
        paths = [path for path in metadata.read_lines(data) if "/dist-packages/" in path]
        described = [path for path in paths if path.endswith(METADATA_SUFFIXES)]
        package = name.removesuffix(".list").partition(":")[0]
        owner = (package, described[0] if len(described) == 1 else None)
        owners.update((path, owner) for path in paths)
    return owners


def read_conda(root: TargetRoot, prefix: str) -> dict[str, tuple[str, str | None]]:
    """Give path below the prefix → (conda package, version), from the files in conda-meta."""
    owners: dict[str, tuple[str, str | None]] = {}
    folder = posixpath.join(prefix, "conda-meta")
    budget = _BUDGET_BYTES
    for name in root.list_directory(folder, _MAX_FILES) or []:
        data = root.read_file(posixpath.join(folder, name), _CONDA_BYTES) if name.endswith(".json") else None
        budget -= len(data or b"")
        if budget < 0:
            break
        try:
            package = json.loads(data or b"null")
        except (ValueError, RecursionError):
            continue
        if not isinstance(package, dict) or not isinstance(package.get("files"), list):
            continue
        identity = (str(package.get("name", name))[:200], str(package.get("version", ""))[:200] or None)
        paths = (path for path in package["files"] if isinstance(path, str))
        owners.update((path, identity) for path in paths if path.endswith(".py") or is_dll_name(path))
    return owners
