"""Compiles the probes with bcc, in a process of its own: LLVM's memory and time are paid once per change.

`python -m pyxhon.bpf.compiler FORM [may_goto]` writes the compiled probes as JSON. Map descriptors inside the
instructions are turned into map names, so that every run can put its own maps there.
"""

import base64
import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

from pyxhon.resources import probes_directory

_SHARED = (
    "wire.h", "verifier.bpf.h", "calling.bpf.h", "capturing.bpf.h", "scratch.bpf.h", "common.bpf.h", "memory.bpf.h",
    "copies.bpf.h", "dictionaries.bpf.h", "objects.bpf.h", "items.bpf.h", "fingerprints.bpf.h", "frames.bpf.h",
    "inner_codes.bpf.h", "captures.bpf.h", "codes.bpf.h", "given_codes.bpf.h", "unwinding.bpf.h", "files.bpf.h",
    "late.bpf.h", "floods.bpf.h", "acts.bpf.h", "arguments.bpf.h", "audit.bpf.c",
)  # fmt: skip
_UPROBES = (*_SHARED, "imports.bpf.c", "native.bpf.c", "methods.bpf.h", "uprobes.bpf.c")
_TRACEPOINTS = (
    *_SHARED, "process.bpf.c", "syscall_arguments.bpf.h", "syscalls.bpf.c", "syscall_results.bpf.c", "io_uring.bpf.c",
)  # fmt: skip
_CALLS = (
    *_SHARED, "functions.bpf.h", "callers.bpf.h", "entries.bpf.h", "calls.bpf.c", "seen.bpf.c", "methods.bpf.h",
    "function_arguments.bpf.h", "function_calls.bpf.c", "call_flow.bpf.c", "instructions.bpf.c",
)  # fmt: skip
# The uprobes in the form that may sleep and in the one that may not; the tracepoints never do. Theirs are all maps.
SOURCES = {
    "sleepable": _UPROBES,
    "plain": _UPROBES,
    "tracepoints": _TRACEPOINTS,
    "sleepable_calls": _CALLS,
    "plain_calls": _CALLS,
    "dump": ("wire.h", "dump.bpf.c"),
}
_LOAD_WORD = 0x18  # BPF_LD | BPF_IMM | BPF_DW: two instructions, the first with the low half
_MAP_REFERENCE = 1  # src_reg BPF_PSEUDO_MAP_FD


def source_text(form: str) -> str:
    """Give the probes of a form as one translation unit: bcc rewrites map accesses only in its main file."""
    parts = ["#include <uapi/linux/ptrace.h>\n"]
    for name in SOURCES[form]:
        text = (probes_directory() / name).read_text(encoding="utf-8").replace("#pragma once", "")
        parts.append(f'#line 1 "{name}"\n{text}')
    return "\n".join(parts)


def compile_probes(form: str, *, has_may_goto: bool) -> dict[str, Any]:
    """Compile one of the forms in `SOURCES`; `has_may_goto` is a property of the kernel.

    Gives {maps: {name: [kind, key, value, entries, flags]}, programs: {name: {text, references}}}.
    """
    headers = probes_directory() / "include"
    os.environ["BCC_KERNEL_SOURCE"] = str(headers)
    from bcc import BPF  # noqa: PLC0415 - reads the environment when imported
    from bcc.libbcc import lib  # noqa: PLC0415

    flags = [f"-I{headers}/inc", "-idirafter", "/usr/include", "-Wno-everything"]
    flags += [
        item for folder in sorted(Path("/usr/include").glob("*-linux-gnu")) for item in ("-idirafter", str(folder))
    ]
    flags += [f"-DHAS_MAY_GOTO={int(has_may_goto)}", *(["-DSLEEPABLE=1"] if form.startswith("sleepable") else [])]
    flags.append(f"-DTELLS_DICTIONARIES={int(form.endswith('_calls'))}")
    # One path more: too many for Linux 6.12's verifier beside all that a system call has.
    flags.append(f"-DSKIPS_TOLD={int(has_may_goto and form != 'tracepoints')}")
    module = BPF(text=source_text(form), cflags=flags)
    lib.bpf_table_name.restype = ctypes.c_char_p  # bcc leaves it an int
    maps, descriptors = {}, {}
    for index in range(lib.bpf_num_tables(ctypes.c_void_p(module.module))):
        name = lib.bpf_table_name(ctypes.c_void_p(module.module), ctypes.c_size_t(index)).decode()
        descriptors[lib.bpf_table_fd_id(ctypes.c_void_p(module.module), ctypes.c_size_t(index))] = name
        maps[name] = [
            lib.bpf_table_type_id(ctypes.c_void_p(module.module), ctypes.c_size_t(index)),
            lib.bpf_table_key_size_id(ctypes.c_void_p(module.module), ctypes.c_size_t(index)),
            lib.bpf_table_leaf_size_id(ctypes.c_void_p(module.module), ctypes.c_size_t(index)),
            lib.bpf_table_max_entries_id(ctypes.c_void_p(module.module), ctypes.c_size_t(index)),
            lib.bpf_table_flags_id(ctypes.c_void_p(module.module), ctypes.c_size_t(index)),
        ]
    programs = {}
    for index in range(lib.bpf_num_functions(module.module)):
        name = lib.bpf_function_name(module.module, index)
        start, size = lib.bpf_function_start(module.module, name), lib.bpf_function_size(module.module, name)
        programs[name.decode()] = _relocatable(ctypes.string_at(start, size), descriptors)
    return {"maps": maps, "programs": programs}


def _relocatable(text: bytes, descriptors: dict[int, str]) -> dict[str, Any]:
    """Take the map descriptors out of the instructions; struct bpf_insn: code, registers, offset, immediate."""
    references = {}
    changed = bytearray(text)
    position = 0
    while position < len(text):
        is_wide = text[position] == _LOAD_WORD
        if is_wide and text[position + 1] >> 4 == _MAP_REFERENCE:
            descriptor = int.from_bytes(text[position + 4 : position + 8], "little")
            references[position] = descriptors[descriptor]
            changed[position + 4 : position + 8] = bytes(4)
        position += 16 if is_wide else 8
    return {"text": base64.b64encode(bytes(changed)).decode(), "references": references}


def main() -> None:
    """Write the compiled probes to standard output; bcc's own words go to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    compiled = json.dumps(compile_probes(sys.argv[1], has_may_goto="may_goto" in sys.argv[2:]))
    with os.fdopen(output, "w", encoding="utf-8") as file:
        file.write(compiled)


if __name__ == "__main__":
    main()
