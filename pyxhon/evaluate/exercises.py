"""The scripts that packages are exercised by: one for all, or some for packages by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyxhon.errors import EvaluationError
from pyxhon.evaluate.spec import Spec, normalise_name

_OF_ONE: Final = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)=(.+)", re.DOTALL)
_MOST_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Exercises:
    """The script of each package by its normalised name, and that of the rest; None: its modules are imported."""

    of_package: dict[str, Path] = field(default_factory=dict)
    of_rest: Path | None = None

    def find(self, name: str | None) -> Path | None:
        """Give the script of a package; a folder's name is known once it is installed."""
        return self.of_package.get(normalise_name(name), self.of_rest) if name is not None else self.of_rest

    def texts_for(self, name: str | None) -> list[str]:
        """Give the text of all that may be the script of a package."""
        paths = [self.find(name)] if name is not None else [self.of_rest, *self.of_package.values()]
        return [path.read_text("utf-8") for path in paths if path is not None]


def parse_exercises(texts: Iterable[str]) -> Exercises:
    """Read what --exercise was given: FILE or NAME=FILE. Raises EvaluationError where it means nothing."""
    of_package: dict[str, Path] = {}
    of_rest: Path | None = None
    for text in texts:
        found = _OF_ONE.fullmatch(text)
        path = _check(Path(found[2] if found else text))
        name = normalise_name(found[1]) if found else None
        if name is None and of_rest is None:
            of_rest = path
        elif name is not None and name not in of_package:
            of_package[name] = path
        else:
            raise EvaluationError(f"--exercise is given twice for {name or 'all packages'}", "name another: NAME=FILE")
    return Exercises(of_package, of_rest)


def check_names(exercises: Exercises, specs: Iterable[Spec]) -> None:
    """Refuse scripts of packages that are not evaluated, unless they may be a folder's."""
    names = {spec.name for spec in specs}
    unknown = sorted(set(exercises.of_package) - names)
    if unknown and None not in names:
        raise EvaluationError(
            f"--exercise is for {', '.join(unknown)}, which is not evaluated", "name it as a SPEC, too"
        )


def keep_exercises(exercises: Exercises, folder: Path) -> Exercises:
    """Copy the scripts to a folder that sandboxes may show, so that they stay as they are during the evaluation."""
    kept: dict[Path, Path] = {}
    for number, path in enumerate(dict.fromkeys([exercises.of_rest, *exercises.of_package.values()])):
        if path is not None:
            kept[path] = folder / f"{number}.py"
            kept[path].write_bytes(path.read_bytes())
    rest = kept[exercises.of_rest] if exercises.of_rest is not None else None
    return Exercises({name: kept[path] for name, path in exercises.of_package.items()}, rest)


def _check(path: Path) -> Path:
    try:
        if not path.is_file():
            raise EvaluationError(f"there is no script {path}", "name a file: --exercise FILE or NAME=FILE")
        if path.stat().st_size > _MOST_BYTES:
            raise EvaluationError(f"the script {path} is larger than {_MOST_BYTES >> 20} MiB")
        path.read_text(encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"cannot read {path}: it is not UTF-8") from error
    return path
