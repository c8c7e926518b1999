"""What is finished: one file for each package in the folder of the evaluation, written when all of it is done."""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pyxhon import __version__
from pyxhon.errors import EvaluationError, OutputError
from pyxhon.evaluate.interpreter import Python
from pyxhon.evaluate.matrix import Row, row_from_dict
from pyxhon.evaluate.options import EvaluateOptions
from pyxhon.evaluate.spec import Spec, content_hash

_STATE: Final = "state.json"
_MOST_BYTES: Final = 64 << 20


@contextlib.contextmanager
def owned_folder(folder: Path) -> Iterator[Path]:
    """Make the folder of an evaluation and keep it to ourselves. Raises OutputError, EvaluationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(f"cannot write -o {folder}: {error.strerror}", "name another folder") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EvaluationError(f"another evaluation writes to {folder}", "name another folder with -o") from error
        yield folder.resolve()
    finally:
        os.close(descriptor)


def key_of(spec: Spec, python: Python, options: EvaluateOptions) -> str:
    """Hash all that the result depends on."""
    policies = [name if name.startswith("builtin:") else Path(name).read_text("utf-8") for name in options.policy_paths]
    facts = {
        "pyxhon": __version__,
        "spec": spec.text,
        "content": content_hash(spec),
        "python": [python.executable, *python.version],
        "policies": policies,
        "exercise": options.exercises.texts_for(spec.name),
        "options": [options.tests, options.network, options.calls, options.syscalls],
        "limits": asdict(options.limits),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read_finished(folder: Path, key: str) -> Row | None:
    """Give the row of a package that was finished under the same key; None: it is to be done."""
    path = folder / _STATE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return row_from_dict(content["row"]) if content["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_finished(folder: Path, key: str, row: Row) -> None:
    """Say that a package is finished, at once or not at all."""
    new = folder / f".{_STATE}.new"
    new.write_text(json.dumps({"key": key, "row": row.to_dict()}, indent=1), encoding="utf-8")
    new.replace(folder / _STATE)


def forget(folder: Path) -> None:
    """Say that a package is not finished."""
    (folder / _STATE).unlink(missing_ok=True)
