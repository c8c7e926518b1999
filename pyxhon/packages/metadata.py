"""The files in which installers say what they installed: bytes → plain data, bounded and never trusted."""

import csv
import json
import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

METADATA_BYTES = 1 << 20
RECORD_BYTES = 1 << 25
SMALL_BYTES = 1 << 18
_MAX_ENTRIES = 400_000
_MAX_NAME_CHARACTERS = 200
_MAX_PATH_CHARACTERS = 4096
_MAX_ROOTS = 1000
_PAIR = re.compile(r"""['"]([\w.]+)['"]\s*:\s*['"]([^'"\\]+)['"]""")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_record(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield (path as written, SHA-256 in URL-safe base64 or "") for each entry of a RECORD.

    The format is that of "Recording installed projects" of the packaging specifications: CSV of three fields.
    """
    lines = data.decode("utf-8", "replace").splitlines()[:_MAX_ENTRIES]
    for line in lines:
        fields = _split_quoted(line) if '"' in line else line.rsplit(",", 2)
        if len(fields) == 3 and 0 < len(fields[0]) <= _MAX_PATH_CHARACTERS:  # noqa: PLR2004 - path, hash, size
            algorithm, _, digest = fields[1].partition("=")
            yield fields[0], digest if algorithm == "sha256" else ""


def _split_quoted(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def read_lines(data: bytes) -> list[str]:
    """Give the non-empty lines of SOURCES.txt, top_level.txt, installed-files.txt and their like."""
    lines = data.decode("utf-8", "replace").splitlines()[:_MAX_ENTRIES]
    return [line.strip() for line in lines if line.strip() and len(line) <= _MAX_PATH_CHARACTERS]


def read_identity(data: bytes) -> tuple[str | None, str | None]:
    """Give Name and Version from the head of METADATA or PKG-INFO."""
    found: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key.lower() in {"name", "version"}:
            found.setdefault(key.lower(), _CONTROL.sub("", value).strip()[:_MAX_NAME_CHARACTERS])
    return found.get("name") or None, found.get("version") or None


def identity_of_file_name(name: str) -> tuple[str, str | None]:
    """Give name and version from `six-1.16.0.dist-info`, `foo.egg-info` or `foo-1.0-py3.11.egg`."""
    stem = _CONTROL.sub("", name).rpartition(".")[0]
    parts = stem.split("-")
    return (parts[0] or stem)[:_MAX_NAME_CHARACTERS], parts[1][:_MAX_NAME_CHARACTERS] if len(parts) > 1 else None


def read_editable_directory(data: bytes) -> str | None:
    """Give the project directory of an editable install from its direct_url.json (PEP 610)."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("dir_info"), dict):
        return None
    if found["dir_info"].get("editable") is not True or not isinstance(found.get("url"), str):
        return None
    try:
        url = urlsplit(found["url"])
    except ValueError:
        return None
    return absolute_path(unquote(url.path)) if url.scheme == "file" else None


def read_path_file(data: bytes) -> list[str]:
    """Give the absolute directories that a .pth or .egg-link file names."""
    lines = (line for line in read_lines(data)[:_MAX_ROOTS] if not line.startswith(("#", "import ", "import\t")))
    return [path for line in lines if (path := absolute_path(line))]


def read_finder_mapping(data: bytes) -> dict[str, str]:
    """Give package → directory from the import hook that setuptools installs for an editable project.

    The hook assigns the repr of a dict to MAPPING (setuptools/command/editable_wheel.py since 64.0). Only plain pairs
    are taken, by pattern: a parser for Python would be one more thing that hostile text can exhaust.
    """
    for line in read_lines(data):
        if line.startswith("MAPPING") and "{" in line:
            pairs = _PAIR.findall(line.partition("{")[2])[:_MAX_ROOTS]
            return {module: path for module, written in pairs if (path := absolute_path(written))}
    return {}


def absolute_path(path: str) -> str | None:
    """Give the normal form of an absolute path that a target wrote, None for anything else."""
    if not path.startswith("/") or "\0" in path or len(path) > _MAX_PATH_CHARACTERS:
        return None
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return "/" + posixpath.normpath(path).lstrip("/")
