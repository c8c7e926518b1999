"""The file of category tables: its nodes → `CategoryTables`."""

from collections.abc import Mapping

from pyxhon.categories import (
    CATEGORIES,
    LOADERS,
    Access,
    AuditEntry,
    CategoryTables,
    Resource,
    ResourceKind,
    SystemCallEntry,
)
from pyxhon.policy.nodes import Node, read_entries, read_fields, read_items, read_text, refuse, suggest
from pyxhon.target.system_calls.declarations import argument_names, sensitive_names

TABLE_KEYS = ("modules", "builtins", "audit_events", "syscalls")
_IO_URING = "io_uring:"
_IO_URING_ARGUMENTS = ("addr",)
_ADDED_ARGUMENTS = ("path",)  # of a mapping: its file, which the call names by a descriptor
_PLACES = (*CATEGORIES, "none")
_KINDS: Mapping[Access, ResourceKind] = {
    "read": "path",
    "write": "path",
    "by_mode": "path",
    "connect": "address",
    "bind": "address",
    "lookup": "address",
    "url": "url",
    "load": "dll",
    "run": "command",
}


def parse_tables(fields: Mapping[str, Node]) -> CategoryTables:
    """Read the tables; an entry that stands in two categories is refused."""
    events = _parse_events(fields["audit_events"])
    return CategoryTables(
        _parse_names(fields["modules"]),
        _parse_names(fields["builtins"]),
        events,
        _parse_calls(fields["syscalls"], events),
    )


def _parse_names(node: Node) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for category, names in read_fields(node, _PLACES).items():
        for item in read_items(names):
            name = read_text(item)
            if name in found:
                raise refuse(f"'{name}' is placed twice", item.place, "remove one")
            found[name] = _category(category)
    return found


def _parse_events(node: Node) -> dict[str, AuditEntry]:
    found: dict[str, AuditEntry] = {}
    for category, events in read_fields(node, _PLACES).items():
        for key, value in read_entries(events, "audit events"):
            name = read_text(key)
            if name in found:
                raise refuse(f"audit event '{name}' is placed twice", key.place, "remove one")
            found[name] = _parse_event(name, _category(category), value)
    return found


def _parse_event(name: str, category: str | None, node: Node) -> AuditEntry:
    fields = read_fields(node, ("arguments", "functions", "import_system", "only", "not_descriptor", *_KINDS))
    arguments = _read_names(fields["arguments"])
    functions = _read_names(fields["functions"]) if "functions" in fields else (name,)
    resources = _parse_resources(fields)
    only = read_fields(fields["only"], arguments) if "only" in fields else {}
    _check_resources(name, resources, arguments, node)
    values = {argument: frozenset(_read_names(listed)) for argument, listed in only.items()}
    descriptor = read_text(fields["not_descriptor"]) if "not_descriptor" in fields else None
    return AuditEntry(name, category, arguments, functions, resources, "import_system" in fields, values, descriptor)


def _parse_calls(node: Node, events: Mapping[str, AuditEntry]) -> dict[str, SystemCallEntry]:
    found: dict[str, SystemCallEntry] = {}
    for category, entries in read_fields(node, CATEGORIES).items():
        for key, value in read_entries(entries, "system calls"):
            for name in read_text(key).split():
                if name in found:
                    raise refuse(f"system call '{name}' is placed twice", key.place, "remove one")
                if not name.startswith(_IO_URING) and name not in sensitive_names():
                    raise refuse(
                        f"'{name}' is no sensitive system call",
                        key.place,
                        suggest(name, sensitive_names(), shows_all=False),
                    )
                found[name] = _parse_call(name, category, value, events)
    return found


def _parse_call(name: str, category: str, node: Node, events: Mapping[str, AuditEntry]) -> SystemCallEntry:
    fields = read_fields(node, ("explained_by", *_KINDS))
    resources = _parse_resources(fields)
    is_operation = name.startswith(_IO_URING)
    known = _IO_URING_ARGUMENTS if is_operation else argument_names(name, with_hidden=True)
    _check_resources(name, resources, (*known, *_ADDED_ARGUMENTS), node)
    explained_by = _read_names(fields["explained_by"]) if "explained_by" in fields else ()
    for event in explained_by:
        if event not in events and event not in LOADERS:
            raise refuse(
                f"'{event}' is no audit event", fields["explained_by"].place, suggest(event, events, shows_all=False)
            )
    return SystemCallEntry(name, category, resources, explained_by)


def _check_resources(name: str, resources: tuple[Resource, ...], arguments: tuple[str, ...], node: Node) -> None:
    for resource in resources:
        if resource.argument not in arguments:
            raise refuse(f"'{resource.argument}' is no argument of {name}", node.place)


def _parse_resources(fields: Mapping[str, Node]) -> tuple[Resource, ...]:
    return tuple(
        resource
        for access, kind in _KINDS.items()
        if access in fields
        for resource in _parse_resource(access, kind, fields)
    )


def _parse_resource(access: Access, kind: ResourceKind, fields: Mapping[str, Node]) -> tuple[Resource, ...]:
    node = fields[access]
    names = (read_text(node),) if node.items is None else _read_names(node)
    if kind == "address" and len(names) > 1:
        return (Resource(kind, access, names[0], names[1]),)
    return tuple(Resource(kind, access, name) for name in names)


def _read_names(node: Node) -> tuple[str, ...]:
    return tuple(read_text(item) for item in read_items(node))


def _category(place: str) -> str | None:
    return None if place == "none" else place
