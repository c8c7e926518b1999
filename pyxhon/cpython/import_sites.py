"""Sites of the import signal: where an import begins, and where importlib's answer comes back."""

from collections.abc import Iterator
from itertools import islice

from pyxhon.cpython.machine_code import (
    Code,
    Instruction,
    called_name,
    disassemble,
    disassemble_function,
    find_references,
    is_stub,
    moved_register,
    written_registers,
)
from pyxhon.cpython.placement import Place, place_after_call, place_where_joined
from pyxhon.cpython.site import Site
from pyxhon.target.elf import ElfImage
from pyxhon.target.markers import read_markers

# The name, as a str object of the interpreter's static data (3.11 and later) or a _Py_Identifier (before).
# The second one is new in 3.15: a submodule found through a module's attribute (lazy imports).
_NAMES = (b"_find_and_load", b"_find_and_load_lazy_submodule")
# sizeof(PyASCIIObject): 3.12 and later, 3.11; offset of _Py_Identifier.string: 3.8 and 3.9, 3.10.
_STATIC_STRING_OFFSETS = (40, 48)
_IDENTIFIER_OFFSETS = (8, 0)
# PyObject_CallMethodObjArgs(importlib, name, abs_name, import_func, NULL); the second one up to 3.11.
_CALL_METHOD = ("PyObject_CallMethodObjArgs", "_PyObject_CallMethodIdObjArgs")
_IMPORT = ("PyImport_ImportModuleLevelObject",)
_NO_ARGUMENTS = {"esi, esi", "edx, edx", "ecx, ecx", "r8d, r8d"}
_MAX_ARGUMENT_CODE = 6
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_MAX_BETWEEN = 24
_MAX_STRINGS = 64
_FUNCTION_BYTES = 4096


def find_import_results(code: Code) -> tuple[list[Site], list[str]]:
    """Find where `import_find_and_load` has the answer of importlib; give the sites, and notes."""
    calls: dict[int, Instruction] = {}
    for name in _NAMES:
        found = {call.address: call for call in _find_calls(code.image, name)}
        if not found and name == _NAMES[0]:
            return [], ["import results: no call that passes _find_and_load was found"]
        calls |= found
    places = {address: place_after_call(code, call) for address, call in sorted(calls.items())}
    served: set[int] = set()
    for address, place in places.items():
        if place is None or not place.is_emulated:
            others = [call for call in calls.values() if call.address != address]
            joined = place_where_joined(code, calls[address], others)
            if joined is not None:
                places[address], more = joined
                served |= more
    notes = [
        f"import results: another path joins after the call at {address:#x}"
        for address, place in places.items()
        if place is None and address not in served
    ]
    sites = [
        _make_site(code, address, place)
        for address, place in places.items()
        if place is not None and address not in served
    ]
    return sites, [*notes, *_compare_with_markers(code.image, len(sites) + len(served))]


def _make_site(code: Code, call: int, place: Place) -> Site:
    bounds = code.image.function_range(call)
    return Site(
        kind="import_result",
        function=bounds[0] if bounds else call,
        address=place.address,
        stack_adjust=0,
        is_emulated=place.is_emulated,
        result_register=place.register,
    )


def find_inner_imports(image: ElfImage, sites: list[Site]) -> tuple[int, ...]:
    """Find the return addresses of the import function's calls of itself.

    `import a.b` imports `a` once more from within, with no globals, locals or fromlist: nobody's import.
    Copies made by link-time optimisation keep that call away from the entry; then there is none.
    """
    found = set()
    for function in {site.function for site in sites if site.kind in {"import", "import_result"}}:
        before: list[Instruction] = []
        for instruction in disassemble_function(image, function):
            if called_name(image, instruction, _IMPORT):
                zeroed = {before_it.operands for before_it in before if before_it.mnemonic == "xor"}
                if zeroed >= _NO_ARGUMENTS:
                    found.add(instruction.end)
            before = [*before[-_MAX_ARGUMENT_CODE:], instruction]
    return tuple(sorted(found))


def _compare_with_markers(image: ElfImage, sites: int) -> Iterator[str]:
    """Say whether a file with import markers has more of them than sites were found."""
    names = [marker.name for marker in read_markers(image) if marker.provider == "python"]
    markers = names.count("import__find__load__done")
    if markers > sites:
        yield (
            f"import results: {sites} sites where the file has {markers} import__find__load__done markers: "
            "some results may be missed"
        )


def _find_calls(image: ElfImage, name: bytes) -> Iterator[Instruction]:
    """Find the calls of a method by its name: where the name is the second argument of the caller.

    A function that gets the name from its own caller (one `import_find_and_load` for both names) is
    looked into.
    """
    base = image.address_of("_PyRuntime")
    objects = set(_name_objects(image, name))
    for reference in sorted(find_references(image, objects, () if base is None else (base,))):
        argument, call = _next_call(image, reference)
        if call is None:
            continue
        if argument == "rsi" and called_name(image, call, _CALL_METHOD):
            yield call
        elif argument in _ARGUMENTS[1:] and call.target and not is_stub(image, call.target):
            yield from _calls_within(image, call.target)


def _name_objects(image: ElfImage, name: bytes) -> Iterator[int]:
    """Give the addresses that may be the object for a name."""
    for before in islice(image.find_bytes(b"\0" + name + b"\0", image.loads), _MAX_STRINGS):
        text = before + 1
        segment = image.segment_of(text)
        if segment is not None and segment.is_writable:
            yield from (text - offset for offset in _STATIC_STRING_OFFSETS)
        else:
            for site in image.pointer_sites(text):
                yield from (site - offset for offset in _IDENTIFIER_OFFSETS)


def _next_call(image: ElfImage, reference: int) -> tuple[str, Instruction | None]:
    """Follow the straight code from a reference to the next call: the register that it is passed in."""
    register = ""
    for count, instruction in enumerate(disassemble(image, reference, 16 * _MAX_BETWEEN)):
        if instruction.is_call:
            return register, instruction
        if instruction.ends_block or count > _MAX_BETWEEN:
            break
        written = written_registers(instruction)
        moved = moved_register(instruction)
        if count == 0:
            register = next(iter(written), "")
        elif moved is not None and moved[1] == register and moved[0] in _ARGUMENTS:
            register = moved[0]
        elif register in written:
            break
    return register, None


def _calls_within(image: ElfImage, function: int) -> Iterator[Instruction]:
    """Give the calls of CallMethodObjArgs in a function that was handed the name."""
    bounds = image.function_range(function)
    if bounds is None or bounds[0] != function:
        return
    for instruction in disassemble(image, function, min(bounds[1] - function, _FUNCTION_BYTES)):
        if called_name(image, instruction, _CALL_METHOD):
            yield instruction
