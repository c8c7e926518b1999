"""Paths in arguments made absolute, with nothing but what the kernel told of the folder that they start from."""

from collections.abc import Sequence


def absolute_path(path: str, folders: Sequence[str] | None) -> str:
    """Join a relative path to its folder, given as names from the innermost outwards ([] is the root).

    A path whose folder is not known stays relative. `..` is resolved only where it leads out of that folder: its
    names are those of real folders, while what the caller wrote may be a link.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/"):
        base: list[str] = []
    elif folders is None:
        return "/".join(parts) or path
    else:
        base = list(reversed(folders))
    while parts and parts[0] == "..":  # of the root it is the root
        parts.pop(0)
        base = base[:-1]
    return "/" + "/".join([*base, *parts])
