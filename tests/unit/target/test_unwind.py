"""Native stacks of real processes, against gdb, and of programs made to be hard to unwind."""

import os
import random
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pyxhon.target.address_space import AddressSpace, Mapped, NativeObject, NativeObjects, read_address_space
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.images import Images
from pyxhon.target.unwind import Unwinder
from tests.interpreters import every_python
from tests.stopped import Traced, gdb_addresses, stopped, wait_until_blocked
from tests.targets import PROGRAMS

_GETPPID, _VFORK, _CLONE3, _CLONE, _BRK, _CLOCK_GETTIME = 110, 58, 435, 56, 12, 228
_NESTED = """
import sys, time
sys.setrecursionlimit(10000)
def down(count):
    if count:
        return sorted([1, 2], key=lambda _: down(count - 1) or 0)
    print("ready", flush=True)
    time.sleep(1000)
down(5)
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    return Compiled(tmp_path_factory.mktemp("programs"))


class Compiled:
    """Compiles the C programs, each way once."""

    def __init__(self, folder):
        self._folder = folder

    def program(self, *options):
        return self._compile("unwinding", "-ldl", "-lpthread", *(options or ("-O2", "-fomit-frame-pointer")))

    def library(self, *options):
        return self._compile("without_tables", "-shared", "-fPIC", "-fno-asynchronous-unwind-tables", *options)

    def _compile(self, name, *options):
        path = self._folder / "".join((name, *options)).replace("/", "_")
        if not path.exists():
            source = PROGRAMS / f"{name}.c"
            subprocess.run(["gcc", "-w", str(source), "-o", str(path), *options], check=True)
        return str(path)


@contextmanager
def standing(*command):
    """Run a program until it says that it is ready and sleeps."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            wait_until_blocked(process.pid)
            yield process.pid
        finally:
            process.kill()


class Unwinding:
    """The address space of one process and its stacks."""

    def __init__(self, pid):
        self._stack = ExitStack()
        images = self._stack.enter_context(Images())
        self.space = read_address_space(pid, NativeObjects(images))
        self.unwinder = Unwinder()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._stack.close()

    def of(self, at, *, with_memory=False):
        return self.unwinder.unwind(self.space, at.registers, at.stack, at.word if with_memory else None)


def symbols(unwound):
    return [frame.symbol for frame in unwound.frames]


def hows(unwound):
    return {frame.symbol: frame.how for frame in unwound.frames}


@every_python()
def test_every_interpreter_unwinds_as_gdb_does(python):
    with standing(*python.command("-c", _NESTED)) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at, with_memory=True)
        expected = gdb_addresses(pid)

    assert [frame.address for frame in unwound.frames] == expected
    assert unwound.end_reason == "bottom"
    assert not unwound.is_guessed
    assert len(expected) > 20


@every_python()
def test_a_thread_unwinds_as_gdb_does(python):
    code = "import threading\nthreading.Thread(target=lambda: exec(text, {})).start()".replace("text", repr(_NESTED))
    with standing(*python.command("-c", code)) as pid:
        tid = max(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
        wait_until_blocked(tid)
        with stopped(pid, tid) as at, Unwinding(pid) as unwinding:
            unwound = unwinding.of(at, with_memory=True)
            expected = gdb_addresses(pid, tid)

    assert [frame.address for frame in unwound.frames] == expected
    assert unwound.end_reason == "bottom"


def test_a_warm_stack_is_that_of_the_first_time(programs):
    with standing(programs.program(), "plain") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        first, again = unwinding.of(at), unwinding.of(at)

    assert first == again
    assert unwinding.unwinder.unwound_fully == 0


def test_code_without_frame_pointers_unwinds_to_the_start(programs):
    with standing(programs.program(), "plain") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    assert unwound.frames[0].how == "start"
    assert {frame.how for frame in unwound.frames[1:]} == {"cfi"}
    assert unwound.end_reason == "bottom"
    assert unwound.frames[-1].object.path.endswith("frame-pointer")


def test_a_stack_larger_than_the_copy_is_truncated(programs):
    with standing(programs.program(), "deep") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)
        whole = unwinding.of(at, with_memory=True)

    assert (unwound.end_reason, unwound.is_truncated) == ("stack_end", True)
    assert (whole.end_reason, whole.is_truncated, len(whole.frames)) == ("limit", True, 256)


@pytest.mark.parametrize("scenario", ["signal", "alternate"])
def test_a_signal_handler_leads_to_what_it_interrupted(programs, scenario):
    program = programs.program("-O1", "-g")
    with standing(program, scenario) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at, with_memory=True)
        expected = gdb_addresses(pid)

    assert [frame.address for frame in unwound.frames] == expected
    assert hows(unwound)["on_signal"] == "cfi"
    assert [frame.how for frame in unwound.frames].count("signal") == 1
    assert unwound.end_reason == "bottom"
    assert {"main", "raise_it"} <= set(symbols(unwound))
    assert all(FrameFlag.NO_CALL not in frame.flags for frame in unwound.frames)


def test_another_stack_that_was_not_copied_is_the_end(programs):
    with standing(programs.program("-O1", "-g"), "alternate") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    assert unwound.end_reason == "stack_end"
    assert unwound.frames[-1].how == "signal"


def test_vfork_keeps_its_return_address_in_a_register(programs):
    with Traced([programs.program(), "vfork"]) as traced:
        at = traced.go_to_call(_VFORK)
        with Unwinding(at.pid) as unwinding:
            unwound = unwinding.of(at)

    assert symbols(unwound)[:3] == ["vfork", "spawn", "main"]
    assert unwound.end_reason == "bottom"
    assert not unwound.is_guessed


def test_clone_without_tables_is_found_by_looking_through_the_stack(programs):
    with Traced([programs.program("-O1", "-g"), "thread"]) as traced:
        at = traced.go_to_call(_CLONE3, _CLONE)
        with Unwinding(at.pid) as unwinding:
            unwound = unwinding.of(at)

    assert {"make_thread", "main"} <= set(symbols(unwound))
    assert unwound.frames[1].how in ("scan", "cfi")
    assert "libc" in unwound.frames[1].object.path
    assert unwound.end_reason == "bottom"


def test_the_loader_is_unwound_to_its_entry(programs):
    with Traced([programs.program(), "marks"]) as traced:
        at = traced.go_to_call(_BRK)
        with Unwinding(at.pid) as unwinding:
            unwound = unwinding.of(at)

    assert {frame.object.path.rpartition("/")[2][:3] for frame in unwound.frames} == {"ld-"}
    assert len(unwound.frames) > 2
    assert (unwound.end_reason, unwound.is_guessed) == ("bottom", False)


def test_a_call_out_of_the_vdso_is_unwound(programs):
    with Traced([programs.program("-O1", "-g"), "vdso"]) as traced:
        at = traced.go_to_call(_CLOCK_GETTIME)
        with Unwinding(at.pid) as unwinding:
            unwound = unwinding.of(at)

    assert [frame.object.kind for frame in unwound.frames[:2]] == ["vdso", "file"]
    assert {"clock_gettime", "ask_vdso", "main"} <= set(symbols(unwound))
    assert (unwound.end_reason, unwound.is_guessed) == ("bottom", False)


def test_every_instruction_of_lazy_binding_leads_to_main(programs):
    program = programs.program("-O1", "-g", "-Wl,-z,lazy", "-fcf-protection=none")
    with Traced([program, "marks"]) as traced:
        at = traced.go_to_call(_GETPPID)
        with Unwinding(at.pid) as unwinding:
            caller = unwinding.of(at).frames[1].function_start
            wrong, count = [], 0
            while at.registers[16] and count < 20000:
                count += 1
                at = traced.step()
                unwound = unwinding.of(at)
                starts = [frame.function_start for frame in unwound.frames]
                if caller not in starts or unwound.end_reason != "bottom" or unwound.is_guessed:
                    wrong.append((hex(unwound.frames[0].offset), symbols(unwound), unwound.end_reason))
                if symbols(unwound)[0] == "getpgrp":
                    break

    assert wrong == []
    assert 100 < count < 20000


def test_a_library_with_frame_pointers_and_without_tables(programs):
    library = programs.library("-O1", "-fno-omit-frame-pointer")
    program = programs.program("-O1", "-g")
    with standing(program, "library", library) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    found = hows(unwound)
    assert (found["inner"], found["enter"], found["call_library"]) == ("cfi", "frame_pointer", "frame_pointer")
    assert (found["main"], unwound.end_reason, unwound.is_guessed) == ("cfi", "bottom", True)


def test_a_library_without_frame_pointers_and_without_tables(programs):
    library = programs.library("-O2", "-fomit-frame-pointer")
    program = programs.program("-O1", "-g")
    with standing(program, "library", library) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    found = hows(unwound)
    assert (found["inner"], found["call_library"], found["main"]) == ("cfi", "scan", "cfi")
    assert unwound.end_reason == "bottom"


@pytest.mark.parametrize("way", ["-fomit-frame-pointer", "-fno-omit-frame-pointer"])
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-Os"])
def test_a_system_call_made_in_code_without_tables(programs, level, way):
    library = programs.library(level, way)
    with Traced([programs.program("-O1", "-g"), "library", library, "enter_leaf"]) as traced:
        at = traced.go_to_call(_GETPPID)
        with Unwinding(at.pid) as unwinding:
            unwound = unwinding.of(at)

    assert symbols(unwound)[:4] == ["leaf", "enter_leaf", "call_library", "main"]
    assert [frame.how for frame in unwound.frames[3:]] == ["cfi"] * len(unwound.frames[3:])
    assert (unwound.end_reason, unwound.is_guessed) == ("bottom", True)


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3", "-Os"])
def test_all_frames_of_a_library_without_tables_are_found(programs, level):
    library = programs.library(level)
    program = programs.program("-O1", "-g")
    with standing(program, "library", library) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    assert symbols(unwound)[1:6] == ["stand_still", "inner", "enter", "call_library", "main"]
    assert unwound.end_reason == "bottom"


def test_a_library_with_debug_tables_alone_is_unwound_by_them(programs):
    library = programs.library(
        "-O2", "-fomit-frame-pointer", "-g", "-fno-exceptions", "-nostartfiles", "-Wl,--no-ld-generated-unwind-info"
    )
    program = programs.program("-O1", "-g")
    with standing(program, "library", library) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    found = hows(unwound)
    assert (found["inner"], found["enter"], found["call_library"], found["main"]) == ("cfi",) * 4
    assert not unwound.is_guessed


def test_anonymous_code_is_a_frame_of_its_own(programs):
    with standing(programs.program("-O1", "-g"), "anonymous") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    anonymous = next(frame for frame in unwound.frames if frame.object.kind == "anonymous")
    assert (anonymous.offset, anonymous.how, anonymous.flags) == (6, "cfi", FrameFlag.UNCHECKED)
    assert anonymous.object.path == f"anon:{anonymous.address - 6:x}"
    assert hows(unwound)["make_code"] in ("frame_pointer", "scan")
    assert (hows(unwound)["main"], unwound.end_reason) == ("cfi", "bottom")


def test_a_return_address_without_a_call_is_flagged(programs):
    with standing(programs.program("-O1", "-g"), "plain") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        honest = unwinding.of(at)
        victim = next(frame for frame in honest.frames if frame.symbol == "innermost")
        forged = at.stack.replace(victim.address.to_bytes(8, "little"), (victim.address + 1).to_bytes(8, "little"))
        found = unwinding.unwinder.unwind(unwinding.space, at.registers, forged)

    assert victim.flags == FrameFlag(0)
    assert [frame.flags for frame in found.frames if frame.symbol == "innermost"] == [FrameFlag.NO_CALL]


def test_a_call_through_a_register_is_flagged(programs):
    library = programs.library("-O1", "-fno-omit-frame-pointer")
    program = programs.program("-O1", "-g")
    with standing(program, "library", library) as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        unwound = unwinding.of(at)

    flags = {frame.symbol: frame.flags for frame in unwound.frames}
    assert (flags["inner"], flags["enter"]) == (FrameFlag.REGISTER_CALL, FrameFlag(0))


def test_no_stack_at_all_ends_the_chain(programs):
    with standing(programs.program(), "plain") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        nothing = unwinding.unwinder.unwind(unwinding.space, at.registers, b"")
        nowhere = unwinding.unwinder.unwind(unwinding.space, (0,) * 16 + (12345,), b"")

    assert (len(nothing.frames), nothing.end_reason) == (1, "stack_end")
    assert (len(nowhere.frames), nowhere.end_reason, nowhere.frames[0].object) == (1, "no_code", None)


def test_damaged_files_and_stacks_never_raise(programs, tmp_path):
    content = Path(programs.library("-O2", "-fomit-frame-pointer")).read_bytes()
    chooser = random.Random(3)
    for number in range(50):
        path = tmp_path / f"{number}.so"
        path.write_bytes(damage(content, chooser))
        with Images() as images:
            kernel = Mapped(0x7FFF00000000, 0x7FFF00002000, 0, NativeObject("[vdso]", "vdso", code=images.vdso()))
            file = NativeObject(str(path), "file", code=images.adopt(os.open(path, os.O_RDONLY), str(path)))
            space = AddressSpace()
            for mapped in (kernel, Mapped(0x10000, 0x20000, 0, file)):
                space.add(mapped)
            words = [
                chooser.choice([0x11000 + chooser.randrange(0x400), 0x7FFF00000A00, 0x900008, 0]) for _ in range(600)
            ]
            stack = b"".join(word.to_bytes(8, "little") for word in words)
            for start in range(0x11000, 0x11200, 31):
                registers = (*[0x900010] * 7, 0x900000, *[1 << 63] * 8, start)
                assert len(Unwinder().unwind(space, registers, stack).frames) <= 256


def damage(content, chooser):
    """Change some bytes outside of the ELF header."""
    damaged = bytearray(content)
    for _ in range(chooser.choice([1, 10, 200])):
        position = chooser.choice([chooser.randrange(64, len(damaged)), chooser.randrange(0x2000, 0x2100)])
        damaged[position] = chooser.choice([0, 1, 0x7F, 0x80, 0xFF, chooser.randrange(256)])
    return bytes(damaged)


def test_hostile_stacks_end_soon(programs):
    with standing(programs.program(), "plain") as pid, stopped(pid) as at, Unwinding(pid) as unwinding:
        address = next(
            frame for frame in unwinding.of(at).frames if frame.symbol == "pause" or frame.how == "cfi"
        ).address
        began = time.monotonic()
        for shift in range(8):
            stack = b"\0" * shift + address.to_bytes(8, "little") * 5000
            for pointer in (0, at.registers[7] + 16, at.registers[7], (1 << 64) - 8, at.registers[7] + 3):
                registers = (*at.registers[:6], pointer, *at.registers[7:])
                found = unwinding.unwinder.unwind(unwinding.space, registers, stack)
                assert len(found.frames) <= 256

    assert time.monotonic() - began < 20
