"""The compiled probes, from the cache or made now."""

import base64
import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from pyxhon.bpf import compiler, syscalls
from pyxhon.cache import read_cached, write_cached
from pyxhon.errors import KernelError

Form = Literal["sleepable", "plain", "tracepoints", "sleepable_calls", "plain_calls"]
_RAW_TRACEPOINT: Final = 17  # enum bpf_prog_type
_MAY_GOTO: Final = bytes.fromhex(  # r0 = 0; may_goto +1; r0 = 1; exit
    "b700000000000000 e500010000000000 b700000001000000 9500000000000000"
)


@dataclass(frozen=True, slots=True)
class MapShape:
    """What a map is made with; sizes in bytes."""

    kind: int
    key_bytes: int
    value_bytes: int
    entries: int
    flags: int


@dataclass(frozen=True, slots=True)
class Program:
    """Instructions, and where in them a map is named (byte position of the wide load)."""

    text: bytes
    references: dict[int, str]

    def link(self, maps: dict[str, int]) -> bytes:
        """Give the instructions with the descriptors of these maps."""
        text = bytearray(self.text)
        for position, name in self.references.items():
            text[position + 4 : position + 8] = maps[name].to_bytes(4, "little")
        return bytes(text)


@dataclass(frozen=True, slots=True)
class CompiledProbes:
    """All maps and programs by name; `followed` makes the same for a kernel without may_goto, None where these are."""

    maps: dict[str, MapShape]
    programs: dict[str, Program]
    followed: "Callable[[], CompiledProbes] | None" = None

    def load(
        self, name: str, kind: int, flags: int, maps: dict[str, int], to: syscalls.Attachment = syscalls.ANY
    ) -> int:
        """Load a program with these maps; gives its descriptor. Raises KernelError when the kernel refuses."""
        try:
            return syscalls.load_program(kind, name, self.programs[name].link(maps), flags, to)
        except KernelError:
            if self.followed is None:
                raise
            return self.followed().load(name, kind, flags, maps, to)


@functools.cache
def has_may_goto() -> bool:
    """Tell whether the kernel can bound a loop without following each of its rounds (Linux 6.9)."""
    try:
        os.close(syscalls.load_program(_RAW_TRACEPOINT, "may_goto", _MAY_GOTO, 0))
    except KernelError:
        return False
    return True


def compile_both() -> tuple[CompiledProbes, CompiledProbes]:
    """Give the uprobes in the form that may sleep, and the tracepoints; side by side where they are not cached."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        tracepoints = pool.submit(compiled_probes, "tracepoints")
        return compiled_probes("sleepable"), tracepoints.result()


def compiled_probes(form: Form) -> CompiledProbes:
    """Give probes compiled for this machine. Raises KernelError when bcc is missing or fails."""
    if not has_may_goto():
        return _compiled(form)
    try:
        compiled = _compiled(form, "may_goto")
    except KernelError:  # LLVM before 12 knows no `asm goto` for BPF
        return _compiled(form)
    return replace(compiled, followed=functools.partial(_compiled, form))


def compiled_dump() -> CompiledProbes:
    """Give what `pyxhon dump` loads, as `compiled_probes` does."""
    return _compiled("dump")


def _compiled(form: str, *properties: str) -> CompiledProbes:
    digest = hashlib.sha256(compiler.source_text(form).encode())
    digest.update(f"{platform.machine()} {sys.version} {' '.join([form, *properties])} 5".encode())
    name = f"probes-{digest.hexdigest()[:32]}.json"
    cached = read_cached(name)
    if cached is not None:
        try:
            return _parse(json.loads(cached))
        except (ValueError, KeyError, TypeError):
            pass  # written by another version or damaged: made again below
    content = _compile(form, *properties)
    write_cached(name, content)
    return _parse(json.loads(content))


def _compile(form: str, *properties: str) -> bytes:
    command = [sys.executable, "-m", compiler.__name__, form, *properties]
    # in our own folder: clang needs a working directory, and the user's may be gone
    done = subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parents[2])
    if done.returncode == 0:
        return done.stdout
    words = done.stderr.decode("utf-8", "replace")
    if "No module named 'bcc'" in words:
        message = "bcc is not installed for this Python"
        raise KernelError(message, "apt-get install python3-bpfcc, and use a Python with system site packages")
    last = [line for line in words.splitlines() if "error" in line.lower()] or words.splitlines()[-1:]
    message = f"the probes could not be compiled: {' '.join(last[:2])}"
    raise KernelError(message, "install linux-libc-dev; `pyxhon doctor` tells more")


def _parse(content: dict[str, dict[str, object]]) -> CompiledProbes:
    maps = {name: MapShape(*shape) for name, shape in content["maps"].items()}  # type: ignore[misc]
    programs = {}
    for name, program in content["programs"].items():
        references = {int(position): map_name for position, map_name in program["references"].items()}  # type: ignore[index]
        programs[name] = Program(base64.b64decode(program["text"]), references)  # type: ignore[index]
    return CompiledProbes(maps, programs)
