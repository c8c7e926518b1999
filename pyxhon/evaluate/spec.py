"""What is to be evaluated, as the user names it: a requirement, a wheel, a source archive, a folder."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pyxhon.errors import EvaluationError

_REQUIREMENT: Final = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"(?:(?:===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+\s*,?\s*)*(?:;[^\n]*)?"
)
_ARCHIVES: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
_MAX_REQUIREMENTS: Final = 10_000
_LONGEST_SLUG: Final = 60
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Spec:
    """One thing to evaluate."""

    text: str
    """As the user wrote it."""
    kind: Literal["index", "wheel", "sdist", "directory"]
    name: str | None
    """The normalised name of the distribution; None: a folder tells it only when it is installed."""
    path: Path | None = None

    @property
    def is_pinned(self) -> bool:
        """Tell whether it means the same files each time."""
        return self.path is not None or bool(re.search(r"===?[^*,;]+(;|$)", self.text))

    @property
    def slug(self) -> str:
        """Give a name for its folder: readable, safe, and different for different specs."""
        shown = self.text if self.path is None else self.path.resolve().name
        safe = re.sub(r"[^A-Za-z0-9._=<>~!-]+", "_", shown).lstrip(".-")[:_LONGEST_SLUG]
        if self.path is None and safe == shown:
            return safe
        whole = self.text if self.path is None else str(self.path.resolve())
        return f"{safe or 'package'}-{hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]}"


def normalise_name(name: str) -> str:
    """Give a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_spec(text: str) -> Spec:
    """Read one SPEC. Raises EvaluationError when it is none or names a file that is not there."""
    text = text.strip()
    path = Path(text)
    if text.endswith(".whl"):
        return Spec(text, "wheel", normalise_name(path.name.split("-")[0]), _existing(path, text))
    if text.lower().endswith(_ARCHIVES):
        return Spec(text, "sdist", normalise_name(path.name.rsplit("-", 1)[0]), _existing(path, text))
    if os.sep in text or text in {".", ".."}:
        if not path.is_dir():
            raise EvaluationError(f"there is no folder {text}", "name a folder, an archive or a requirement")
        return Spec(text, "directory", None, path)
    found = _REQUIREMENT.fullmatch(text)
    if not found:
        raise EvaluationError(f"{text!r} is no requirement such as numpy==2.4.6", "URLs and options are not taken")
    return Spec(text, "index", normalise_name(found["name"]))


def parse_requirements(path: Path) -> list[Spec]:
    """Read a file of requirements, one a line. Raises EvaluationError for what is no requirement."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise EvaluationError(f"cannot read {path}: {reason}") from error
    wanted = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in lines]
    specs = [parse_spec(line) for line in wanted if line]
    if len(specs) > _MAX_REQUIREMENTS:
        raise EvaluationError(f"{path} names {len(specs)} packages", f"at most {_MAX_REQUIREMENTS} are taken")
    return specs


def content_hash(spec: Spec) -> str:
    """Hash what a path leads to, so that a change of it is another package; empty for a requirement."""
    digest = hashlib.sha256()
    if spec.path is None:
        return ""
    files = [spec.path] if spec.path.is_file() else sorted(path for path in spec.path.rglob("*"))
    for path in files:
        digest.update(os.fsencode(str(path)) + b"\0")
        if path.is_symlink():
            digest.update(os.fsencode(path.readlink()))
        elif path.is_file():
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
    return digest.hexdigest()


def _existing(path: Path, text: str) -> Path:
    if not path.is_file():
        raise EvaluationError(f"there is no file {text}", "name a file that is there, or a requirement")
    return path
