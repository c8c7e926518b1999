"""What a package and all that it needs consist of, fetched by pip as its configuration says; nothing of it is run.

Wheels wherever there are some; of what has none the source archive, with what it says that it needs to be built.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxhon.cache import cache_directory
from pyxhon.errors import EvaluationError
from pyxhon.evaluate.interpreter import Python
from pyxhon.evaluate.sandbox import find_bubblewrap
from pyxhon.evaluate.spec import Spec, content_hash
from pyxhon.evaluate.stage import Stage
from pyxhon.evaluate.users import DOWNLOADER, become

_TIMEOUT_S: Final = 900
_MAX_PIECES: Final = 150
_MAX_SETS: Final = 500
_LONGEST_REASON: Final = 300
_USER_SETTINGS: Final = (".config/pip/pip.conf", ".pip/pip.conf")


@dataclass(frozen=True, slots=True)
class Downloader:
    """Where pip is and where its files go; all of it readable by the user that downloads."""

    python: Python
    pip: Path
    programs: Path
    store: Path
    """Kept between runs: pip's own cache and a folder for each pinned package."""
    home: Path
    shown: tuple[tuple[Path, str], ...]
    """Where the folders of the interpreter are shown to those who cannot reach them."""


def prepare_downloader(stage: Stage, python: Python, programs: Path, shown: tuple[tuple[Path, str], ...]) -> Downloader:
    """Unpack the interpreter's pip, once for each version, and take over the user's settings of pip."""
    kept = _kept_folder()
    tools = kept / f"pip-{_hash(python.pip_wheel.read_bytes())}-{python.tag}"
    if not tools.is_dir():
        _unpack_pip(python, tools)
    store = kept / "downloads"
    store.mkdir(exist_ok=True)
    store.chmod(0o711)  # users of sandboxes pass to the folder that they are shown
    os.chown(store, DOWNLOADER, DOWNLOADER)
    home = stage.folder("downloader")
    for name in _USER_SETTINGS:
        settings = Path.home() / name
        if settings.is_file():
            copy = home / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(settings, copy)
    _give(home)
    home.chmod(0o700)
    shown_store = stage.show(store, "store", is_writable=True)
    return Downloader(python, stage.show(tools, "pip"), programs, shown_store, home, shown)


def download(downloader: Downloader, spec: Spec) -> Path:
    """Give a folder of all that is needed to install a package. Raises EvaluationError."""
    facts = [spec.text if spec.path is None else spec.path.name, content_hash(spec), *downloader.python.version]
    key = _hash(json.dumps(facts).encode())
    for folder in downloader.store.glob(f"set-{key}-*") if spec.is_pinned else ():
        os.utime(folder)
        return folder
    fetched = Path(tempfile.mkdtemp(prefix="new-", dir=downloader.store))
    os.chown(fetched, DOWNLOADER, DOWNLOADER)
    fetched.chmod(0o755)
    try:
        _collect(downloader, spec, fetched)
        names = sorted(str(path.relative_to(fetched)) for path in fetched.rglob("*"))
        folder = downloader.store / f"set-{key}-{_hash(json.dumps(names).encode())}"
        with contextlib.suppress(OSError):  # another evaluation may have had it first
            fetched.rename(folder)
        os.utime(folder)
    finally:
        shutil.rmtree(fetched, ignore_errors=True)
    _prune(downloader.store)
    return folder


def _collect(downloader: Downloader, spec: Spec, folder: Path) -> None:
    """Download what the package consists of, then what that needs, until nothing is missing.

    What is needed to build goes into a folder of its own, for it is not installed.
    """
    waiting, to_build = [spec.text], list[str]()
    if spec.path is not None:
        source = spec.path
        if spec.kind != "directory":
            shutil.copyfile(spec.path, folder / spec.path.name)
            source = folder / spec.path.name
        waiting, to_build = _read_needs(downloader, [source], spec.kind)
    seen: set[str] = set()
    while waiting and _fetch(downloader, folder, ["--only-binary=:all:", *waiting]) is not None:
        wanted = waiting.pop()
        if wanted not in seen:
            seen.add(wanted)
            further, tools = _fetch_alone(downloader, folder, wanted)
            waiting = list(dict.fromkeys([*waiting, *further]))
            to_build += tools
        if len(seen) > _MAX_PIECES:
            raise EvaluationError(f"{spec.text} needs more than {_MAX_PIECES} packages", "evaluate parts of it")
    if to_build:
        tools_folder = folder / "build"
        tools_folder.mkdir()
        os.chown(tools_folder, DOWNLOADER, DOWNLOADER)
        reason = _fetch(downloader, tools_folder, ["--only-binary=:all:", *dict.fromkeys(to_build)])
        if reason is not None:
            raise EvaluationError(f"cannot download what {spec.text} needs to be built: {reason}")


def _fetch_alone(downloader: Downloader, folder: Path, wanted: str) -> tuple[list[str], list[str]]:
    """Download one requirement without its own, as a wheel or else as its source, and give its own."""
    before = set(folder.iterdir())
    reason = _fetch(downloader, folder, ["--prefer-binary", "--no-deps", wanted])  # ends where it would build
    new = sorted(set(folder.iterdir()) - before)
    if not new and reason is not None:
        raise EvaluationError(f"cannot download {wanted}: {reason}", "check the name and pip's configuration")
    return _read_needs(downloader, new, "") if new else ([], [])


def _read_needs(downloader: Downloader, paths: list[Path], kind: str) -> tuple[list[str], list[str]]:
    """Give what files say that they need: to run, and to be built."""
    command = [*_python(downloader), str(downloader.programs / "fetch.py"), "needs", *map(str, paths)]
    if kind == "directory":  # the user's own, which that user may not be let into; read here, nothing of it is run
        command = [downloader.python.executable, *command[command.index("-s") :]]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=_environment(downloader)
    )
    if answer.returncode:
        raise EvaluationError(f"cannot read what {paths[0].name} needs: {_last_line(answer.stderr)}")
    found = json.loads(answer.stdout)
    return [text for to_run, _ in found for text in to_run], [text for _, to_build in found for text in to_build]


def _fetch(downloader: Downloader, folder: Path, arguments: list[str]) -> str | None:
    """Let pip download; gives the reason when it could not."""
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=downloader.store) as temporary:
        os.chown(temporary, DOWNLOADER, DOWNLOADER)
        program = [*_python(downloader), str(downloader.programs / "fetch.py"), "download", str(folder)]
        command = [*program, "--quiet", "--no-input", "--progress-bar=off", "--disable-pip-version-check", *arguments]
        environment = {**_environment(downloader), "TMPDIR": temporary}
        try:
            answer = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="backslashreplace",
                timeout=_TIMEOUT_S,
                check=False,
                cwd=temporary,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            return f"pip took longer than {_TIMEOUT_S} s"
    return _last_line(answer.stderr) if answer.returncode else None


def _python(downloader: Downloader) -> list[str]:
    """Give the command of the interpreter as the user that downloads: all of the machine as that user may see it."""
    words = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--disable-userns", "--die-with-parent"]
    words += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    hidden = {str(folder) for _, path in downloader.shown if (folder := _closed_folder(Path(path)))}
    for closed in sorted(hidden):
        words += ["--tmpfs", closed]
    for source, path in downloader.shown:
        words += ["--ro-bind", str(source), path]
    words += ["--bind", str(downloader.store), str(downloader.store)]
    return [*become(DOWNLOADER), find_bubblewrap(), *words, "--", downloader.python.executable, "-s", "-B"]


def _closed_folder(path: Path) -> Path | None:
    """Give the outermost folder on the way that not everybody may pass."""
    way = [*reversed(path.parents), path]
    return next((folder for folder in way if not folder.stat().st_mode & 0o001), None)


def _environment(downloader: Downloader) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **kept,
        "HOME": str(downloader.home),
        "PYTHONPATH": str(downloader.pip),
        "PIP_CACHE_DIR": str(downloader.store / "pip"),
    }


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("ERROR:")] or text.split("\n") or [""]
    return lines[-1].removeprefix("ERROR:").strip()[-_LONGEST_REASON:] or "pip failed without a word"


def _unpack_pip(python: Python, tools: Path) -> None:
    with tempfile.TemporaryDirectory(dir=tools.parent) as temporary:
        unpacked = Path(temporary) / "pip"
        shutil.unpack_archive(python.pip_wheel, unpacked, "zip")
        command = [python.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "."]
        subprocess.run(command, cwd=unpacked, capture_output=True, timeout=_TIMEOUT_S, check=False)
        unpacked.rename(tools)


def _kept_folder() -> Path:
    cache = cache_directory()
    if cache is None:
        raise EvaluationError("there is no cache folder to download to", "name one with PYXHON_CACHE_DIR")
    folder = cache / "evaluate"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _prune(store: Path) -> None:
    sets = sorted(store.glob("set-*"), key=lambda path: path.stat().st_mtime_ns)
    for old in sets[:-_MAX_SETS]:
        shutil.rmtree(old, ignore_errors=True)


def _give(folder: Path) -> None:
    for place, _folders, names in os.walk(folder):
        for path in (Path(place), *(Path(place) / name for name in names)):
            os.chown(path, DOWNLOADER, DOWNLOADER)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
