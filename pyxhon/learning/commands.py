"""What a package ran → what the argument of a rule says: the command with what differs between runs left open."""

from typing import Final

from pyxhon.learning.globs import vary, vary_temporary
from pyxhon.learning.paths import Varying

_MOST_TEMPORARY: Final = 1000
_KEPT: Final = ("version", "date")  # here * stands for slashes, too
_AS_TEXT: Final = (("[*]", "?"), ("[?]", "?"), ("[[]", "["))  # in arguments only * and ? are wildcards


def vary_command(value: str, varying: Varying) -> tuple[str, frozenset[str]]:
    """Give a command as the glob of an argument, and why it has wildcards."""
    glob, reasons = _vary(value, varying, sorted(varying.temporary)[:_MOST_TEMPORARY])
    for written, meant in _AS_TEXT:
        glob = glob.replace(written, meant)
    return glob, reasons


def _vary(value: str, varying: Varying, temporary: list[tuple[str, ...]]) -> tuple[str, frozenset[str]]:
    for segments in temporary:
        path = "/" + "/".join(segments)
        before, found, after = value.partition(path)
        if found:
            start, why = _vary(before, varying, temporary)
            end, more = _vary(after, varying, temporary)
            folder = path[: len(path) - len(segments[-1])]
            return f"{start}{vary(folder, ())[0]}{vary_temporary(segments[-1])}{end}", why | more | {"temporary name"}
    return vary(value, varying.numbers, kept=_KEPT)
