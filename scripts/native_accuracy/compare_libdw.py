"""Runs packages and compares the native stacks of all their threads in `pyxhon dump` with those that libdw tells.

Each program runs twice. The first time it stays when it has come to its end, until all its threads are blocked. The
second time it is stopped on its way, wherever it is with all its threads, at even distances.
"""

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from both import PROGRAMS, prepare
from elf_addresses import address_of
from libdw_stacks import LibdwStack, libdw_stacks
from native_stacks import Compared, Frames, write_differences, write_stacks

from pyxhon.target.process import Mapping, read_mappings, read_proc, read_thread_ids

STOPS = 80
"""How often a program is stopped on its way."""

_TIMEOUT_S = 180
_POLL_S = 0.02
_QUIET_POLLS = 5
_MAX_ATTEMPTS = 5
_STATUS_BYTES = 1 << 14
_Stacks = dict[int, Frames]


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = sorted(path.stem.removeprefix("use_") for path in PROGRAMS.glob("use_*.py"))
    parser.add_argument("package", nargs="*", help="which, as in scripts/native_accuracy/run (default: all)")
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has the packages")
    parser.add_argument("--stops", type=int, default=STOPS, help="how often each is stopped (%(default)s)")
    parser.add_argument("--page", type=Path, help="write the table between the markers of this page")
    options = parser.parse_args()
    compared = {}
    with tempfile.TemporaryDirectory(prefix="native_accuracy-") as folder:
        for name in options.package or names:
            one = compared[name] = compare_with_libdw(options.python, name, Path(folder) / name, options.stops)
            one.print(name)
    if options.page:
        write_page(options.page, compared)


def write_page(page: Path, compared: dict[str, Compared]) -> None:
    """Write what was compared between the markers of a page."""
    write_stacks(page, "libdw", compared)
    write_differences(page, "libdw", compared)


def compare_with_libdw(python: Path, package: str, folder: Path, stops: int = STOPS) -> Compared:
    """Run one package's program. Raises RuntimeError where it fails."""
    compared = Compared()
    program = PROGRAMS / f"use_{package}.py"
    started = time.monotonic()
    with _staying(python, program, folder) as (pid, done):
        if not _is_done(done, _TIMEOUT_S) or not os.read(done, 1):
            raise RuntimeError(f"{program} did not come to its end: {(folder / 'said').read_text(errors='replace')}")
        interval_s = (time.monotonic() - started) / (stops + 1)
        _compare(compared, pid, *_look_at_blocked(pid))
    with _staying(python, program, folder) as (pid, done):
        for _ in range(stops):
            if _is_done(done, interval_s):
                break
            with _stopped(pid):
                _compare(compared, pid, _dump(pid), libdw_stacks(pid))
    return compared


def _is_done(descriptor: int, timeout_s: float) -> bool:
    return bool(select.select([descriptor], [], [], timeout_s)[0])


@contextmanager
def _staying(python: Path, program: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """Start a program that stays; gives its pid and the descriptor on which it says that it has come to its end."""
    environment = prepare(python, folder)
    reading, writing = os.pipe()
    stay = Path(__file__).with_name("stay.py")
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen(
            [python, stay, str(writing), program], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            cwd=folder / "files", env=environment, pass_fds=[writing],
        ) as process,
    ):  # fmt: skip
        os.close(writing)
        try:
            yield process.pid, reading
        finally:
            os.close(reading)
            process.kill()


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        _wait_until_quiet(pid, "TXZ")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _wait_until_quiet(pid: int, states: str) -> None:
    """Wait until every thread is in one of these states and none was switched to for a while."""
    deadline = time.monotonic() + _TIMEOUT_S
    quiet, before = 0, None
    while quiet < _QUIET_POLLS:
        time.sleep(_POLL_S)
        now = {tid: _facts(pid, tid) for tid in read_thread_ids(pid)}
        is_quiet = now == before and all(state in states for state, *_ in now.values())
        quiet, before = quiet + 1 if is_quiet else 0, now
        if time.monotonic() > deadline:
            raise RuntimeError(f"process {pid} never was quiet: {now}")


def _facts(pid: int, tid: int) -> list[str]:
    """Give the state and the counts of switches of a thread."""
    names = ("State", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    lines = read_proc(pid, f"task/{tid}/status", _STATUS_BYTES).decode("utf-8", "replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return [fields[name].split()[0] for name in names]


def _look_at_blocked(pid: int) -> tuple[_Stacks, dict[int, LibdwStack]]:
    """Give our stacks and libdw's. Raises RuntimeError where threads ran in between, again and again."""
    for _ in range(_MAX_ATTEMPTS):
        _wait_until_quiet(pid, "SI")
        ours, theirs = _dump(pid), libdw_stacks(pid)
        if _dump(pid) == ours:
            return ours, theirs
    raise RuntimeError(f"threads of process {pid} run all the time")


def _compare(compared: Compared, pid: int, ours: _Stacks, theirs: dict[int, LibdwStack]) -> None:
    mappings = read_mappings(pid)
    for tid in ours.keys() | theirs.keys():
        stack = theirs.get(tid, LibdwStack(error="no such thread"))
        what = f"({PurePath(stack.error).name})" if stack.error else ""
        compared.add(what, _frames(stack, mappings), ours.get(tid, ()))


def _dump(pid: int) -> _Stacks:
    command = [sys.executable, "-m", "pyxhon", "dump", str(pid), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pyxhon dump: {done.stderr}")
    threads: list[dict[str, Any]] = json.loads(done.stdout)["threads"]
    return {
        thread["tid"]: [(one["object"] or "", one["offset"]) for one in thread["frames"] if one["kind"] == "native"]
        for thread in threads
    }


def _frames(stack: LibdwStack, mappings: list[Mapping]) -> Frames:
    return [_place(address, mappings) for address in stack.addresses]


def _place(address: int, mappings: list[Mapping]) -> tuple[str, int]:
    for one in mappings:
        if one.start <= address < one.end and one.path and one.path.startswith(("/", "[vdso]")):
            return one.path, address_of(one.path, address - one.start + one.offset)
    return "", address


if __name__ == "__main__":
    main()
