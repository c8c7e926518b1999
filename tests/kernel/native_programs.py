"""Builds the DLLs of tests/programs/native, runs its techniques, and tells whether what they plant really happens."""

import json
import os
import re
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interpreters import Interpreter
from tests.targets import PROGRAMS

NATIVE = PROGRAMS / "native"
STATUS = 7
"""What a technique's driver exits with."""

_MODULES = ("callers", "loading", "concurrency", "disguises", "places")
_LIMIT_S = 60
_SHARED = ("-shared", "-fPIC")
_NO_TABLES = ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-Wl,--no-eh-frame-hdr")
_OWN_SONAME = ("-Wl,-soname,libsame.so",)
# File built: source, options. The order is that of need.
_BUILDS: dict[str, tuple[str, ...]] = {
    "plain.so": ("plain.c", *_SHARED, "-pthread"),
    "through.so": ("through.c", *_SHARED, "-L.", "-l:plain.so", "-Wl,-rpath,$ORIGIN"),
    "one/libsame.so": ("plain.c", *_SHARED, *_OWN_SONAME),
    "two/libsame.so": ("plain.c", *_SHARED, *_OWN_SONAME),
    "no_tables.so": ("plain.c", *_SHARED, *_NO_TABLES),
    "no_sections.so": ("plain.c", *_SHARED, "-s"),
    "receiver.so": ("sockets.c", *_SHARED),
    "moments.so": ("moments.c", *_SHARED),
    "constructor.so": ("moments.c", *_SHARED, "-DWITH_CONSTRUCTOR"),
    "resolver.so": ("moments.c", *_SHARED, "-DWITH_RESOLVER"),
    "tail_calls.so": ("tail_calls.c", *_SHARED, "-O2"),
    "hostile_extension.so": ("extension.c", *_SHARED),
    "program": ("program.c",),
    **{
        f"{name}.so": (f"{name}.c", *_SHARED, "-pthread")
        for name in (
            *("raw", "anonymous", "loaders", "threads", "rings", "processes", "signals", "probes", "debugging"),
            *("sockets", "stacks", "gates", "flood", "preload", "hook", "paths"),
        )
    },
}
# long remove(const char *path): mov eax, SYS_unlink; syscall; ret
_BARE_CODE = bytes([0xB8, 87, 0, 0, 0, 0x0F, 0x05, 0xC3])

_STRACED = (
    "unlink,unlinkat,mkdir,openat,open,connect,sendto,sendmsg,write,writev,execve,execveat,mmap,mprotect,memfd_create,ptrace,"
    "prctl,seccomp,socketcall,bpf,perf_event_open,process_vm_writev,personality"
)


@dataclass(frozen=True)
class Planted:
    """One act that a program says it does; the fields are those of planting.act."""

    name: str
    args: dict[str, str]
    object: str | None
    levels: tuple[str, ...]
    line: int | None
    file: str
    count: int
    made_by: str | None
    more: dict[str, object]

    @property
    def mark(self) -> str | None:
        """What no other act of the run has in its arguments."""
        if self.name == "mprotect":
            return None
        if path := self.args.get("path"):
            return next((part for part in path.split("/") if part.endswith("-mark")), path.rpartition("/")[2])
        return self.args["addr"].rpartition(":")[2] if "addr" in self.args else None

    def __str__(self) -> str:
        return f"{self.name} {self.args} by {self.object} at line {self.line}"


def build(folder: Path) -> Path:
    """Build everything into a folder; takes a few seconds."""
    for name, (source, *options) in _BUILDS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        command = ["gcc", "-O1", "-Wall", "-Werror", "-Wno-unused-result", str(NATIVE / source), *options, "-o", name]
        subprocess.run(command, cwd=folder, check=True, timeout=_LIMIT_S)
    _forget_sections(folder / "no_sections.so")
    (folder / "code.bin").write_bytes(_BARE_CODE.ljust(4096, b"\0"))
    return folder


def _forget_sections(file: Path) -> None:
    """Remove the section headers from a 64-bit ELF file, as packers do: loading needs none."""
    content = bytearray(file.read_bytes())
    struct.pack_into("<Q", content, 0x28, 0)
    struct.pack_into("<HH", content, 0x3C, 0, 0)
    file.write_bytes(content)


def list_techniques() -> dict[str, tuple[str, ...]]:
    """Give the names of all techniques by their modules."""
    listed = {name: (NATIVE / f"{name}.py").read_text().rpartition("TECHNIQUES = (")[2] for name in _MODULES}
    return {name: tuple(re.findall(r"^    (\w+),$", text, re.MULTILINE)) for name, text in listed.items()}


@dataclass(frozen=True)
class Program:
    """The driver with the techniques that it is to run, and the folder where."""

    libraries: Path
    folder: Path
    techniques: tuple[str, ...]
    size: int = 2000

    def command(self, python: Interpreter) -> list[str]:
        """Give the command that runs it on an interpreter."""
        return python.command(NATIVE / "driver.py", self.libraries, self.folder, self.size, *self.techniques)

    def planted(self, technique: str) -> list[Planted]:
        """Give what one technique said it would do, once it was run."""
        return [_planted(row) for row in json.loads((self.folder / f"{technique}.json").read_text())]

    def said(self, technique: str) -> bytes:
        """Give what one of several techniques said, and the status it ended with."""
        return (self.folder / f"{technique}.said").read_bytes()


def _planted(row: dict[str, object]) -> Planted:
    level = row.pop("level")
    levels = (level,) if isinstance(level, str) else tuple(level)
    own = ("name", "args", "object", "line", "file", "count", "made_by")
    return Planted(levels=levels, **{name: row.pop(name) for name in own}, more=row)


def run_under_strace(program: Program, python: Interpreter) -> tuple[int, str, list[str]]:
    """Run it; give its status, what it said, and the lines of strace."""
    log = program.folder / "strace.log"
    strace = [
        "strace",
        "-f",
        "-qq",
        "-yy",
        "-s",
        "5000",
        "-e",
        f"trace={_STRACED}",
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    command = [*strace, *program.command(python)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    return done.returncode, done.stdout + done.stderr, log.read_text(errors="replace").splitlines()


def not_done(planted: list[Planted], lines: list[str]) -> Iterator[str]:
    """Say which acts did not really happen, or not as often as planted, as strace and the folder tell."""
    for one in planted:
        path = one.args.get("path", "")
        if one.more.get("leaves"):
            is_left = {"file": os.path.isfile, "folder": os.path.isdir, "nothing": lambda p: not os.path.lexists(p)}
            if not is_left[one.more["leaves"]](path):
                yield f"left nothing: {one}"
        seen = sum(_is_act(line, one) for line in lines)
        expected = 0 if one.more.get("is_unseen") else one.count
        if seen != expected and (one.mark or not seen):
            yield f"seen by strace {seen} times: {one}"


def _is_act(line: str, one: Planted) -> bool:
    name = str(one.more.get("seen_as", one.name.rpartition(":")[2].rpartition(".")[2]))
    names = {"remove": "unlink"}
    match = re.search(r"\b(\w+)\(", line)
    if match is None or match.group(1) != names.get(name, name):
        return False
    mark = one.mark
    if mark is None:
        return name not in {"mmap", "mprotect"} or "PROT_EXEC" in line
    if "addr" in one.args:
        return re.search(rf"htons\({mark}\)|->127\.0\.0\.1:{mark}\]", line) is not None
    return re.search(rf'[/"]{re.escape(mark)}[">/]', line) is not None
