"""Paths in arguments made absolute, with nothing but what the kernel told of the folder that they start from."""

from collections.abc import Sequence
from typing import Final

_OUTSIDE: Final = "(unreachable)/"  # as the kernel says it in getcwd(2)
_MEMFD: Final = "memfd:"


def absolute_path(path: str, folders: Sequence[str] | None) -> str:
    """Join a relative path to its folder, given as names from the innermost outwards ([] is the root).

    A last name that is empty says that they do not lead to the root: a memfd is then named "memfd:NAME", a file of a
    detached mount or beyond a chroot "(unreachable)/...". A path whose folder is not known stays relative. `..` is
    resolved only where it leads out of that folder: its names are those of real folders, while what the caller wrote
    may be a link.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/"):
        base: list[str] = []
    elif folders is None:
        return "/".join(parts) or path
    else:
        base = list(reversed(folders))
    is_outside = base[:1] == [""]
    base = base[is_outside:]
    while parts and parts[0] == "..":  # of the root it is the root
        parts.pop(0)
        base = base[:-1]
    if is_outside and not parts and len(base) == 1 and base[0].startswith(_MEMFD):
        return base[0]
    return (_OUTSIDE if is_outside else "/") + "/".join([*base, *parts])
