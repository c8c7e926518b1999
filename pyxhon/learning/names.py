"""Names of packages, functions, modules and system calls as the patterns that a policy may have for them."""

import re
from typing import Final

from pyxhon.join import Owner
from pyxhon.policy.keys import DLL_PREFIX
from pyxhon.policy.model import normalize_name
from pyxhon.policy.patterns import BadPatternError, parse_function
from pyxhon.target.system_calls.classify import operation_names
from pyxhon.target.system_calls.declarations import sensitive_names

_LONGEST: Final = 250
_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NO_NAMES: Final = frozenset({"application", "stdlib", "unknown"})  # as keys they mean others
_NO_LETTER: Final = re.compile(r"[^\w./<>-]")


def module_glob(name: str) -> str:
    """Give the pattern for a module."""
    return _NO_LETTER.sub("?", name)[:_LONGEST] + ("*" if len(name) > _LONGEST else "") if name else "?"


def function_glob(name: str) -> str | None:
    """Give the pattern for a function or audit event; None where there can be none."""
    module, colon, function = name.partition(":")
    text = f"{_part(module)}:{_part(function)}" if colon else module_glob(name)
    try:
        parse_function(text)
    except BadPatternError:
        return None
    return text


def _part(name: str) -> str:
    """Give a part of a Python function's name: nothing between dots is no name."""
    text = _NO_LETTER.sub("?", name.replace("/", "?"))
    text = re.sub(r"(?<=\.)(?=\.)|^(?=\.)|(?<=\.)$", "?", text) or "?"
    return text[:_LONGEST] + ("*" if len(text) > _LONGEST else "")


def system_call(name: str) -> str | None:
    """Give the name that a policy has for a system call; None where it can have none."""
    bare = name.rpartition(":")[2]
    return bare if bare in {*sensitive_names(), *operation_names()} else None


def package_key(owner: Owner) -> str:
    """Give the key of a package's entry; what a key cannot have becomes a wildcard."""
    if owner.origin not in {"distribution", "dll"}:
        return owner.origin
    if owner.origin == "dll":
        name = "".join("?" if each in "[]*?/" or not each.isprintable() else each for each in owner.name)
        return name if ".so" in name and not name.startswith(DLL_PREFIX) else DLL_PREFIX + name
    if _DISTRIBUTION.fullmatch(owner.name):
        name = owner.name
    else:
        name = re.sub(r"[^a-z0-9-]|\A-|-\Z", "?", normalize_name(owner.name))
    if name in _NO_NAMES or ".so" in name:
        return "?" + name[1:].replace(".so", "?so")
    return name
