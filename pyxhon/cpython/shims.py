"""Pythons behind the shims of version managers: scripts that choose one when they are run, and are on PATH instead.

pyenv keeps its Pythons in versions/NAME beside its folder shims, asdf and mise in installs/python/NAME.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

_FOLDERS: Final = ("versions", "installs/python")
_MOST_VERSIONS: Final = 32
_MOST_BYTES: Final = 4096
_SYSTEM: Final = "system"


def folders_behind_shim(program: str, environment: Mapping[str, str], directory: str) -> list[str]:
    """Give the folders of programs that a shim may choose from, for a command in this working directory.

    Where pyenv has been told which versions (PYENV_VERSION, .python-version, its own file version), only those; else
    all. Empty for what is no shim.
    """
    shims = Path(program).parent
    if shims.name != "shims":
        return []
    found = [path for name in _FOLDERS for path in _list(shims.parent / name)]
    chosen = _chosen_by_pyenv(shims.parent, environment, Path(directory))
    named = [path for path in found if any(path.name == name or path.name.startswith(f"{name}.") for name in chosen)]
    return [str(path / "bin") for path in (named or ([] if _SYSTEM in chosen else found))]


def _list(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(islice(os.listdir(folder), _MOST_VERSIONS))
    except OSError:
        return iter(())
    return (folder / name for name in names)


def _chosen_by_pyenv(root: Path, environment: Mapping[str, str], directory: Path) -> list[str]:
    version = environment.get("PYENV_VERSION")
    if version:
        return version.split(":")
    for file in (*(folder / ".python-version" for folder in (directory, *directory.parents)), root / "version"):
        try:
            with file.open(encoding="utf-8", errors="replace") as stream:
                words = [line.strip() for line in stream.read(_MOST_BYTES).splitlines()]
        except OSError:
            continue
        return [word for word in words if word and not word.startswith("#")]
    return []
