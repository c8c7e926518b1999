"""Whether what the user named can be written; asked before tracing."""

from pathlib import Path

from pyxhon.errors import OutputError
from pyxhon.session_options import TraceOptions


def check_outputs(options: TraceOptions) -> None:
    """Raise OutputError when what the user named cannot be written; so call it before tracing."""
    named = {"-o": options.output, "--report": options.report_path}
    paths = {option: _resolve(path, option) for option, path in named.items() if path is not None}
    if len(set(paths.values())) < len(paths):
        raise OutputError(f"trace and report cannot both be {options.output}", "name two files")
    for option, path in paths.items():
        _check_writable(path, option)


def _resolve(path: Path, option: str) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # no working directory any more; a loop of links
        reason = error.strerror if isinstance(error, OSError) else "its links lead back to themselves"
        raise OutputError(f"cannot write {option} {path}: {reason}", "name another file") from error


def _check_writable(path: Path, option: str) -> None:
    """Raise OutputError when a file given with an option cannot be written; leaves it as it was."""
    try:
        is_new = not path.exists()
        if is_new or path.is_file():
            with path.open("ab"):
                pass
            if is_new:
                path.unlink()
        elif path.is_dir():
            raise OutputError(f"cannot write {option} {path}: it is a directory", "name a file")
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {option} {path}: {reason}", "name another file") from error
