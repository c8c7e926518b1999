"""What results are about, each with its help: an act against the policy, or beneath Python, by category."""

from collections.abc import Iterable
from typing import Final

from pyxhon.categories import CATEGORIES
from pyxhon.report.digest import Act

_ACTS: Final = {
    "file": "opening, listing, changing and removing files and folders",
    "network": "talking to others and looking up their names",
    "dll": "loading native code, or calling it through ctypes",
    "os": "the operating system's services: processes, signals, users, the interpreter's own switches",
    "builtins": "code made or loaded at run time: exec, compile, pickle, importlib",
}
_KINDS: Final = ("violation", "beneath")
_LEVELS: Final = {"violation": "error", "beneath": "warning"}
_TITLES: Final = {"violation": "Against the policy", "beneath": "Invisible at Python level"}
_HELP: Final = {
    "violation": (
        "A package did what the policy does not allow it. Nothing was blocked. Look at the line, and at the stack that "
        "led there: either the package should not do this, or the policy should say that it may (docs/policies.md). "
        "`pyxhon policy check POLICY --trace TRACE --behaviour ID` tells which rule decides and why."
    ),
    "beneath": (
        "Native code did this beneath Python, and no audit event explains it: audit hooks, mocks and monkey patches do "
        "not see it. No rule of the policy decides it. Look at the DLL that did it and the Python line that led there; "
        "`native: allow` or `native: deny` in the package's entry decides (docs/policies.md)."
    ),
}


def rule_id(act: Act) -> str:
    """Name the rule that an act is a result of."""
    kind = "violation" if act.behaviour.verdict == "violation" else "beneath"
    return f"{kind}/{act.behaviour.category}"


def rule_index(act: Act) -> int:
    """Give the place of that rule among `list_rules`."""
    return _IDS.index(rule_id(act))


def list_rules() -> list[dict[str, object]]:
    """Give all rules; they are the same in every log."""
    return [_build_rule(kind, category) for kind in _KINDS for category in CATEGORIES]


def find_taxa(acts: Iterable[Act]) -> dict[str, int]:
    """Give each rule of the policy that decided something a number."""
    names = dict.fromkeys(rule for act in acts if (rule := act.behaviour.rule) is not None)
    return {name: number for number, name in enumerate(names)}


def _build_rule(kind: str, category: str) -> dict[str, object]:
    title = f"{_TITLES[kind]}: {category}"
    return {
        "id": f"{kind}/{category}",
        "name": f"{kind.capitalize()}{category.capitalize()}",
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title}: {_ACTS[category]}."},
        "help": {"text": _HELP[kind].replace("`", "'"), "markdown": _HELP[kind]},
        "defaultConfiguration": {"level": _LEVELS[kind]},
        "properties": {"tags": ["security", category]},
    }


_IDS: Final = tuple(f"{kind}/{category}" for kind in _KINDS for category in CATEGORIES)
