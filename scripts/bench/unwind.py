"""What it costs us to unwind the native stack of a Python process: warm, for the first time, and after another run."""

import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from measuring import CHECKOUT, Python, Table, chosen_pythons, find_pythons, python_parser, require_root, say, verdict

sys.path.insert(0, str(CHECKOUT))

from pyxhon.target.address_space import AddressSpace, NativeObjects, read_address_space
from pyxhon.target.images import Images
from pyxhon.target.native_code import NativeCode, Step
from pyxhon.target.process import read_memory
from pyxhon.target.steps_cache import load_steps, save_steps
from pyxhon.target.unwind import Unwinder

GOAL_US, FRAMES = 100.0, 54
_STACK_BYTES = 32 << 10
_WARM_TIMES = 200
_RSP = 7
_GETREGS, _DETACH, _SEIZE, _INTERRUPT, _WALL = 12, 17, 0x4206, 0x4207, 0x40000000
_DWARF_ORDER = (10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16)
_NESTED = """
import time
def down(count):
    if count:
        return sorted([1, 2], key=lambda _: down(count - 1) or 0)
    print("ready", flush=True)
    time.sleep(1000)
down(4)
"""
Recall = Callable[[NativeCode], dict[tuple[int, bool], Step]]


class Standing:
    """A process that sleeps deep in nested calls."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.registers = read_registers(pid)
        self.stack = b"".join(self._pages(self.registers[_RSP]))

    def _pages(self, start: int) -> Iterator[bytes]:
        end = start + _STACK_BYTES
        while start < end:
            page = read_memory(self.pid, start, min(4096 - start % 4096, end - start))
            if page is None:
                return
            yield page
            start += len(page)

    def unwind(self, space: AddressSpace) -> int:
        """Unwind to the bottom; give the number of frames."""
        unwound = Unwinder().unwind(space, self.registers, self.stack)
        if unwound.end_reason != "bottom" or unwound.is_guessed:
            raise SystemExit(f"the stack of {self.pid} ends by {unwound.end_reason}")
        return len(unwound.frames)


def read_registers(pid: int) -> tuple[int, ...]:
    """Give the registers of our own child in DWARF's order."""
    user = (ctypes.c_uint64 * 27)()  # struct user_regs_struct
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    for request, data in ((_SEIZE, 0), (_INTERRUPT, 0), (_GETREGS, ctypes.addressof(user)), (_DETACH, 0)):
        if libc.ptrace(request, pid, 0, data) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")
        if request == _INTERRUPT:
            os.waitpid(pid, _WALL)
    return tuple(user[index] for index in _DWARF_ORDER)


@contextmanager
def standing(python: Python) -> Iterator[Standing]:
    """Run a process until it sleeps."""
    with subprocess.Popen([python.path, "-I", "-c", _NESTED], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise SystemExit(f"{python.path} did not start")
            while Path(f"/proc/{process.pid}/syscall").read_text(encoding="ascii").startswith("running"):
                time.sleep(0.01)
            yield Standing(process.pid)
        finally:
            process.kill()


def measure_first(target: Standing, recall: Recall | None) -> float:
    """Give the seconds of the first unwinding of a fresh session; what it learnt is kept where nothing was recalled."""
    with Images(recall=recall) as images:
        space = read_address_space(target.pid, NativeObjects(images))
        began = time.process_time()
        target.unwind(space)
        took = time.process_time() - began
        if recall is None:
            save_steps(images.codes)
    return took


def measure_warm(target: Standing) -> tuple[float, int]:
    """Give the seconds of one unwinding when every address was met before, and the number of frames."""
    with Images() as images:
        space = read_address_space(target.pid, NativeObjects(images))
        frames = target.unwind(space)
        began = time.process_time()
        for _ in range(_WARM_TIMES):
            target.unwind(space)
        return (time.process_time() - began) / _WARM_TIMES, frames


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=7).parse_args()
    require_root()
    table = Table(
        ["interpreter", "frames", "warm, µs", f"per {FRAMES} frames, µs", "first time, ms", "next run, ms", "goal"]
    )
    for python in chosen_pythons(options.python, find_pythons):
        say(python.name)
        with tempfile.TemporaryDirectory() as folder, standing(python) as target:
            os.environ["PYXHON_CACHE_DIR"] = folder
            rounds = [
                (*measure_warm(target), measure_first(target, None), measure_first(target, load_steps))
                for _ in range(options.rounds)
            ]
        warm, frames, first, recalled = (statistics.median(values) for values in zip(*rounds, strict=True))
        share = warm / frames * FRAMES * 1e6
        cells = (f"{warm * 1e6:.1f}", f"{share:.1f}", f"{first * 1e3:.1f}", f"{recalled * 1e3:.1f}")
        table.add(python.name, int(frames), *cells, verdict(is_met=share <= GOAL_US))
    table.notes.append(
        f"A process asleep in nested calls, its stack copied once; processor time, medians of {options.rounds} rounds. "
        "First time: call frame information and symbols are read from the files; next run: from the cache. "
        f"Goal: at most {GOAL_US:.0f} µs for {FRAMES} frames, warm."
    )
    table.print()


if __name__ == "__main__":
    main()
