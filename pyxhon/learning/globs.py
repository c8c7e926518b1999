"""Names → globs: the parts of a name that another run of the same program would have otherwise become wildcards.

The names were chosen by the traced program: what cannot be written as it is becomes a wildcard, never anything else.
"""

import re
from collections.abc import Collection
from typing import Final

_TEMPORARY: Final = re.compile(r"tmp[a-z0-9_]{8}(?![a-z0-9_])")
# Each alternative's name says why: what it finds differs between runs, releases or machines.
_VARYING: Final = re.compile(
    r"(?P<identifier>(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9A-Za-z]))"
    r"|(?P<hash>(?<![0-9A-Za-z])(?:[0-9a-f]{32,}|(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{16,})(?![0-9A-Za-z])"
    r"|(?<=[-.])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8}(?=\.))"
    r"|(?P<temporary>(?<![a-z0-9]tmp)(?<=tmp)[a-z0-9_]{8}(?![a-z0-9_]))"
    r"|(?P<date>(?<![0-9])(?:19|20)[0-9]{2}([-_]?)(?:0[1-9]|1[0-2])\5(?:0[1-9]|[12][0-9]|3[01])(?![0-9]))"
    r"|(?P<version>(?<=python3\.)[0-9]+(?![0-9])|(?<=python3)[0-9]{1,2}t?(?![0-9])|(?<=cpython-)[0-9]{2,3}t?(?![0-9])|(?<=\.so\.)[0-9]+(?:\.[0-9]+)+"
    r"|(?<![0-9A-Za-z.])v?[0-9]{1,4}(?:\.[0-9]{1,6}){1,3}(?:(?:a|b|rc|\.dev|\.post)[0-9]{1,6})?(?![0-9A-Za-z]))"
    r"|(?P<number>(?<!python)[0-9]{3,})"
)
REASONS: Final = {
    "identifier": "unique name",
    "hash": "hash",
    "temporary": "temporary name",
    "date": "date",
    "version": "version",
    "number": "process number",
}


def escape_glob(text: str) -> str:
    """Write text as a glob that matches it alone; a character that a policy cannot have becomes `?`."""
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character in "*?[":
        return f"[{character}]"
    return character if character.isprintable() else "?"


def vary(
    name: str, numbers: Collection[str], *, is_scratch: bool = False, kept: Collection[str] = ()
) -> tuple[str, frozenset[str]]:
    """Give a name as a glob, and why it has wildcards; kinds that are `kept` make none.

    `numbers` are those of the run's processes and threads; in a folder for scratch files any number is taken for one.
    """
    pieces: list[str] = []
    reasons: set[str] = set()
    at = 0
    for found in _VARYING.finditer(name):
        kind = str(found.lastgroup)
        if kind in kept or (kind == "number" and not (is_scratch or found[0] in numbers)):
            continue
        pieces += [escape_glob(name[at : found.start()]), "*"]
        reasons.add(REASONS[kind])
        at = found.end()
    return "".join(pieces) + escape_glob(name[at:]), frozenset(reasons)


def vary_temporary(name: str) -> str:
    """Give a name that Python's `tempfile` made as a glob: it has eight random characters, mostly at its end."""
    if _TEMPORARY.match(name):
        return "tmp*" + escape_glob(name[11:])
    stem, dot, suffix = name.partition(".")
    if re.fullmatch(r"[a-z0-9_]{8}", stem):
        return "????????" + escape_glob(dot + suffix)
    found = re.fullmatch(r"(.*)[a-z0-9_]{8}((?:\.[^.]*)*)", name, re.DOTALL)
    return vary(found[1], ())[0] + "*" + escape_glob(found[2]) if found else "*"


def common_glob(names: Collection[str]) -> str:
    """Give one glob for many: with the ending that all have, as `*.json`."""
    endings = {name.rpartition(".")[2] if "." in name[1:] else "" for name in names}
    ending = endings.pop() if len(endings) == 1 else ""
    return f"*.{ending}" if re.fullmatch(r"[A-Za-z0-9_]+", ending) else "*"
