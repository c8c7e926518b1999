"""An empty environment, as `python -m venv --without-pip` makes it, with nothing run; and a copy of a folder."""

import os
import shutil
import stat
from pathlib import Path
from typing import Final

from pyxhon.errors import EvaluationError
from pyxhon.evaluate.interpreter import Python

_MOST_FILES: Final = 50_000


def make_environment(folder: Path, python: Python, uid: int) -> None:
    """Fill a folder that will be seen as /env, for the user of a sandbox to change."""
    version = f"python{python.version[0]}.{python.version[1]}"
    (folder / f"lib/{version}/site-packages").mkdir(parents=True)
    (folder / "bin").mkdir()
    for name in ("python", "python3", version):
        (folder / "bin" / name).symlink_to(python.executable)
    (folder / "lib64").symlink_to("lib")
    home = Path(python.executable).parent
    (folder / "pyvenv.cfg").write_text(
        f"home = {home}\ninclude-system-site-packages = false\nversion = {python.name}\n", encoding="utf-8"
    )
    _give(folder, uid)


def copy_folder(source: Path, folder: Path, uid: int) -> None:
    """Copy the files and links of a folder, nothing else; links are not followed."""
    count = 0
    folder.mkdir()
    for place, folders, names in os.walk(source):
        target = folder / Path(place).relative_to(source)
        for name in (*folders, *names):
            count += 1
            if count > _MOST_FILES:
                raise EvaluationError(f"{source} has more than {_MOST_FILES} files", "name the package's folder alone")
            _copy(Path(place) / name, target / name)
    _give(folder, uid)


def _copy(source: Path, target: Path) -> None:
    mode = source.lstat().st_mode
    if stat.S_ISDIR(mode):
        target.mkdir()
    elif stat.S_ISLNK(mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(mode):
        shutil.copyfile(source, target, follow_symlinks=False)
        target.chmod(stat.S_IMODE(mode) & 0o755 | 0o600)


def _give(folder: Path, uid: int) -> None:
    for place, folders, names in os.walk(folder):
        for name in (".", *folders, *names):
            os.chown(Path(place) / name, uid, uid, follow_symlinks=False)
