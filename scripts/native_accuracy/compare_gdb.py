"""Runs packages under PyXhon and gdb at once and compares the native stacks of every N-th system call."""

import argparse
import json
import os
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from accuracy_page import replace_part, table
from acts import Act
from both import PROGRAMS, recording
from elf_addresses import address_of

_CALLS = {
    "open": 2, "socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50, "rename": 82,
    "mkdir": 83, "rmdir": 84, "unlink": 87, "openat": 257, "accept4": 288, "clone3": 435,
}  # fmt: skip
_TIMEOUT_S = 60


@dataclass
class Compared:
    """What came out: stacks that are the same, where gdb's ends earlier or where it goes another way."""

    same: int = 0
    shorter: int = 0
    differences: list[str] = field(default_factory=list)
    frames: int = 0


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", nargs="+", help="which, as in scripts/native_accuracy/run")
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has the packages")
    parser.add_argument("--every", type=int, default=5, help="of how many calls one is compared (default %(default)s)")
    parser.add_argument("--page", type=Path, help="write the table between the markers of this page")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="native_accuracy-") as folder:
        for name in options.package:
            one = compare_with_gdb(options.python, name, Path(folder) / name, options.every)
            rows.append((name, one.same + one.shorter + len(one.differences), one.same, one.shorter, one.frames))
            print(*rows[-1], *one.differences, sep="\n    ", flush=True)
    head = ("package", "stacks", "the same", "the same as far as gdb's go", "frames compared")
    if options.page:
        text = replace_part(options.page.read_text(encoding="utf-8"), "gdb", table(head, rows))
        options.page.write_text(text, encoding="utf-8")


def compare_with_gdb(python: Path, package: str, folder: Path, every: int) -> Compared:
    """Run one package under both."""
    program = PROGRAMS / f"use_{package}.py"
    with (
        recording(python, program, folder, {}, "--no-aggregate", "--buffer", "256M") as started,
        _gdb(started.run.pid, folder / "gdb", every),
    ):
        started.go()
    calls: dict[tuple[int, int], list[Act]] = defaultdict(list)
    for act, _ in sorted(started.run.traced_acts(), key=lambda one: one[0].time_ns):
        if act.name in _CALLS:
            calls[act.tid, _CALLS[act.name]].append(act)
    return _compare(folder / "gdb", calls)


@contextmanager
def _gdb(pid: int, out: Path, every: int) -> Iterator[None]:
    script = Path(__file__).with_name("inside_gdb.py")
    settings = {"GDB_OUT": str(out), "GDB_EVERY": str(every), "GDB_CALLS": " ".join(_CALLS)}
    command = [
        "gdb",
        "-nx",
        "-batch",
        "-ex",
        "set debuginfod enabled off",
        "-ex",
        "echo attached\\n",
        "-x",
        str(script),
    ]
    with subprocess.Popen(
        [*command, "-p", str(pid)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        text=True, env=os.environ | settings,
    ) as process:  # fmt: skip
        try:
            assert process.stdout  # noqa: S101 - asked for above
            if not any("attached" in line for line in process.stdout):
                raise RuntimeError("gdb could not attach")
            threading.Thread(target=process.stdout.read).start()  # it says much, and waits while nobody listens
            yield
            process.wait(_TIMEOUT_S)
        finally:
            process.kill()


def _compare(out: Path, calls: dict[tuple[int, int], list[Act]]) -> Compared:
    compared = Compared()
    for line in out.read_text(encoding="utf-8").splitlines():
        tid, number, index, frames = json.loads(line)
        if index >= len(calls[tid, number]):
            compared.differences.append(f"call {number} is not in the trace")
            continue
        act = calls[tid, number][index]
        theirs = tuple((path, address_of(path, offset)) for path, offset in frames)
        compared.frames += len(theirs)
        if theirs == act.frames:
            compared.same += 1
        elif act.frames[: len(theirs)] == theirs:
            compared.shorter += 1
        else:
            compared.differences.append(_describe(act, theirs))
    return compared


def _describe(act: Act, theirs: tuple[tuple[str, int], ...]) -> str:
    pairs = list(zip(theirs, act.frames, strict=False))
    index = next((index for index, (a, b) in enumerate(pairs) if a != b), len(pairs))
    told = [
        " > ".join(f"{Path(path).name}+{address:#x}" for path, address in frames[max(index - 1, 0) : index + 1])
        for frames in (theirs, act.frames)
    ]
    return (
        f"{act.name} at frame {index} of {len(theirs)}/{len(act.frames)}: gdb {told[0]}, PyXhon {told[1]} ({act.note})"
    )


if __name__ == "__main__":
    main()
