"""Where CPython keeps what we read: the `Layout` of one version, loaded from `layouts/`.

Each field below names the CPython members that it may be. They are the keys of the data files, so a member that a
version does not have is `null` there and `None` here. All numbers are bytes, unless a field says otherwise.
A few members moved in a patch release; the data files say from which one on.
"""

import dataclasses
import functools
import hashlib
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyxhon.cache import read_cached, write_cached
from pyxhon.cpython.opcodes import Opcodes

MAX_FRAME_BLOCK = 96
"""The most bytes of a frame that a probe copies."""

_DIRECTORY = Path(__file__).parent / "layouts"
_VERSION = re.compile(r"(3\.[0-9]{1,2})(?:\.([0-9]{1,2}))?")
_POINTER = 8
_LASTI = 4  # PyFrameObject.f_lasti is an int

_COOKIE = b"xdebugpy"  # _Py_Debug_Cookie
_MAX_OFFSET = 1 << 20  # no struct of CPython comes near: PyInterpreterState has some 300 KiB


def _at(*members: str, debug: str | None = None) -> Any:
    """Declare a field: the members it may be, newest first, and its name in `_Py_DebugOffsets` (3.13+)."""
    return dataclasses.field(metadata={"members": members, "debug": debug})


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets of the members of CPython's structs, for one minor version built with the GIL on x86-64."""

    version: tuple[int, int]

    # A thread's state, and the frame it runs: directly, or through the C frame on 3.11 and 3.12.
    thread_state_frame: int | None = _at(
        "PyThreadState.current_frame", "PyThreadState.frame", debug="thread_state.current_frame"
    )
    thread_state_cframe: int | None = _at("PyThreadState.cframe")
    cframe_current_frame: int | None = _at("_PyCFrame.current_frame")
    thread_state_interpreter: int = _at("PyThreadState.interp", debug="thread_state.interp")
    thread_state_next: int = _at("PyThreadState.next", debug="thread_state.next")
    thread_state_thread_id: int = _at("PyThreadState.thread_id", debug="thread_state.thread_id")
    thread_state_native_thread_id: int | None = _at(
        "PyThreadState.native_thread_id", debug="thread_state.native_thread_id"
    )

    # A frame: PyFrameObject up to 3.10, then _PyInterpreterFrame.
    frame_code: int = _at(  # from 3.14 a _PyStackRef, whose low two bits are not part of the address
        "_PyInterpreterFrame.f_executable",
        "_PyInterpreterFrame.f_code",
        "PyFrameObject.f_code",
        debug="interpreter_frame.executable",
    )
    frame_previous: int = _at(
        "_PyInterpreterFrame.previous", "PyFrameObject.f_back", debug="interpreter_frame.previous"
    )
    frame_instruction: int = _at(  # up to 3.10 an int, then a pointer into the bytecode
        "_PyInterpreterFrame.instr_ptr",
        "_PyInterpreterFrame.prev_instr",
        "PyFrameObject.f_lasti",
        debug="interpreter_frame.instr_ptr",
    )
    frame_owner: int | None = _at("_PyInterpreterFrame.owner", debug="interpreter_frame.owner")  # a char
    frame_owner_generator: int | None = _at("FRAME_OWNED_BY_GENERATOR")  # a value of owner
    frame_owner_skip_from: int | None = _at(  # this value of owner and higher ones: no Python frame
        "FRAME_OWNED_BY_INTERPRETER", "FRAME_OWNED_BY_CSTACK"
    )
    frame_is_entry: int | None = _at("_PyInterpreterFrame.is_entry")  # a bool; 3.11 only
    frame_locals: int = _at(  # arguments first, then the other locals; from 3.14 each a _PyStackRef
        "_PyInterpreterFrame.localsplus", "PyFrameObject.f_localsplus", debug="interpreter_frame.localsplus"
    )

    code_filename: int = _at("PyCodeObject.co_filename", debug="code_object.filename")
    code_name: int = _at("PyCodeObject.co_name", debug="code_object.name")
    code_qualname: int | None = _at("PyCodeObject.co_qualname", debug="code_object.qualname")
    code_line_table: int = _at("PyCodeObject.co_linetable", "PyCodeObject.co_lnotab", debug="code_object.linetable")
    code_first_line: int = _at("PyCodeObject.co_firstlineno", debug="code_object.firstlineno")  # an int
    code_bytecode: int | None = _at("PyCodeObject.co_code_adaptive", debug="code_object.co_code_adaptive")
    code_first_traceable: int | None = _at("PyCodeObject._co_firsttraceable")  # an int; counts instructions
    code_instrumentation_version: int | None = _at("PyCodeObject._co_instrumentation_version")  # eight bytes; 3.12+

    # What a function's locals are. The counts and the flags are ints; * and ** arguments count among the locals only.
    code_argument_count: int = _at("PyCodeObject.co_argcount", debug="code_object.argcount")
    code_positional_only_count: int = _at("PyCodeObject.co_posonlyargcount")
    code_keyword_only_count: int = _at("PyCodeObject.co_kwonlyargcount")
    code_flags: int = _at("PyCodeObject.co_flags")
    code_local_count: int = _at("PyCodeObject.co_nlocals")
    code_all_locals_count: int | None = _at("PyCodeObject.co_nlocalsplus")  # cells and free variables among them
    code_local_names: int = _at(  # a tuple: of all locals, up to 3.10 without cells and free variables
        "PyCodeObject.co_localsplusnames", "PyCodeObject.co_varnames", debug="code_object.localsplusnames"
    )
    code_local_kinds: int | None = _at(  # bytes: _PyLocals_Kind of each
        "PyCodeObject.co_localspluskinds", debug="code_object.localspluskinds"
    )
    code_cell_names: int | None = _at("PyCodeObject.co_cellvars")  # a tuple; up to 3.10
    code_cell_arguments: int | None = _at(  # up to 3.10: for each cell the argument that it holds, or -1; or NULL
        "PyCodeObject.co_cell2arg"
    )
    cell_value: int = _at("PyCellObject.ob_ref")

    runtime_tss_key: int | None = _at("_PyRuntimeState.autoTSSkey", "_PyRuntimeState.gilstate.autoTSSkey")
    runtime_current_thread: int | None = _at("_PyRuntimeState.gilstate.tstate_current")  # who holds the GIL; to 3.11
    runtime_interpreters_head: int = _at("_PyRuntimeState.interpreters.head", debug="runtime_state.interpreters_head")
    runtime_audit_hooks: int | None = _at(  # None: not known for this patch release
        "_PyRuntimeState.audit_hooks.head", "_PyRuntimeState.audit_hook_head"
    )
    audit_hook_next: int = _at("_Py_AuditHookEntry.next")
    audit_hook_function: int = _at("_Py_AuditHookEntry.hookCFunction")

    interpreter_next: int = _at("PyInterpreterState.next", debug="interpreter_state.next")
    interpreter_id: int = _at("PyInterpreterState.id", debug="interpreter_state.id")
    interpreter_threads_head: int = _at(
        "PyInterpreterState.threads.head", "PyInterpreterState.tstate_head", debug="interpreter_state.threads_head"
    )
    interpreter_modules: int = _at(
        "PyInterpreterState.imports.modules", "PyInterpreterState.modules", debug="interpreter_state.imports_modules"
    )
    interpreter_sys_dictionary: int = _at("PyInterpreterState.sysdict", debug="interpreter_state.sysdict")
    interpreter_audit_hooks: int = _at("PyInterpreterState.audit_hooks")

    object_type: int = _at("PyObject.ob_type", debug="pyobject.ob_type")
    object_size: int = _at("PyVarObject.ob_size")
    type_name: int = _at("PyTypeObject.tp_name", debug="type_object.tp_name")
    type_basic_size: int = _at("PyTypeObject.tp_basicsize", debug="type_object.tp_basicsize")
    type_flags: int = _at("PyTypeObject.tp_flags", debug="type_object.tp_flags")
    type_base: int = _at("PyTypeObject.tp_base")
    type_dictionary_offset: int = _at("PyTypeObject.tp_dictoffset", debug="type_object.tp_dictoffset")
    type_cached_keys: int = _at("PyHeapTypeObject.ht_cached_keys", debug="heap_type_object.ht_cached_keys")

    # A str; kind, compact and ascii are bit fields of state.
    unicode_length: int = _at("PyASCIIObject.length", debug="unicode_object.length")
    unicode_state: int = _at("PyASCIIObject.state", debug="unicode_object.state")
    unicode_kind_shift: int = _at("bit(PyASCIIObject.state.kind)")
    unicode_compact_shift: int = _at("bit(PyASCIIObject.state.compact)")
    unicode_ascii_shift: int = _at("bit(PyASCIIObject.state.ascii)")
    unicode_ascii_size: int = _at("sizeof(PyASCIIObject)", debug="unicode_object.asciiobject_size")
    unicode_compact_size: int = _at("sizeof(PyCompactUnicodeObject)", debug="unicode_object.compactunicodeobject_size")
    unicode_utf8: int = _at("PyCompactUnicodeObject.utf8")
    unicode_data: int = _at("PyUnicodeObject.data")  # of one that is not compact

    bytes_data: int = _at("PyBytesObject.ob_sval", debug="bytes_object.ob_sval")
    tuple_items: int = _at("PyTupleObject.ob_item", debug="tuple_object.ob_item")
    list_items: int = _at("PyListObject.ob_item", debug="list_object.ob_item")  # a pointer to the items
    long_tag: int | None = _at("PyLongObject.long_value.lv_tag", debug="long_object.lv_tag")
    long_digits: int = _at("PyLongObject.long_value.ob_digit", "PyLongObject.ob_digit", debug="long_object.ob_digit")
    float_value: int = _at("PyFloatObject.ob_fval", debug="float_object.ob_fval")

    dictionary_used: int = _at("PyDictObject.ma_used")
    dictionary_keys: int = _at("PyDictObject.ma_keys", debug="dict_object.ma_keys")
    dictionary_values: int = _at("PyDictObject.ma_values", debug="dict_object.ma_values")
    keys_size: int | None = _at("PyDictKeysObject.dk_size")  # up to 3.10, then the log2 sizes, each a byte
    keys_log2_size: int | None = _at("PyDictKeysObject.dk_log2_size")
    keys_log2_index_bytes: int | None = _at("PyDictKeysObject.dk_log2_index_bytes")
    keys_kind: int | None = _at("PyDictKeysObject.dk_kind")  # a byte
    keys_entry_count: int = _at("PyDictKeysObject.dk_nentries")
    keys_indices: int = _at("PyDictKeysObject.dk_indices")
    entry_size: int = _at("sizeof(PyDictKeyEntry)")
    entry_key: int = _at("PyDictKeyEntry.me_key")
    entry_value: int = _at("PyDictKeyEntry.me_value")
    unicode_entry_size: int | None = _at("sizeof(PyDictUnicodeEntry)")
    unicode_entry_key: int | None = _at("PyDictUnicodeEntry.me_key")
    unicode_entry_value: int | None = _at("PyDictUnicodeEntry.me_value")
    values_capacity: int | None = _at("PyDictValues.capacity")  # 3.13+; this and the next two are bytes
    values_size: int | None = _at("PyDictValues.size")
    values_valid: int | None = _at("PyDictValues.valid")
    values_items: int | None = _at("PyDictValues.values")  # up to 3.10 a plain array

    module_dictionary: int = _at("PyModuleObject.md_dict")
    function_code: int = _at("PyFunctionObject.func_code")
    method_function: int = _at("PyMethodObject.im_func")
    builtin_definition: int = _at("PyCFunctionObject.m_ml")
    definition_name: int = _at("PyMethodDef.ml_name")
    definition_function: int = _at("PyMethodDef.ml_meth")

    # What a function and a class refer to, each a pointer.
    function_defaults: int = _at("PyFunctionObject.func_defaults")
    function_keyword_defaults: int = _at("PyFunctionObject.func_kwdefaults")
    function_closure: int = _at("PyFunctionObject.func_closure")
    function_dictionary: int = _at("PyFunctionObject.func_dict")
    function_annotate: int | None = _at("PyFunctionObject.func_annotate")
    type_dictionary: int = _at("PyTypeObject.tp_dict")
    code_constants: int = _at("PyCodeObject.co_consts")  # a tuple

    # What running changes in a code object.
    code_warmup: int | None = _at("PyCodeObject.co_warmup")  # a short; 3.11 only
    code_monitoring: int | None = _at("PyCodeObject._co_monitoring")  # a pointer, NULL until first instrumented; 3.12+
    monitoring_local_events: int | None = _at("_PyCoMonitoringData.local_monitors")
    local_events_size: int | None = _at("sizeof(_Py_LocalMonitors)")  # a byte for each event: the tools that want it

    # The rest of what a code object consists of.
    code_names: int = _at("PyCodeObject.co_names")  # a tuple
    code_exception_table: int | None = _at("PyCodeObject.co_exceptiontable")  # bytes; 3.11+
    code_bytes: int | None = _at("PyCodeObject.co_code")  # bytes; up to 3.10, then at code_bytecode
    code_free_names: int | None = _at("PyCodeObject.co_freevars")  # a tuple; up to 3.10
    code_stack_size: int = _at("PyCodeObject.co_stacksize")  # an int
    code_size: int = _at("sizeof(PyCodeObject)")

    # Where the opcodes are kept that instrumentation or the optimizer put others in place of.
    monitoring_lines: int | None = _at("_PyCoMonitoringData.lines")  # a pointer; 3.12+
    monitoring_line_data: int | None = _at("_PyCoLineInstrumentationData.data")  # 3.14+; before pairs of bytes
    monitoring_opcodes: int | None = _at("_PyCoMonitoringData.per_instruction_opcodes")  # a pointer to bytes
    code_executors: int | None = _at("PyCodeObject.co_executors")  # a pointer; 3.13+
    executor_array_items: int | None = _at("_PyExecutorArray.executors")
    executor_data: int | None = _at("_PyExecutorObject.vm_data")  # two bytes: opcode and argument

    # Where `_Py_DebugOffsets` keeps what it says: name of a value -> its place in the struct. Empty before 3.13.
    debug_offsets: tuple[tuple[str, int], ...] = ()

    opcodes: Opcodes | None = None
    """Opcode numbers; None up to 3.10, where none is needed."""

    @property
    def frame_instruction_size(self) -> int:
        """Say how wide `frame_instruction` is: an int up to 3.10, then a pointer."""
        return _LASTI if self.code_bytecode is None else _POINTER

    @property
    def frame_block_start(self) -> int:
        """Give where the part of a frame starts that holds code, previous, instruction and owner."""
        return min(self._frame_parts())[0]

    @property
    def frame_block_size(self) -> int:
        """Give how long that part is."""
        return max(offset + size for offset, size in self._frame_parts()) - self.frame_block_start

    @property
    def code_block_start(self) -> int:
        """Give where the consecutive pointers to file name, name, qualified name (3.11+) and line table start."""
        return self.code_filename

    @property
    def code_block_size(self) -> int:
        """Give how many bytes these pointers take."""
        return self.code_line_table + _POINTER - self.code_filename

    def fault(self) -> str | None:
        """Say why the probes cannot use this layout; None when they can."""
        if self.frame_block_size > MAX_FRAME_BLOCK:
            return f"a frame spreads over {self.frame_block_size} bytes, more than {MAX_FRAME_BLOCK}"
        pointers = [self.code_filename, self.code_name, self.code_qualname, self.code_line_table]
        present = [offset for offset in pointers if offset is not None]
        if present != list(range(self.code_filename, self.code_line_table + 1, _POINTER)):
            return f"the text pointers of a code object do not follow each other: {present}"
        return None

    def _frame_parts(self) -> list[tuple[int, int]]:
        parts = [
            (self.frame_code, _POINTER),
            (self.frame_previous, _POINTER),
            (self.frame_instruction, self.frame_instruction_size),
        ]
        return parts + [(offset, 1) for offset in (self.frame_owner, self.frame_is_entry) if offset is not None]

    @property
    def has_frames_of_c(self) -> bool:
        """Tell whether C calls enter the interpreter for every Python frame, as up to 3.10."""
        return self.frame_owner is None and self.frame_is_entry is None


MEMBERS: dict[str, tuple[str, ...]] = {
    field.name: field.metadata["members"] for field in dataclasses.fields(Layout) if field.metadata
}
"""Field of `Layout` -> the CPython members it may be, newest first."""

DEBUG_NAMES: dict[str, str] = {
    field.name: field.metadata["debug"] for field in dataclasses.fields(Layout) if field.metadata.get("debug")
}
"""Field of `Layout` -> its name in `_Py_DebugOffsets`."""


@functools.cache
def load_layout(version: str, *, is_free_threaded: bool = False) -> Layout | None:
    """Load the layout of a version such as "3.12" or "3.12.1"; None when there is none for it."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    minor, patch = match.groups(default="0")
    suffix = "t" if is_free_threaded else ""
    path = _DIRECTORY / f"{minor}{suffix}-x86_64.yaml"
    if not path.is_file():
        return None
    return parse_layout(path.read_text(encoding="utf-8"), int(patch))


def _read_data(text: str) -> dict[str, Any]:
    """Read the text of a data file; what it says is remembered as JSON, which is read in a tenth of the time."""
    name = f"layout-{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    cached = read_cached(name)
    if cached is not None:
        try:
            data = json.loads(cached)
            data["patches"] = {int(since): moved for since, moved in data["patches"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # damaged: read again below
        else:
            return dict(data)
    import yaml  # noqa: PLC0415 - takes longer than all the rest

    data = yaml.safe_load(text)
    data["patches"] = data.get("patches") or {}
    write_cached(name, json.dumps(data).encode())
    return dict(data)


def parse_layout(text: str, patch: int = 0) -> Layout:
    """Build the layout of a patch release from the text of a data file, which is our own and therefore trusted."""
    data = _read_data(text)
    members: dict[str, int | None] = data["members"]
    for since, moved in sorted(data["patches"].items()):
        members |= moved if since <= patch else {}
    values = {name: _first(members, alternatives) for name, alternatives in MEMBERS.items()}
    if values["cframe_current_frame"] is None:
        values["thread_state_cframe"] = None  # 3.10 has a C frame, but it does not lead to the Python frame
    major, minor = data["version"].split(".")
    debug_offsets = tuple((data.get("debug_offsets") or {}).items())
    fields: dict[str, Any] = {"version": (int(major), int(minor)), **values, "debug_offsets": debug_offsets}
    return Layout(**fields, opcodes=_opcodes(data))


def _opcodes(data: dict[str, Any]) -> Opcodes | None:
    if "opcodes" not in data:
        return None
    return Opcodes(tuple(data["opcodes"].items()), tuple((first, last) for first, last in data["opcodes_defined"]))


def _first(members: dict[str, int | None], alternatives: tuple[str, ...]) -> int | None:
    return next((members[name] for name in alternatives if members[name] is not None), None)


def apply_debug_offsets(layout: Layout, raw: bytes) -> tuple[Layout, list[str]]:
    """Let the offsets that the target itself publishes win; `raw` is the start of its `_PyRuntime`.

    Gives the layout to use and, as text, each disagreement and each value that could not be right. A layout that the
    probes could not use is never given back: then the file's own stays.
    """
    places = dict(layout.debug_offsets)
    if not places:
        return layout, []
    refusal = _refuse_debug_offsets(layout, raw)
    if refusal is not None:
        return layout, [refusal]
    changes: dict[str, Any] = {}
    notes: list[str] = []
    for name, debug_name in DEBUG_NAMES.items():
        known = getattr(layout, name)
        if debug_name not in places or known is None:
            continue
        published = _word(raw, places[debug_name])
        if published is None or published >= _MAX_OFFSET:
            notes.append(f"_Py_DebugOffsets.{debug_name} cannot be {published}: {known} is used")
        elif published != known:
            notes.append(f"_Py_DebugOffsets.{debug_name} is {published}, not {known} as in CPython's headers")
            changes[name] = published
    changed = dataclasses.replace(layout, **changes)
    fault = changed.fault()
    return (changed, notes) if fault is None else (layout, [*notes, f"_Py_DebugOffsets is not used: {fault}"])


def _refuse_debug_offsets(layout: Layout, raw: bytes) -> str | None:
    places = dict(layout.debug_offsets)
    if not raw.startswith(_COOKIE):
        return "_Py_DebugOffsets is not used: its cookie is missing"
    version = _word(raw, places["version"])
    if version is None or (version >> 24 & 0xFF, version >> 16 & 0xFF) != layout.version:
        return (
            f"_Py_DebugOffsets is not used: it is of another version, {version:#x}"
            if version is not None
            else ("_Py_DebugOffsets is not used: it is cut short")
        )
    if _word(raw, places["free_threaded"]) != 0:
        return "_Py_DebugOffsets is not used: it is of a free-threaded build"
    return None


def _word(raw: bytes, place: int) -> int | None:
    if place + _POINTER > len(raw):
        return None
    value: int = struct.unpack_from("<Q", raw, place)[0]
    return value
