"""The keys of a policy file, each declared once: the parser takes them, editors are told of them (`schema.py`).

A key's text is what an editor shows. Sub-keys that are the same everywhere have a table of their own.
"""

from collections.abc import Mapping
from typing import Final, Literal

POLICY_KEYS: Final[Mapping[str, str]] = {
    "version": "The form of the file: 1.",
    "extends": "Policies that this one is laid over: builtin:NAME, or a path relative to this file.",
    "packages": "An entry for each package: a distribution, a DLL, application, stdlib, unknown or *.",
    "sequences": "Acts of one package in order and within a time, which are a violation.",
    "on_violation": "What happens at a violation: report, stop or kill.",
}
Action = Literal["report", "stop", "kill"]
ACTIONS: Final[tuple[Action, ...]] = ("report", "stop", "kill")

PACKAGE_KEYS: Final[Mapping[str, str]] = {
    "allow": "Categories that the package may use: a list, or letters as in D-O-B, or None.",
    "functions": "Functions and audit events by name, with or without arguments.",
    "modules": "Imports by module, whatever their category.",
    "files": "Paths that the package may touch; where a list is there, everything else is a violation.",
    "network": "Peers that the package may reach; where a list is there, everything else is a violation.",
    "dlls": "DLLs that the package may load; where the list is there, everything else is a violation.",
    "syscalls": "System calls that no event of Python explains, by name.",
    "native": "Whether the package may act below Python with no event of Python that explains it.",
    "reason": "Why: shown in reports.",
}

VERBS: Final[Mapping[str, str]] = {"deny": "Names that are violations.", "allow": "Names that are allowed."}

LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "files": {
        "read": "Paths that may be read: /…, ~/… or **/…, with * and ** for folders.",
        "write": "Paths that may be written, created, renamed and removed.",
    },
    "network": {
        "connect": "Peers as HOST:PORT that may be spoken to: a name, address or network, and unix:PATH.",
        "bind": "Addresses as HOST:PORT that may be bound.",
    },
    "dlls": {"load": "DLLs that may be loaded: paths, or patterns for file names."},
}

CALL_KEYS: Final[Mapping[str, str]] = {
    "name": "A function or audit event.",
    "args": "What arguments must be, by parameter or position: text with * and ?, a number, true, false or null.",
}

SEQUENCE_KEYS: Final[Mapping[str, str]] = {
    "name": "What it is called in reports; one of the same name goes over an earlier one.",
    "steps": "The acts, in their order.",
    "within": "The longest time from the first to the last: 500ms, 60s, 5m, 1h, 2d.",
    "same": "path: all steps touch the same path.",
    "packages": "Packages that it is looked for in; without it, all.",
    "except": "Packages that it is not looked for in.",
    "reason": "Why: shown in reports.",
}
STEP_KEYS: Final[Mapping[str, str]] = {
    "category": "One of the five categories, or a list of them.",
    "kind": "The kind of the act, or a list of them.",
    "name": "Its name, or a list of names, with * and ?.",
    "match": "What it touches: each key must match.",
}

ORIGINS: Final = ("application", "stdlib", "unknown")
DLL_PREFIX: Final = "dll:"
DISTRIBUTION: Final = r"[A-Za-z0-9*?](?:[A-Za-z0-9*?._-]*[A-Za-z0-9*?])?"
MOST_REASON_CHARACTERS: Final = 1000
MOST_ARGUMENT_CHARACTERS: Final = 1000
