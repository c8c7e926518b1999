"""Paths that a package touched → the path patterns of its lists."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pyxhon.learning.globs import common_glob, vary, vary_temporary
from pyxhon.policy.patterns import PlainPath

MANY: Final = 5
"""So many names in one place are taken for any name."""
_LONGEST: Final = 40  # of a list; a longer one has folders taken together
_SCRATCH: Final = (("tmp",), ("var", "tmp"), ("dev", "shm"), ("run",), ("var", "run"))
# Whose files are not alike: what was read there says nothing of the rest.
_UNLIKE: Final = frozenset(
    {(), ("etc",), ("root",), ("home",), ("proc",), ("sys",), ("dev",), ("usr",), ("var",), ("run",), ("opt",)}
    | {("usr", name) for name in ("bin", "sbin", "lib", "share", "local")}
    | {("bin",), ("sbin",), ("lib",), ("~",), ("~", ".ssh"), ("~", ".config"), ("~", ".aws"), ("~", ".gnupg")}
)
_SHALLOWEST: Final = 2  # folders above what is taken together with all beneath it

Segments = tuple[str, ...]


@dataclass(slots=True)
class Learned:
    """A pattern, the paths it was learned from, and why it has wildcards."""

    segments: Segments
    sources: set[PlainPath] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """The pattern as a policy has it."""
        if self.segments[:1] == ("~",):
            return "/".join(self.segments)
        return "/" + "/".join(self.segments)


@dataclass(frozen=True, slots=True)
class Varying:
    """What is known to differ between runs: numbers of processes and threads, and names that `tempfile` made."""

    numbers: frozenset[str]
    temporary: frozenset[Segments]


def learn_paths(paths: Iterable[PlainPath], varying: Varying) -> list[Learned]:
    """Give the patterns for paths, in the order of their text."""
    found: dict[Segments, Learned] = {}
    for path in sorted(set(paths), key=lambda each: each.segments):
        segments, reasons = _vary_path(path, varying)
        _add(found, Learned(segments, {path}, reasons))
    while _widen_many(found) or _widen_folder(found):
        pass
    return sorted(_prune(found), key=lambda learned: learned.text)


def can_be_listed(path: PlainPath) -> bool:
    """Tell whether a pattern can mean a path: what no wildcard matches must be written as it is."""
    return all(re.fullmatch(r"\w+", path.segments[at], re.ASCII) for at in path.links)


def _add(found: dict[Segments, Learned], learned: Learned) -> None:
    known = found.setdefault(learned.segments, learned)
    known.sources |= learned.sources
    known.reasons |= learned.reasons


def _replace(found: dict[Segments, Learned], alike: Iterable[Segments], wider: Learned) -> None:
    for segments in alike:
        learned = found.pop(segments)
        wider.sources |= learned.sources
        wider.reasons |= learned.reasons
    _add(found, wider)


def _prune(found: dict[Segments, Learned]) -> list[Learned]:
    """Leave out what a wider pattern means as well."""
    wide = [segments for segments in found if any(segment.startswith("*") for segment in segments)]
    kept: dict[Segments, Learned] = {}
    for segments, learned in found.items():
        wider = next((each for each in wide if each != segments and _covers(each, segments)), segments)
        _add(kept, Learned(wider, learned.sources, learned.reasons))
    return list(kept.values()) if len(kept) == len(found) else _prune(kept)


def _vary_path(path: PlainPath, varying: Varying) -> tuple[Segments, set[str]]:
    names = path.segments
    reasons: set[str] = set()
    globs: list[str] = []
    for at, name in enumerate(names):
        if at in path.links:  # no wildcard matches those
            globs.append(name)
            continue
        glob, why = _vary_name(names, at, varying)
        globs.append("[~]" if glob == "~" and at == 0 else glob)
        reasons |= why
    if names[:1] == ("root",):
        globs[:1] = ["~"]
    elif names[:1] == ("home",) and len(names) > 1:
        globs[:2] = ["~"]
    return tuple(globs), reasons


def _vary_name(names: Segments, at: int, varying: Varying) -> tuple[str, frozenset[str]]:
    before, name = names[:at], names[at]
    if names[: at + 1] in varying.temporary:
        return vary_temporary(name), frozenset({"temporary name"})
    if name.isascii() and name.isdigit() and _holds_numbers(before):
        return "[0-9]*", frozenset({"process number" if before[-1] in {"proc", "task"} else "descriptor"})
    is_scratch = any(before[: len(folder)] == folder for folder in _SCRATCH)
    if is_scratch and before in _SCRATCH and (found := re.search(r"[-_.](?=[^0-9A-Z]*[0-9A-Z])[A-Za-z0-9]{6}$", name)):
        glob, why = vary(name[: found.start() + 1], varying.numbers, is_scratch=True)
        return f"{glob}*", why | {"temporary name"}
    return vary(name, varying.numbers, is_scratch=is_scratch)


def _holds_numbers(before: Segments) -> bool:
    if before in {("proc",), ("dev", "fd")}:
        return True
    return before[:1] == ("proc",) and before[-1:] in {("task",), ("fd",), ("fdinfo",)}


def _widen_many(found: dict[Segments, Learned]) -> bool:
    """Take together names that differ in one part alone and are many: that part may then be any."""
    is_changed = False
    for at in range(max(map(len, found), default=0) - 1, -1, -1):
        groups: dict[tuple[Segments, Segments], list[Segments]] = {}
        for segments in found:
            if at < len(segments) and segments[:at] not in _UNLIKE and segments[at] != "**":
                groups.setdefault((segments[:at], segments[at + 1 :]), []).append(segments)
        for (before, after), alike in groups.items():
            if len(alike) >= MANY:
                glob = "*" if after else common_glob([segments[at] for segments in alike])
                what = "folders alike" if after else "names in one folder"
                _replace(found, alike, Learned((*before, glob, *after), set(), {f"{len(alike)} {what}"}))
                is_changed = True
    return is_changed


def _widen_folder(found: dict[Segments, Learned]) -> bool:
    """Where a list is too long to be read, take together the folder with the most of it beneath."""
    if len(found) <= _LONGEST:
        return False
    counts: dict[Segments, int] = {}
    for segments in found:
        for depth in range(_SHALLOWEST, len(segments)):
            counts[segments[:depth]] = counts.get(segments[:depth], 0) + 1
    usable = {each: count for each, count in counts.items() if count >= MANY and each not in _UNLIKE}
    if not usable:
        return False
    folder = min(usable, key=lambda each: (-usable[each], -len(each), each))
    beneath = [segments for segments in found if segments[: len(folder)] == folder and segments != folder]
    _replace(found, beneath, Learned((*folder, "**"), set(), {f"{usable[folder]} paths of one folder"}))
    return True


def _covers(wider: Segments, segments: Segments) -> bool:
    """Tell whether a pattern that was widened means all that another one does."""
    if wider[-1:] == ("**",):
        return segments[: len(wider) - 1] == wider[:-1]
    return len(wider) == len(segments) and all(
        wide == name or _is_wider(wide, name) for wide, name in zip(wider, segments, strict=True)
    )


def _is_wider(wide: str, name: str) -> bool:
    return name != "**" and wide.startswith("*") and name.endswith(wide[1:])
