"""What an interpreter has already got when we attach: modules, threads and audit hooks, read from its memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pyxhon.cpython.dictionaries import Items, find_item, read_attributes, read_dictionary
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.objects import (
    MAX_ITEMS,
    Memory,
    is_instance,
    read_c_string,
    read_code,
    read_items,
    read_text,
    read_type,
)
from pyxhon.target.process import Mapping

_MAX_INTERPRETERS = 256
_MAX_THREADS = 1 << 16
_MAX_HOOKS = 256
_MAX_SEARCH_PATHS = 1024
_MAX_EFFORT = 4_000_000  # a hostile process could keep us busy with modules; an item of a dictionary costs 1
_READ = 20  # what it costs to read one object
_MAX_WRAPPERS = 8  # bound methods of bound methods
_NO_FILES = ("built-in", "frozen", "namespace")  # what a spec's origin says where there is no file


@dataclass(frozen=True, slots=True)
class Module:
    """An entry of sys.modules of one interpreter; `file` is None where the module names none."""

    name: str
    file: str | None
    is_extension: bool
    interpreter: int


@dataclass(frozen=True, slots=True)
class PythonThread:
    """A thread state: `thread_id` as threading.get_ident() gives it, `native_id` (3.11+) the kernel's.

    The native ID is as the process sees it itself, inside its PID namespace.
    """

    thread_id: int
    native_id: int | None
    interpreter: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was there at attach; `problems` says what could not be read.

    `search_paths` are the entries of every interpreter's sys.path that are text.
    """

    modules: tuple[Module, ...]
    threads: tuple[PythonThread, ...]
    audit_hooks: tuple[str, ...]
    search_paths: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Findings:
    """A snapshot in the making."""

    modules: list[Module] = field(default_factory=list)
    threads: list[PythonThread] = field(default_factory=list)
    audit_hooks: list[str] = field(default_factory=list)
    search_paths: dict[str, None] = field(default_factory=dict)  # in order, each once
    problems: list[str] = field(default_factory=list)
    effort_left: int = _MAX_EFFORT

    def spend(self, effort: int) -> bool:
        """Take from what may still be spent; False when there is nothing left."""
        self.effort_left = max(self.effort_left - effort, 0)
        return self.effort_left > 0

    @property
    def item_limit(self) -> int:
        """Give how many items of a dictionary may still be read."""
        return min(self.effort_left, MAX_ITEMS)


def take_snapshot(
    read: Callable[[int, int], bytes | None], layout: Layout, runtime_address: int, mappings: Sequence[Mapping]
) -> Snapshot:
    """Read modules, threads and audit hooks; `runtime_address` is where `_PyRuntime` is in the process."""
    memory = Memory(read, layout)
    findings = _Findings()
    _read_native_hooks(memory, runtime_address, mappings, findings)
    head = memory.pointer(runtime_address + layout.runtime_interpreters_head)
    if head is None:
        findings.problems.append("the interpreters cannot be read")
    elif not head:
        findings.problems.append("the interpreter has not started yet")
    else:
        chain = _walk(memory, head, layout.interpreter_next, _MAX_INTERPRETERS)
        numbered = [
            (memory.signed_word(address + layout.interpreter_id), address)
            for address in _told(chain, "interpreter", findings)
        ]
        # The main interpreter, number 0, first: up to 3.9 the chain starts with the youngest.
        for number, address in sorted(numbered, key=lambda one: (one[0] is None, one)):
            _read_interpreter(memory, address, number, mappings, findings)
    return Snapshot(
        tuple(findings.modules),
        tuple(findings.threads),
        tuple(findings.audit_hooks),
        tuple(findings.search_paths),
        tuple(findings.problems),
    )


def list_audit_hooks(
    read: Callable[[int, int], bytes | None], layout: Layout, runtime_address: int, mappings: Sequence[Mapping]
) -> tuple[str, ...] | None:
    """Give the audit hooks of C code and of every interpreter, nothing else; None where they cannot be read whole."""
    memory, findings = Memory(read, layout), _Findings()
    _read_native_hooks(memory, runtime_address, mappings, findings)
    head = memory.pointer(runtime_address + layout.runtime_interpreters_head)
    chain = _walk(memory, head, layout.interpreter_next, _MAX_INTERPRETERS) if head else iter((None,))
    for number, address in enumerate(_told(chain, "interpreter", findings)):
        _read_python_hooks(memory, address, number, findings, mappings)
    return None if findings.problems else tuple(findings.audit_hooks)


def _walk(memory: Memory, head: int, next_offset: int, limit: int) -> Iterator[int | None]:
    """Give each member of a linked list; None in the end when the list could not be followed to its end."""
    seen: set[int] = set()
    address: int | None = head
    while address:
        if address in seen or len(seen) >= limit:
            yield None
            return
        seen.add(address)
        yield address
        address = memory.pointer(address + next_offset)
    if address is None:
        yield None


def _told(chain: Iterator[int | None], what: str, findings: _Findings) -> Iterator[int]:
    for address in chain:
        if address is None:
            findings.problems.append(f"not every {what} could be read")
        else:
            yield address


def _read_interpreter(
    memory: Memory, interpreter: int, number: int | None, mappings: Sequence[Mapping], findings: _Findings
) -> None:
    if number is None:
        findings.problems.append(f"the interpreter at {interpreter:#x} cannot be read")
        return
    _read_threads(memory, interpreter, number, findings)
    _read_modules(memory, interpreter, number, findings)
    _read_search_paths(memory, interpreter, number, findings)
    _read_python_hooks(memory, interpreter, number, findings, mappings)


def _read_threads(memory: Memory, interpreter: int, number: int, findings: _Findings) -> None:
    layout = memory.layout
    head = memory.pointer(interpreter + layout.interpreter_threads_head)
    if head is None:
        findings.problems.append(f"the threads of interpreter {number} cannot be read")
        return
    chain = _walk(memory, head, layout.thread_state_next, _MAX_THREADS)
    for state in _told(chain, f"thread of interpreter {number}", findings):
        if not findings.spend(_READ):
            findings.problems.append(f"too much to read: threads of interpreter {number} were left out")
            return
        if memory.pointer(state + layout.thread_state_interpreter) != interpreter:
            findings.problems.append(
                f"threads of interpreter {number}: this CPython's structs lie otherwise than known"
            )
            return
        thread_id = memory.pointer(state + layout.thread_state_thread_id)
        native_id = None
        if layout.thread_state_native_thread_id is not None:
            native_id = memory.pointer(state + layout.thread_state_native_thread_id)
        if thread_id is None:
            findings.problems.append(f"a thread of interpreter {number} cannot be read")
        elif thread_id:  # 0: a state that no thread has taken yet
            findings.threads.append(PythonThread(thread_id, native_id or None, number))


def _read_modules(memory: Memory, interpreter: int, number: int, findings: _Findings) -> None:
    address = memory.pointer(interpreter + memory.layout.interpreter_modules)
    items = read_dictionary(memory, address) if address else None
    if items is None:
        findings.problems.append(f"sys.modules of interpreter {number} cannot be read")
        return
    if items.is_partial:
        findings.problems.append(f"sys.modules of interpreter {number} changed while it was read, or is too long")
    unnamed = 0
    for key, value in items.pairs:
        name = read_text(memory, key) if findings.spend(_READ) else None
        if name is None:
            unnamed += 1
            continue
        file = _file_of(memory, value, findings)
        is_extension = file is not None and file.endswith(".so")
        findings.modules.append(Module(name, file, is_extension, number))
    if unnamed:
        findings.problems.append(f"{unnamed} entries of sys.modules of interpreter {number} have no readable name")
    if findings.effort_left <= 0:
        findings.problems.append(f"too much to read: modules or files of interpreter {number} were left out")


def _file_of(memory: Memory, module: int, findings: _Findings) -> str | None:
    """Give `__file__`, or else the origin of `__spec__`; a module may be any object."""
    if is_instance(memory, module, "module"):
        dictionary = memory.pointer(module + memory.layout.module_dictionary)
        attributes = read_dictionary(memory, dictionary, findings.item_limit) if dictionary else None
    else:
        attributes = read_attributes(memory, module, findings.item_limit)
    file_address = _find_item(memory, attributes, "__file__", findings)
    file = read_text(memory, file_address) if file_address else None
    if file is not None:
        return file
    spec_address = _find_item(memory, attributes, "__spec__", findings)
    spec = read_attributes(memory, spec_address, findings.item_limit) if spec_address else None
    origin_address = _find_item(memory, spec, "origin", findings)
    origin = read_text(memory, origin_address) if origin_address else None
    return None if origin in _NO_FILES else origin


def _find_item(memory: Memory, items: Items | None, name: str, findings: _Findings) -> int | None:
    if items is None or not findings.spend(len(items.pairs)):
        return None
    address = find_item(memory, items, name, findings.effort_left // _READ)
    if address is None:
        findings.spend(len(items.pairs) * _READ)  # every key was read, in vain
    return address


def _read_search_paths(memory: Memory, interpreter: int, number: int, findings: _Findings) -> None:
    address = memory.pointer(interpreter + memory.layout.interpreter_sys_dictionary)
    attributes = read_dictionary(memory, address) if address else None
    path = _find_item(memory, attributes, "path", findings)
    entries = read_items(memory, path, _MAX_SEARCH_PATHS) if path else None
    if entries is None:
        findings.problems.append(f"sys.path of interpreter {number} cannot be read")
        return
    texts = (read_text(memory, entry) for entry in entries)
    findings.search_paths.update(dict.fromkeys(text for text in texts if text is not None))


def _read_native_hooks(memory: Memory, runtime_address: int, mappings: Sequence[Mapping], findings: _Findings) -> None:
    """List the hooks that C code added with PySys_AddAuditHook; they hold for every interpreter."""
    layout = memory.layout
    if layout.runtime_audit_hooks is None:
        findings.problems.append("where this CPython keeps the audit hooks of C code is not known")
        return
    head = memory.pointer(runtime_address + layout.runtime_audit_hooks)
    if head is None:
        findings.problems.append("the audit hooks of C code cannot be read")
        return
    chain = _walk(memory, head, layout.audit_hook_next, _MAX_HOOKS)
    for entry in _told(chain, "audit hook of C code", findings):
        function = memory.pointer(entry + layout.audit_hook_function)
        if function is None:
            findings.problems.append("an audit hook of C code cannot be read")
        else:
            findings.audit_hooks.append(f"C hook at {_describe_address(function, mappings)}")


def _describe_address(address: int, mappings: Sequence[Mapping]) -> str:
    mapping = next((one for one in mappings if one.start <= address < one.end), None)
    if mapping is None:
        return f"{address:#x} in no mapping"
    return f"{address:#x} in {mapping.path or 'anonymous memory'}"


def _read_python_hooks(
    memory: Memory, interpreter: int, number: int, findings: _Findings, mappings: Sequence[Mapping]
) -> None:
    """List the hooks that Python code added with sys.addaudithook; each holds for its interpreter."""
    hooks = memory.pointer(interpreter + memory.layout.interpreter_audit_hooks)
    if hooks == 0:
        return  # the list is made with the first hook
    items = read_items(memory, hooks, _MAX_HOOKS) if hooks else None
    if items is None:
        findings.problems.append(f"the audit hooks of interpreter {number} cannot be read")
        return
    findings.audit_hooks.extend(f"Python hook {_describe_callable(memory, item, mappings)}" for item in items)
    if len(items) == _MAX_HOOKS:
        findings.problems.append(f"more than {_MAX_HOOKS} audit hooks in interpreter {number}")


def _describe_callable(memory: Memory, address: int, mappings: Sequence[Mapping]) -> str:
    layout = memory.layout
    current: int | None = address
    for _ in range(_MAX_WRAPPERS):
        facts = read_type(memory, current) if current else None
        if facts is None or not current:
            break
        if facts.name == "method":
            current = memory.pointer(current + layout.method_function)
            continue
        if facts.name == "function":
            return _describe_function(memory, current)
        if facts.name == "builtin_function_or_method":
            return _describe_builtin(memory, current, mappings)
        return f"instance of {facts.name}"
    return f"object at {address:#x}, unreadable"


def _describe_function(memory: Memory, address: int) -> str:
    code_address = memory.pointer(address + memory.layout.function_code)
    code = read_code(memory, code_address) if code_address else None
    if code is None:
        return f"function at {address:#x}, unreadable"
    return f"{code.qualified_name} ({code.filename}:{code.first_line})"


def _describe_builtin(memory: Memory, address: int, mappings: Sequence[Mapping]) -> str:
    layout = memory.layout
    definition = memory.pointer(address + layout.builtin_definition)
    name_address = memory.pointer(definition + layout.definition_name) if definition else None
    name = read_c_string(memory, name_address, limit=256) if name_address else None
    function = memory.pointer(definition + layout.definition_function) if definition else None
    if name is None or function is None:
        return f"built-in function at {address:#x}, unreadable"
    return f"{name}, C function at {_describe_address(function, mappings)}"
