"""Import edges: statements, fresh loads and the import system's reads of one import brought together."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyxhon.categories import CategoryTables
from pyxhon.join.acts import Act, freeze
from pyxhon.join.frameless import Frameless, Sighting
from pyxhon.join.model import Behaviour, Frame, Import, Load, Owner
from pyxhon.join.places import Places, Role
from pyxhon.join.stacks import StackView
from pyxhon.packages.names import module_of, relative_to, source_of
from pyxhon.trace.rows import EventRow, ModuleRow


@dataclass(slots=True)
class Edge:
    """One import edge while it is counted."""

    act: Act
    module: str
    is_transitive: bool
    statements: int = 0
    statements_failed: int = 0
    nested: int = 0  # made by the import system: of parents, and of submodules in a `from` list
    nested_failed: int = 0
    loads: int = 0
    loads_failed: int = 0
    reads: int = 0
    fromlist: list[str] = field(default_factory=list)
    filename: str | None = None

    @property
    def count(self) -> int:
        """How often it was imported: statements say it best, then fresh loads, then files read."""
        return self.statements or self.nested or self.loads or self.reads

    @property
    def failed(self) -> int:
        """How often that failed; a failure is seen by whichever signal watches the outcome."""
        return max(self.statements_failed, self.nested_failed, self.loads_failed)

    def add_statement(self, event: EventRow, view: StackView, fromlist: list[str]) -> None:
        """Count an entry into the import machinery, apart where it is the import system's own."""
        if view.is_import and not view.direct_extensions:
            self.nested += event.count
            self.nested_failed += event.failed
        else:
            self.statements += event.count
            self.statements_failed += event.failed
            self.fromlist = self.fromlist or fromlist


_CUT = 250  # bytes: a shorter name or path is whole (events.py, NAME_BYTES)
_EdgeKey = tuple[int, Owner, str, Frame | None, bool]


class Edges:
    """Collects the edges of a batch; remembers which modules and extension modules there are."""

    def __init__(self, places: Places, frameless: Frameless, tables: CategoryTables) -> None:
        self._places = places
        self._frameless = frameless
        self._tables = tables
        self._edges: dict[_EdgeKey, Edge] = {}
        self._modules: set[str] = set()
        self._extensions: dict[str, str] = {}  # module → file
        self._names: dict[str, str] = {}  # file → module
        self._loads: list[Load] = []
        self._are_merged = True

    def note_modules(self, rows: list[ModuleRow]) -> None:
        """Take up what sys.modules held at attach."""
        for row in rows:
            self._modules.add(row.name)
            if row.is_extension and row.file:
                self._note_extension(row.name, row.file)

    def start_batch(self, *, are_merged: bool) -> None:
        """Forget the edges counted so far; `are_merged`: an event may stand for several, with other arguments."""
        self._edges = {}
        self._are_merged = are_merged
        self._loads = []

    # --- what events tell

    def add_statement(self, seen: Sighting) -> None:
        """Count the import machinery's entry: an import statement, `__import__` or the C API."""
        event = seen.event
        arguments = event.arguments if isinstance(event.arguments, dict) else {}
        level = arguments.get("level")
        module = self._absolute(event.name, level if isinstance(level, int) else 0, seen.view)
        names = arguments.get("fromlist")
        fromlist = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        self._edge(seen, module, of_load=False).add_statement(event, seen.view, fromlist)
        for name in fromlist:
            submodule = f"{module}.{name}"
            if submodule in self._modules or submodule in self._places.packages:
                self._edge(seen, submodule, of_load=False).add_statement(event, seen.view, [])

    def add_load(self, seen: Sighting) -> None:
        """Count audit event `import`: a module was not there and is looked for; with a file, an extension is loaded."""
        event = seen.event
        values = event.arguments if isinstance(event.arguments, list) else []
        module = values[0] if values and isinstance(values[0], str) else None
        filename = values[1] if len(values) > 1 and isinstance(values[1], str) else None
        if module is None:
            return
        self._modules.add(module)
        if filename is None:
            edge = self._edge(seen, module, of_load=False)
            edge.loads += event.count
            edge.loads_failed += event.failed
            return
        self._frameless.note_extension(seen, filename)
        self._note_extension(module, filename)
        edge = self._edge(seen, module, of_load=True)
        edge.loads = max(edge.loads, event.count)
        edge.filename = filename
        self._note_load(event, edge, filename)

    def add_read(self, seen: Sighting, path: str) -> None:
        """Take up a module's file that the import system reads: all that is seen of importlib.import_module."""
        module = self._module_of_file(seen.process.root, path)
        if module is not None:
            self._modules.add(module)
            edge = self._edge(seen, module, of_load=False)
            edge.reads = max(edge.reads, seen.event.count)

    def add_dll_load(self, seen: Sighting, path: str) -> bool:
        """Take up the dlopen of an extension module; False when it is a load of its own."""
        if not seen.view.is_extension_init:
            return False
        expected = self._frameless.extension_file(seen)
        if expected is not None and posixpath.basename(expected) != posixpath.basename(path):
            return False
        module = self._names.get(path) or self._module_of_file(seen.process.root, path)
        edge = self._edge(seen, module or posixpath.basename(path).partition(".")[0], of_load=True)
        edge.filename = edge.filename or path
        edge.reads = max(edge.reads, seen.event.count)
        self._note_load(seen.event, edge, path)
        return True

    # --- what they amount to

    def imports(self) -> Iterator[Import]:
        """Give all edges."""
        for edge in self._edges.values():
            yield Import(
                edge.act.owner.name,
                edge.module,
                self._package_of(edge.module),
                self._category(edge),
                edge.is_transitive,
                edge.act.location,
                edge.count,
                edge.failed,
                edge.act.process,
                edge.act.event,
            )

    def behaviours(self) -> Iterator[Behaviour]:
        """Give the edges that a package's own frame or C code made."""
        for edge in self._edges.values():
            if not edge.is_transitive:
                arguments: dict[str, object] = {"fromlist": edge.fromlist} if edge.fromlist else {}
                filename = edge.filename or self._extensions.get(edge.module)
                if filename:
                    arguments["filename"] = filename
                edge.act.arguments = arguments
                edge.act.is_truncated = edge.act.is_truncated and not self._are_names_whole(edge.module, filename or "")
                edge.act.count, edge.act.failed = edge.count, edge.failed
                yield freeze(edge.act, self._category(edge), edge.module)

    def loads(self) -> list[Load]:
        """Give the loads of extension modules."""
        return self._loads

    # --- details

    def _edge(self, seen: Sighting, module: str, *, of_load: bool) -> Edge:
        view = seen.view
        frameless = self._frameless.attribute(seen, of_load=of_load)
        by = frameless or view.importer
        is_by_extension = frameless is not None and view.direct_extensions > int(of_load)
        is_transitive = self._is_incidental(seen, module) or (view.is_transitive and not is_by_extension)
        key = (seen.process.id, by.owner, module, by.location, is_transitive)
        edge = self._edges.get(key)
        if edge is None:
            act = Act.begin(seen, by)
            act.kind, act.name = "import", f"import {module}"
            edge = self._edges[key] = Edge(act, module, is_transitive)
        edge.act.note(seen.event)
        return edge

    def _is_incidental(self, seen: Sighting, module: str) -> bool:
        """Tell whether the import system or the interpreter's C code needs the module for its own work."""
        event = seen.event
        if event.kind == "import" and isinstance(event.arguments, dict) and event.arguments.get("by_c"):
            is_private = module.startswith("_") and self._tables.is_standard_module(module)
            if is_private and not seen.view.extensions:
                return True
        # A file that is read for an import is not an import that reading needs.
        return seen.view.is_for_itself and event.name != "open"

    def _note_extension(self, module: str, filename: str) -> None:
        self._extensions[module] = filename
        self._names[filename] = module

    def _note_load(self, event: EventRow, edge: Edge, path: str) -> None:
        act = edge.act
        self._loads.append(Load(act.process, path, event.id, act.owner, act.location, "import"))

    def _absolute(self, name: str, level: int, view: StackView) -> str:
        """Resolve a relative name (PEP 328) by the module name of the importing file."""
        if level <= 0:
            return name
        place = view.importing_place
        parts = place.module.split(".") if place and place.module and place.role is not Role.UNREAD else []
        drop = level - 1 if place and place.is_package else level
        if not parts or drop >= len(parts):
            return "." * level + name
        base = parts[: len(parts) - drop]
        return ".".join([*base, name] if name else base)

    def _module_of_file(self, root: int, path: str) -> str | None:
        source = source_of(path)
        row = self._places.row(root, source)
        if row and row.module:
            return row.module
        roots = [each for each in self._places.search_roots.get(root, ()) if relative_to(source, each)]
        longest = max(roots, key=len, default=None)
        return module_of(relative_to(source, longest) or "") if longest is not None else None

    def _are_names_whole(self, *names: str) -> bool:
        """Tell whether what was cut of an import's arguments are lists alone: of names, of places searched."""
        return not self._are_merged and all(len(name.encode("utf-8", "surrogatepass")) < _CUT for name in names)

    def _category(self, edge: Edge) -> str | None:
        is_extension = edge.filename is not None or edge.module in self._extensions
        return self._tables.category_of_import(edge.module, is_extension=is_extension)

    def _package_of(self, module: str) -> str | None:
        if module in self._places.packages:
            return self._places.packages[module]
        return "stdlib" if self._tables.is_standard_module(module) else self._places.package_of(module)
