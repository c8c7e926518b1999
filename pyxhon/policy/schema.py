"""The JSON Schema of policy files, for editors; `scripts/generate_policy_schema.py` writes it to policies/schema.json.

It is made of the tables that the parser reads by. It is no judge: what it refuses the parser refuses, but not all that
the parser refuses is seen by a schema (keys twice, aliases, two spellings of one package, files that are not there).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pyxhon.categories import CATEGORIES, LETTERS
from pyxhon.policy.call_arguments import MOST_POSITIONS
from pyxhon.policy.keys import (
    ACTIONS,
    CALL_KEYS,
    DISTRIBUTION,
    DLL_PREFIX,
    LISTS,
    MOST_ARGUMENT_CHARACTERS,
    MOST_REASON_CHARACTERS,
    ORIGINS,
    PACKAGE_KEYS,
    POLICY_KEYS,
    SEQUENCE_KEYS,
    STEP_KEYS,
    VERBS,
)
from pyxhon.policy.parse import list_builtin_policies
from pyxhon.policy.sequences import (
    KINDS,
    MATCH_KEYS,
    MOST_NAME_CHARACTERS,
    MOST_SEQUENCES,
    MOST_STEPS,
)
from pyxhon.target.system_calls.classify import operation_names
from pyxhon.target.system_calls.declarations import sensitive_names

Schema = dict[str, Any]

# Patterns are of JSON Schema's dialect (ECMA 262), where \w is ASCII: what no name has is listed instead.
_LETTER: Final = r"[^\s!\"#$%&'()+,:;=@\[\\\]^`{|}~]"
_NAME: Final = f"^{_LETTER}+$"
_FUNCTION: Final = f"^{_LETTER}+(?::{_LETTER}+)?$"
_PATH: Final = (
    r"(?!.*(?:^|/)\.{1,2}(?:/|$))(?!.*[^/]\*\*)(?!.*\*\*[^/])"
    r"(?:/(?:.*[^/])?|~/.*[^/]|\*\*/.*[^/]|~|\*\*)"
)
_PORTS: Final = r"(?:\*|[0-9]{1,5}(?:-[0-9]{1,5})?)"
_HOST: Final = r"(?:\[[0-9A-Fa-f:./]+\]|[A-Za-z0-9*?._-]+|[0-9.]+/[0-9]{1,2})"
_PATTERNS: Final[Mapping[str, str]] = {
    "files": f"^{_PATH}$",
    "network": rf"^(?:unix:@.*|unix:(?=[/~*]).+|{_HOST}:{_PORTS})$",
    "dlls": rf"^(?:[^/]+|(?=.*/){_PATH})$",
}
_LETTERS: Final = "".join(LETTERS)
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def build_schema() -> Schema:
    """Give the schema of a policy file."""
    return {
        "$schema": _DRAFT,
        "title": "PyXhon policy",
        "description": "Which package may do what; docs/policies.md tells the rest.",
        "type": "object",
        **_fields(POLICY_KEYS, _POLICY_SHAPES),
        "required": ["version"],
        "anyOf": [{"required": [key]} for key in ("packages", "extends", "sequences")],
    }


def _fields(keys: Mapping[str, str], shapes: Mapping[str, Callable[[], Schema]]) -> Schema:
    """Give the keys of a mapping, which has no others."""
    properties = {key: {"description": text, **shapes[key]()} for key, text in keys.items()}
    return {"properties": properties, "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _extends() -> Schema:
    known = [f"builtin:{name}" for name in (*list_builtin_policies(), "categories")]
    return _list({"type": "string", "anyOf": [{"enum": sorted(known)}, {"pattern": r"^(?!builtin:).+$"}]})


def _packages() -> Schema:
    origins = "|".join(ORIGINS)
    key = rf"^(?:{DISTRIBUTION}|{origins}|{DLL_PREFIX}[^/]+|[^/]*\.so[^/]*)$"
    entry = {"type": "object", "minProperties": 1, **_fields(PACKAGE_KEYS, _PACKAGE_SHAPES)}
    return {"type": "object", "propertyNames": {"pattern": key}, "additionalProperties": entry}


def _allow() -> Schema:
    letters = rf"^(?:None|-|(?!.*([{_LETTERS}]).*\1)[{_LETTERS}](?:-[{_LETTERS}])*)$"
    categories = _list({"enum": list(CATEGORIES)}) | {"uniqueItems": True}
    return {"anyOf": [_text(letters), categories]}


def _verbs(item: Schema) -> Callable[[], Schema]:
    return lambda: {"type": "object", **_fields(VERBS, dict.fromkeys(VERBS, lambda: _list(item)))}


def _call() -> Schema:
    value = {"type": ["string", "number", "boolean", "null"]}
    text = {"maxLength": MOST_ARGUMENT_CHARACTERS, "minLength": 1}
    name = rf"^(?:[0-{MOST_POSITIONS - 1}]|(?![0-9])[^\s!-/:-@\[-^`{{-~]+)$"
    arguments = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": name},
        "additionalProperties": value | text,
    }
    shapes = {"name": lambda: _text(_FUNCTION), "args": lambda: arguments}
    return {"type": "object", **_fields(CALL_KEYS, shapes), "required": list(CALL_KEYS)}


def _functions() -> Schema:
    return _verbs({"anyOf": [_text(_FUNCTION), _call()]})()


def _system_calls() -> Schema:
    known = sorted({*sensitive_names(), *operation_names()})
    return _verbs({"type": "string", "anyOf": [{"enum": known}, {"pattern": rf"^{_LETTER}*[*?]{_LETTER}*$"}]})()


def _lists(group: str) -> Callable[[], Schema]:
    keys = LISTS[group]
    return lambda: {
        "type": "object",
        **_fields(keys, dict.fromkeys(keys, lambda: _list(_text(_PATTERNS[group])))),
    }


def _reason() -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": MOST_REASON_CHARACTERS}


def _one_or_more(item: Schema) -> Schema:
    return {"anyOf": [item, _list(item)]}


def _step() -> Schema:
    patterns = {key: lambda: _one_or_more({"type": "string", "minLength": 1}) for key in MATCH_KEYS}
    match = {"type": "object", **_fields(dict.fromkeys(MATCH_KEYS, "Paths, peers or DLLs."), patterns)}
    shapes = {
        "category": lambda: _one_or_more({"enum": list(CATEGORIES)}),
        "kind": lambda: _one_or_more({"enum": list(KINDS)}),
        "name": lambda: _one_or_more(_text(_NAME)),
        "match": lambda: match,
    }
    return {"type": "object", "minProperties": 1, **_fields(STEP_KEYS, shapes)}


def _sequences() -> Schema:
    shapes: Mapping[str, Callable[[], Schema]] = {
        "name": lambda: {"type": "string", "minLength": 1, "maxLength": MOST_NAME_CHARACTERS},
        "steps": lambda: _list(_step()) | {"minItems": 1, "maxItems": MOST_STEPS},
        "within": lambda: _text(r"^[0-9]{1,9}(?:\.[0-9]{1,3})?(?:ms|s|m|h|d)$"),
        "same": lambda: {"enum": ["path"]},
        "packages": lambda: _one_or_more({"type": "string"}),
        "except": lambda: _one_or_more({"type": "string"}),
        "reason": _reason,
    }
    sequence = {"type": "object", **_fields(SEQUENCE_KEYS, shapes), "required": ["name", "steps"]}
    return _list(sequence) | {"maxItems": MOST_SEQUENCES}


_PACKAGE_SHAPES: Final[Mapping[str, Callable[[], Schema]]] = {
    "allow": _allow,
    "functions": _functions,
    "modules": _verbs(_text(_NAME)),
    "syscalls": _system_calls,
    "native": lambda: {"enum": sorted(VERBS)},
    "reason": _reason,
    **{group: _lists(group) for group in LISTS},
}
_POLICY_SHAPES: Final[Mapping[str, Callable[[], Schema]]] = {
    "version": lambda: {"enum": [1, "1"]},
    "extends": _extends,
    "packages": _packages,
    "sequences": _sequences,
    "on_violation": lambda: {"enum": list(ACTIONS)},
}
