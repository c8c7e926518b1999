"""Python functions that ran, and who called whom: the trace's table `call` with the packages of both ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import CallRow, CodeRow, FileRow, SourceRow


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function; `line` is its first, None where that is not known.

    `package` is None where it is not known, as for code without a file.
    """

    file: str | None
    name: str | None
    line: int | None
    package: str | None
    root: int

    @property
    def is_named(self) -> bool:
        """Tell whether `def` or `class` may have made it: no module, lambda or comprehension."""
        return self.name is not None and not self.name.endswith(">")


@dataclass(slots=True)
class Told:
    """Calls with the same arguments from the same line of the caller; `name` as in --function."""

    name: str
    arguments: dict[str, object]
    line: int | None
    count: int


@dataclass(slots=True)
class Edge:
    """Calls of one function by another, of all threads and processes; None where they were seen, but not counted.

    `told` are those that were asked for by name.
    """

    caller: Function | None
    callee: Function
    starts: int | None = None
    resumptions: int | None = None
    threads: set[tuple[int, int]] = field(default_factory=set)
    had_run: bool = False  # before recording began
    told: list[Told] = field(default_factory=list)


@dataclass(slots=True)
class Use:
    """How much of a package's code ran; `unread` tells why what some files define is not known."""

    package: str | None
    ran: int = 0
    defined: int | None = None
    ran_of_defined: int = 0
    files: int = 0
    unread: dict[str, int] = field(default_factory=dict)


def join_edges(reader: TraceReader) -> tuple[Edge, ...]:
    """Give who called whom, in the order it was first seen."""
    functions = read_functions(reader)
    edges: dict[tuple[Function | None, Function], Edge] = {}
    for row in reader.calls():
        callee = functions.get(row.callee)
        if callee is None:
            continue  # a damaged trace: check() tells of it
        caller = functions.get(row.caller) if row.caller is not None else None
        _count(edges.setdefault((caller, callee), Edge(caller, callee)), row)
    return tuple(edges.values())


def _count(edge: Edge, row: CallRow) -> None:
    if row.starts is not None:
        edge.starts = (edge.starts or 0) + row.starts
    if row.resumptions is not None:
        edge.resumptions = (edge.resumptions or 0) + row.resumptions
    if row.tid:
        edge.threads.add((row.process, row.tid))
    edge.had_run |= row.first_ns is None


def read_functions(reader: TraceReader) -> dict[int, Function]:
    """Give the functions that ran or called, by their code objects."""
    return functions_of(reader, reader.called_codes())


def functions_of(reader: TraceReader, codes: Mapping[int, CodeRow]) -> dict[int, Function]:
    """Give code objects as functions."""
    roots = {row.id: row.root for row in reader.processes()}
    files = reader.files()
    return {number: _function(code, roots.get(code.process, 0), files) for number, code in codes.items()}


def _function(code: CodeRow, root: int, files: dict[tuple[int, str], FileRow]) -> Function:
    row = files.get((root, code.file)) if code.file is not None else None
    detail = row.detail if row is not None and isinstance(row.detail, dict) else {}
    package = None if row is None or detail.get("generated") else row.package
    return Function(code.file, code.qualified_name, code.first_line, package, root)


def join_uses(edges: Iterable[Edge], sources: Iterable[SourceRow]) -> tuple[Use, ...]:
    """Give how much of each package ran: functions against those that its files define, as far as they were read."""
    known = {(row.root, row.path): row for row in sources}
    files: dict[tuple[str | None, int, str | None], set[Function]] = {}
    for edge in edges:
        callee = edge.callee
        files.setdefault((callee.package, callee.root, callee.file), set()).add(callee)
    uses: dict[str | None, Use] = {}
    for (package, root, path), functions in files.items():
        use = uses.setdefault(package, Use(package))
        use.files += path is not None
        _add_file(use, functions, known.get((root, path or "")))
    return tuple(uses.values())


def _add_file(use: Use, functions: set[Function], source: SourceRow | None) -> None:
    if source is None or source.functions is None:
        use.ran += len({(each.line, each.name) for each in functions if each.is_named})
        if source is not None:
            reason = source.reason or "not known"
            use.unread[reason] = use.unread.get(reason, 0) + 1
        return
    # Up to 3.10 code objects have no qualified name; class bodies, which look like functions, are in no list.
    defined = {(line, name.rpartition(".")[2]) for line, name in source.functions}
    ran = {(each.line, (each.name or "").rpartition(".")[2]) for each in functions} & defined
    use.ran += len(ran)
    use.ran_of_defined += len(ran)
    use.defined = (use.defined or 0) + len(defined)
