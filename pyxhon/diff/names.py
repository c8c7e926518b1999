"""Noise in text: what differs from run to run without meaning becomes a word in angle brackets.

`fold` knows nothing but the text and may be applied again without effect. `fold_loosely` also takes names for random
that look like words: only to be trusted where the other run has a random name in the same place.
"""

import hashlib
import itertools
import re
from collections.abc import Callable
from typing import Final

TEXT_LIMIT: Final = 4096
_ROUNDS: Final = 6
_EPHEMERAL: Final = range(32768, 65536)
_CHANGES_OF_CASE: Final = 3

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# needle that must be there (or none), pattern, what stands in its place
_RULES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    (
        "-",
        re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
        "<uuid>",
    ),
    ("0x", re.compile(r"0x[0-9a-fA-F]{6,16}(?![0-9a-fA-F])"), "<address>"),
    ("/proc/", re.compile(r"(?<=/proc/)[0-9]+(?![^/])"), "<pid>"),
    ("/task/", re.compile(r"(?<=/task/)[0-9]+(?![^/])"), "<tid>"),
    ("/fd", re.compile(r"(?<=/)(fd|fdinfo)/(?:[3-9]|[0-9]{2,})(?![^/])"), r"\1/<fd>"),
    (":[", re.compile(r"\b(pipe|socket|net|mnt|pid|user|uts|ipc|cgroup|time):\[[0-9]+\]"), r"\1:[<inode>]"),
    (".pyc.", re.compile(r"(?<=\.pyc)\.[0-9]+(?![^/])"), ".<number>"),
    ("cpython-", re.compile(r"(?<=cpython-)3[0-9]{1,2}t?(?![0-9A-Za-z])"), "<version>"),
    ("python3", re.compile(r"(?<=python)3\.[0-9]{1,2}t?(?![0-9A-Za-z])"), "<version>"),
    ("python3", re.compile(r"(?<=python)3[0-9]{1,2}t?(?=[.\-_/])"), "<version>"),
    ("ython", re.compile(r"([Pp]ython(?:-urllib)?[/ ])3\.[0-9]{1,2}(?:\.[0-9]{1,2})?(?![0-9A-Za-z.])"), r"\1<version>"),
    ("/versions/", re.compile(r"(?<=/versions/)3\.[0-9]{1,2}\.[0-9]{1,2}(?![^/])"), "<version>"),
    (
        "-info",
        re.compile(r"-[0-9][^/\-\s<>]*(?:-py3\.[0-9]{1,2})?(?=\.(?:dist-info|egg-info)(?![^/]))"),
        "-<version>",
    ),
    (".egg", re.compile(r"-[0-9][^/\-\s<>]*-py3\.[0-9]{1,2}(?=\.egg(?![^/]))"), "-<version>"),
    (".so", re.compile(r"(?<=[^/]-)[0-9a-f]{8}(?=(?:\.[0-9]{1,4}){0,4}\.so(?![^/.]))"), "<hash>"),
    ("tmp", re.compile(r"(?<![0-9A-Za-z])tmp[a-z0-9_]{8}(?![0-9A-Za-z_])"), "tmp<random>"),
    ("mp-", re.compile(r"(?<![0-9A-Za-z])((?:py)?mp-)[a-z0-9_]{8}(?![0-9A-Za-z_])"), r"\1<random>"),
    ("psm_", re.compile(r"(?<![0-9A-Za-z])psm_[0-9a-f]{8}(?![0-9A-Za-z_])"), "psm_<random>"),
    ("", re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16,}(?![0-9A-Za-z])"), "<hash>"),
    ("", re.compile(r"(?<![0-9.])[0-9]{10,15}(?![0-9A-Za-z])"), "<number>"),
)
_LOCAL_PORT: Final = re.compile(
    r"(127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|localhost|\[::1\]|\[::\]|0\.0\.0\.0):([0-9]{5})(?![0-9])"
)
_TEMPORARY: Final = re.compile(r"(?:^|(?<=[\s=:,'\"]))(?:/tmp|/var/tmp|/dev/shm)/[^\s'\"]*")
_FOLDER: Final = re.compile("(?:/var)?/tmp/|/dev/shm/")
# The last word of a name, before its suffixes: what mkstemp (C: 6 characters, Python: 8) makes.
_LAST_WORD: Final = re.compile(r"(?<![^/._-])([a-z0-9_]{8}|[A-Za-z0-9]{6})(?=(?:\.[A-Za-z0-9]{1,8})?(?:/|$))")
_LAST_SIX: Final = re.compile(r"(?<=[A-Za-z0-9_])([A-Za-z0-9]{6})(?=(?:\.[A-Za-z0-9]{1,8})?(?:/|$))")


def fold(text: str) -> str:
    """Give a text without what differs from run to run."""
    return _settle(_bound(text), _fold_once)


def fold_loosely(text: str) -> str:
    """Give it without what could be a random name in a folder of temporary files, either."""
    return _settle(_bound(text), _fold_once_loosely)


def is_ephemeral(port: int) -> bool:
    """Tell whether a port may be one that the kernel chose (net.ipv4.ip_local_port_range, and what lies above it)."""
    return port in _EPHEMERAL


def show_plainly(text: str) -> str:
    """Give a text as the JSON report has it, so that a trace and its report are alike: surrogates as their escape."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _bound(text: str) -> str:
    """Cut a text; its digest keeps it apart from others that begin alike."""
    text = show_plainly(text)
    if len(text) <= TEXT_LIMIT:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return f"{text[: TEXT_LIMIT - 16]}…{digest[:4]}.{digest[4:]}"


def _settle(text: str, change: Callable[[str], str]) -> str:
    for _ in range(_ROUNDS):
        changed = change(text)
        if changed == text:
            break
        text = changed
    return text


def _fold_once(text: str) -> str:
    for needle, pattern, word in _RULES:
        if needle in text:
            text = pattern.sub(word, text)
    if ":" in text:
        text = _LOCAL_PORT.sub(_fold_port, text)
    if "/tmp/" in text or "/shm/" in text:  # noqa: S108 - read, not written
        text = _TEMPORARY.sub(_fold_temporary, text)
    return text


def _fold_once_loosely(text: str) -> str:
    text = _fold_once(text)
    if "/tmp/" in text or "/shm/" in text:  # noqa: S108 - as above
        text = _TEMPORARY.sub(_fold_temporary_loosely, text)
    return text


def _fold_port(found: re.Match[str]) -> str:
    return f"{found[1]}:<port>" if is_ephemeral(int(found[2])) else found[0]


def _fold_temporary(found: re.Match[str]) -> str:
    path = _LAST_WORD.sub(lambda word: "<random>" if _looks_random(word[1]) else word[0], found[0])
    return _LAST_SIX.sub(lambda word: "<random>" if _is_mixed(word[1]) else word[0], path)


def _fold_temporary_loosely(found: re.Match[str]) -> str:
    """Fold the first name in the folder: those in it are the same in every run."""
    start = _FOLDER.match(found[0])
    if start is None:
        return found[0]
    name, slash, rest = found[0][start.end() :].partition("/")
    folded = _LAST_SIX.sub("<random>", _LAST_WORD.sub("<random>", "/" + name))[1:]
    return f"{start[0]}{folded}{slash}{rest}"


def _looks_random(word: str) -> bool:
    """Tell a random name from a word or a number: it has letters and digits, or its case changes as no word's does."""
    if any(character.isdigit() for character in word):
        return any(character.isalpha() for character in word)
    pairs = itertools.pairwise(word)
    return sum(first.isupper() != second.isupper() for first, second in pairs) >= _CHANGES_OF_CASE


def _is_mixed(word: str) -> bool:
    return word != word.lower() and word != word.upper() and any(character.isdigit() for character in word)
