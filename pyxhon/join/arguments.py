"""Arguments of audit events, named and shown as people write them."""

import json
from collections.abc import Sequence

from pyxhon.categories import CategoryTables

_HIGHEST_PORT = 65_535


def decode_arguments(tables: CategoryTables, event: str, values: object) -> dict[str, object]:
    """Name the values of an audit event; addresses become text, other values plain data."""
    if isinstance(values, dict):
        return {str(name): show_value(value) for name, value in values.items()}
    if not isinstance(values, Sequence) or isinstance(values, str):
        return {}
    named = tables.name_arguments(event, [show_value(value) for value in values])
    for resource in tables.resources_of_event(event):
        if resource.kind == "address" and resource.argument == "address" and resource.argument in named:
            named[resource.argument] = show_address(named[resource.argument])
    return named


def show_value(value: object) -> object:
    """Give one stored argument as plain data: bytes as text with escapes, objects by their type."""
    if isinstance(value, list):
        return [show_value(item) for item in value]
    if isinstance(value, dict) and set(value) == {"bytes", "length"}:  # cut
        return value["bytes"]
    if isinstance(value, dict) and len(value) == 1:
        ((kind, text),) = value.items()
        if kind == "bytes":
            return text
        if kind in {"code", "type"}:
            return f"<code {text}>" if kind == "code" else f"<{text}>"
        if kind == "unreadable":
            return "<unreadable>"
    return value


def show_address(value: object) -> object:
    """Give a socket address as people write it; anything that is none stays as it is."""
    if isinstance(value, str):
        for prefix in ("\0", "\\x00"):  # a name in the kernel's abstract space (unix(7))
            if value.startswith(prefix):
                return "unix:@" + value.removeprefix(prefix)
        return "unix:" + value
    if not isinstance(value, list) or len(value) < 2:  # noqa: PLR2004 - host and port
        return value
    host, port = value[0], value[1]
    if not isinstance(host, str) or not isinstance(port, int) or not 0 <= port <= _HIGHEST_PORT:
        return value
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def canonical(arguments: dict[str, object]) -> str:
    """Give arguments as text that is equal for equal arguments."""
    return json.dumps(arguments, sort_keys=True, ensure_ascii=True, default=str)
