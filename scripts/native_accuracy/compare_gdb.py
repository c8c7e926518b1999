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
from pathlib import Path

from acts import Act
from both import PROGRAMS, recording
from elf_addresses import address_of
from native_stacks import Compared, write_stacks

_CALLS = {
    "open": 2, "socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50, "rename": 82,
    "mkdir": 83, "rmdir": 84, "unlink": 87, "openat": 257, "accept4": 288, "clone3": 435,
}  # fmt: skip
_TIMEOUT_S = 60


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", nargs="+", help="which, as in scripts/native_accuracy/run")
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has the packages")
    parser.add_argument("--every", type=int, default=5, help="of how many calls one is compared (default %(default)s)")
    parser.add_argument("--page", type=Path, help="write the table between the markers of this page")
    options = parser.parse_args()
    compared = {}
    with tempfile.TemporaryDirectory(prefix="native_accuracy-") as folder:
        for name in options.package:
            one = compared[name] = compare_with_gdb(options.python, name, Path(folder) / name, options.every)
            one.print(name)
    if options.page:
        write_stacks(options.page, "gdb", compared)


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
        theirs = [(path, address_of(path, offset)) for path, offset in frames]
        compared.add(f"{act.name} ({act.note})", theirs, act.frames)
    return compared


if __name__ == "__main__":
    main()
