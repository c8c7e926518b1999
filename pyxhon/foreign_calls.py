"""Functions of DLLs that Python code calls through libffi: ctypes, and cffi where it has no compiled module."""

from typing import Any

from pyxhon.bpf.poll import Act
from pyxhon.categories import FFI_CALL
from pyxhon.native_stacks import NativeStacks
from pyxhon.process_images import Image


def describe_ffi_call(act: Act, image: Image, stacks: NativeStacks | None) -> tuple[str, dict[str, Any]]:
    """Give the event of a call through libffi: the function by its DLL and symbol, else by offset or address.

    `dll` and `symbol` are null where they are not known; `offset` is then that of the function in the DLL, in bytes.
    """
    address = act.arguments[0] if act.arguments else None
    if not isinstance(address, int):
        return FFI_CALL, {"symbol": None, "dll": None}
    mapped = None if stacks is None else stacks.mapped_at(address, act.time_ns, image)
    if mapped is None:
        return FFI_CALL, {"symbol": None, "dll": None, "address": f"{address:#x}"}
    offset, code = mapped.offset_of(address), mapped.object.code
    symbol = None if code is None else code.symbols.name_at(offset)
    told: dict[str, Any] = {"symbol": symbol, "dll": mapped.object.path}
    return FFI_CALL, told if symbol else told | {"offset": offset}
