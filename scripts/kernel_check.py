"""Checks, on the machine it runs on, that the probes load and that a trace made with them is right.

Run as root by scripts/kernel_matrix in each guest, with PYTHONPATH naming the checkout and the distribution's own
python3; its argument is a folder for the traces. Prints a line per check, PASS or FAIL, and INFO lines of numbers.
"""

import glob
import json
import mmap
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from pyxhon.bpf import syscalls
from pyxhon.bpf.compiled import CompiledProbes, Form, compiled_probes, has_may_goto
from pyxhon.bpf.mappings import MappingReader
from pyxhon.errors import KernelError
from pyxhon.trace.reader import open_trace
from pyxhon.trace.rows import EventRow, FrameRow

PROGRAM: Final = Path(__file__).resolve().parent.parent / "tests/programs/kernel_acts.py"
_UPROBE, _RAW_TRACEPOINT, _SLEEPABLE = 2, 17, 1 << 4  # enum bpf_prog_type; BPF_F_SLEEPABLE
_RING_BUFFER, _RING_BYTES = 27, 1 << 20
_MOST_VERIFIED: Final = 900_000  # BPF_COMPLEXITY_LIMIT_INSNS is a million; the next compiler may do a little worse
_COMMAND_SECONDS: Final = 400
# The tracer on a kernel that refuses sleepable programs: an unknown flag is refused, too.
_PLAIN: Final = (
    "import sys, pyxhon.bpf.attach as a; assert a._SLEEPABLE; a._SLEEPABLE = 1 << 31; "
    "from pyxhon.cli import main; sys.exit(main())"
)

_CALLS: Final = """
def told(number, text): return number
def giving(): yield from (told(1, "one"), told(1, "one"), told(1, "one"))
for _ in range(10): list(giving()), told(1, "one")
"""

_failed: list[str] = []


def check(claim: str, *, is_so: bool, found: object = "") -> None:
    """Print the verdict on a claim, and where it is false what was found instead."""
    print(f"PASS {claim}" if is_so else f"FAIL {claim}: {str(found)[:1500]}", flush=True)
    if not is_so:
        _failed.append(claim)


def main() -> int:
    """Run all checks; 0 when each passed."""
    folder = Path(sys.argv[1])
    print(f"INFO kernel {platform.release()}, bcc {_bcc_version()}, python3 {platform.python_version()}", flush=True)
    _check_doctor()
    _check_programs()
    _check_dump()
    _check_mappings()
    for interpreter in sorted({os.path.realpath(path) for path in glob.glob("/usr/bin/python3.[0-9]*[0-9]")}):  # noqa: PTH207 - as the shell would
        for is_sleepable in (True, False):
            _check_trace(interpreter, folder, is_sleepable=is_sleepable)
            _check_calls(interpreter, folder, is_sleepable=is_sleepable)
    return 1 if _failed else 0


def _bcc_version() -> str:
    try:
        return version("bcc")
    except PackageNotFoundError:
        import bcc  # noqa: PLC0415 - Debian's package may carry no metadata

        return str(bcc.__version__)


def _check_doctor() -> None:
    done = _run([sys.executable, "-m", "pyxhon", "doctor", sys.executable])
    print(done.stdout + done.stderr, flush=True)
    check("doctor finds nothing missing", is_so=done.returncode == 0, found=done.stdout + done.stderr)


def _check_programs() -> None:
    """Compile all forms and load each of their programs, as `Probes` does, and tell what the verifier had to do."""
    forms: list[tuple[Form, int, int]] = [
        ("tracepoints", _RAW_TRACEPOINT, 0), ("sleepable", _UPROBE, _SLEEPABLE), ("plain", _UPROBE, 0),
        ("sleepable_calls", _UPROBE, _SLEEPABLE), ("plain_calls", _UPROBE, 0),
    ]  # fmt: skip
    maps: dict[str, int] = {}
    for form, kind, flags in forms:
        start = time.monotonic()
        try:
            compiled = compiled_probes(form)
        except KernelError as error:
            check(f"{form}: bcc compiles the probes", is_so=False, found=error)
            continue
        check(f"{form}: bcc compiles the probes", is_so=True)
        print(f"INFO {form}: compiled in {time.monotonic() - start:.1f} s", flush=True)
        maps |= {name: _create_map(name, compiled) for name in compiled.maps if name not in maps}
        for name in compiled.programs:
            _check_program(compiled, form, name, (kind, flags), maps)
    for descriptor in maps.values():
        os.close(descriptor)


def _check_program(compiled: CompiledProbes, form: Form, name: str, way: tuple[int, int], maps: dict[str, int]) -> None:
    loops = "each round followed" if compiled.followed is None else "loops bounded by may_goto"
    for one, words in (
        (replace(compiled, followed=None), loops),
        (compiled.followed and compiled.followed(), "followed"),
    ):
        if one is None:
            continue
        start = time.monotonic()
        try:
            descriptor = one.load(name, *way, maps)
        except KernelError as error:
            if one.programs is compiled.programs and compiled.followed is not None:  # then the other one is taken
                print(f"INFO {form}: {name}, {words}: refused, {str(error)[:300]}", flush=True)
            else:
                check(f"{form}: {name} loads, {words}", is_so=False, found=error)
            continue
        seconds = time.monotonic() - start
        check(f"{form}: {name} loads, {words}", is_so=True)
        verified = _verified(descriptor)
        size = len(one.programs[name].text) // 8
        print(f"INFO {form}: {name}, {words}: {size} long, {verified} verified, {seconds:.2f} s", flush=True)
        check(f"{form}: {name} is not near the verifier's limit", is_so=verified < _MOST_VERIFIED, found=verified)
        os.close(descriptor)


def _create_map(name: str, compiled: CompiledProbes) -> int:
    shape = compiled.maps[name]
    entries = _RING_BYTES if shape.kind == _RING_BUFFER else shape.entries
    return syscalls.create_map(shape.kind, (shape.key_bytes, shape.value_bytes, entries), shape.flags, name)


def _verified(descriptor: int) -> int:
    """Give how many instructions the verifier went through (kernel/bpf/syscall.c, bpf_prog_show_fdinfo)."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines():
        if line.startswith("verified_insns:"):
            return int(line.split()[1])
    raise ValueError("this kernel does not tell how much it verified; it does since Linux 5.16")


def _check_dump() -> None:
    """Dump a process whose stack is known."""
    program = "def wait(): print(flush=True), input()\nsorted([1], key=lambda one: wait())"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline() if process.stdout else None
        done = _run([sys.executable, "-m", "pyxhon", "dump", str(process.pid), "--format", "json"])
        process.kill()
    threads = json.loads(done.stdout)["threads"] if done.returncode == 0 else []
    calls = [frame for thread in threads for frame in thread["frames"] if frame["kind"] == "python"]
    found = [(frame["function"], frame["line"]) for frame in calls]
    is_whole = [thread["problem"] for thread in threads] == [None]
    check(
        "dump tells the whole stack",
        is_so=is_whole and found == [("wait", 1), ("<lambda>", 2), ("<module>", 2)],
        found=done.stdout + done.stderr,
    )


def _check_mappings() -> None:
    """Map a file executable and see it in the mapping timeline, opened."""
    path = os.path.realpath("/bin/true")
    with MappingReader(lambda pid: pid == os.getpid()) as reader, open(path, "rb") as file:  # noqa: PTH123 - for mmap
        with mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC):
            found = [(record.path, record.descriptor is not None) for record in reader.read()]
        lost = reader.lost
    check("the mapping timeline has the file, opened", is_so=(path, True) in found and not lost, found=(found, lost))


@dataclass
class _Trace:
    """What a trace says of the acts of the program."""

    events: list[EventRow] = field(default_factory=list)
    stacks: dict[int, tuple[FrameRow, ...]] = field(default_factory=dict)
    pids: dict[int, int] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> Iterator[tuple[EventRow, tuple[FrameRow, ...]]]:
        for event in self.events:
            if (event.kind, event.name) == (kind, name):
                yield event, self.stacks.get(event.python_stack or 0, ())


def _check_trace(interpreter: str, folder: Path, *, is_sleepable: bool) -> None:
    """Trace the program and check what was seen; what plain reads miss is a loss that the trace must tell."""
    name = f"{Path(interpreter).name} {'sleepable' if is_sleepable else 'plain'}"
    path = folder / name.replace(" ", "-")
    trace_path, report_path = path.with_suffix(path.suffix + ".pyxhon"), path.with_suffix(path.suffix + ".json")
    tracer = [sys.executable, *(["-m", "pyxhon"] if is_sleepable else ["-c", _PLAIN])]
    command = [*tracer, "run", "-q", "-o", str(trace_path), "--format", "json", "--report", str(report_path)]
    start = time.monotonic()
    done = _run([*command, "--", interpreter, str(PROGRAM)])
    print(f"INFO {name}: traced in {time.monotonic() - start:.1f} s", flush=True)
    said = (done.returncode, done.stdout, done.stderr)
    check(f"{name}: the run ends with 0 and the program's own output", is_so=said == (0, "done\n", ""), found=said)
    if not report_path.exists():
        return
    report = json.loads(report_path.read_bytes())
    _check_report(name, report)
    # Without may_goto probes do not copy code, and a process that has ended has none to read.
    excused = set() if has_may_goto() else {"code_not_captured"}
    is_whole = report["complete"] and set(report["losses"]) <= excused
    if is_sleepable:
        check(f"{name}: the report is complete and without losses", is_so=is_whole, found=report["losses"])
    print(f"INFO {name}: losses {report['losses']}", flush=True)
    trace = _Trace()
    with open_trace(trace_path) as reader:
        trace.events = list(reader.events())
        trace.pids = {process.id: process.pid for process in reader.processes()}
        stacks = {event.python_stack for event in trace.events if event.python_stack is not None}
        trace.stacks = {stack: reader.stack(stack) for stack in stacks}
        exit_codes = sorted(process.exit_code or 0 for process in reader.processes())
    check(f"{name}: parent and child ended with 0 and 7", is_so=exit_codes == [0, 7], found=exit_codes)
    print(f"INFO {name}: {len(trace.events)} rows, {sum(event.count for event in trace.events)} events", flush=True)
    _check_acts(name, trace)
    if is_sleepable:
        _check_names(name, trace)


def _check_calls(interpreter: str, folder: Path, *, is_sleepable: bool) -> None:
    """Count the entries of functions whose number is known, and take their arguments."""
    name = f"{Path(interpreter).name} {'sleepable' if is_sleepable else 'plain'}"
    path = folder / f"{name.replace(' ', '-')}-calls.pyxhon"
    tracer = [sys.executable, *(["-m", "pyxhon"] if is_sleepable else ["-c", _PLAIN])]
    wanted = ["--calls", "count", "--function", "*:told", "--syscalls", "off"]
    command = [*tracer, "run", "-q", *wanted, "-o", str(path), "--report", os.devnull]
    done = _run([*command, "--", interpreter, "-c", _CALLS])
    check(f"{name}: the run of calls ends with 0", is_so=done.returncode == 0, found=(done.returncode, done.stderr))
    if not path.exists():
        return
    with open_trace(path) as reader:
        codes = reader.called_codes()
        counts: dict[str | None, list[int]] = {}
        for row in reader.calls():
            total = counts.setdefault(codes[row.callee].qualified_name, [0, 0])
            total[0] += row.starts or 0
            total[1] += row.resumptions or 0
        told = [(event.arguments, event.count) for event in reader.events() if event.kind == "call"]
    found = [counts.get(function) for function in ("told", "giving")]
    check(f"{name}: entries are counted", is_so=found == [[40, 0], [10, 30]], found=counts)
    is_told = {json.dumps(arguments) for arguments, _ in told} == {'{"args": {"number": 1, "text": "one"}}'}
    is_counted = sum(count for _, count in told) == 40  # noqa: PLR2004 - as above
    check(f"{name}: arguments of calls are told", is_so=is_told and is_counted, found=told)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS)


def _check_report(name: str, report: dict[str, Any]) -> None:
    counters = {row["signal"]: row for row in report["counters"]}
    is_kept = all(row["seen"] == row["stored"] + row["repeated"] + row["lost"] for row in counters.values())
    check(f"{name}: seen = stored + repeated + lost", is_so=is_kept, found=counters)
    is_seen = {"audit", "import", "dll_load"} <= {signal for signal, row in counters.items() if row["seen"]}
    check(f"{name}: audit events, imports and DLL loads were seen", is_so=is_seen, found=counters)
    print(f"INFO {name}: {report['processes'][0]['coverage']}", flush=True)


# Files of frames between an act and who asked for it; the import system raises its event itself since Python 3.15.
_BETWEEN: Final = ("/ctypes/__init__.py", "<frozen importlib._bootstrap>")
# Kind, name, arguments, the comment on the line that asked for it, the function there, count, failed.
_ACTS: Final[tuple[tuple[str, str, Any, str, str, int, int], ...]] = (
    ("audit", "ctypes.dlopen", ["libanl.so.1"], "dlopen", "load", 1, 0),
    ("audit", "my.event", ["a", 1], "event", "audit", 1, 0),
    ("audit", "os.fork", [], "fork", "fork", 1, 0),
    ("audit", "open", [str(PROGRAM), "r", ...], "open", "read", 5, 0),
    ("import", "json", {"fromlist": None, "level": 0, "by_c": False}, "import", "<module>", 1, 0),
    ("import", "no_such_module_here", {"fromlist": None, "level": 0, "by_c": False}, "failing import", "fail", 1, 0),
    ("audit", "import", ["no_such_module_here", None], "failing import", "fail", 1, 1),  # where its outcome is told
    ("audit", "my.child", [...], "event in the child", "fork", 1, 0),
    ("dll-load", "dlopen", {"path": "libanl.so.1", "flags": ...}, "dlopen", "load", 1, 0),
)


def _check_acts(name: str, trace: _Trace) -> None:
    lines = {
        text.split("# act: ")[1]: number
        for number, text in enumerate(PROGRAM.read_text(encoding="utf-8").splitlines(), 1)
        if "# act: " in text
    }
    for kind, act, arguments, comment, function, count, failed in _ACTS:
        seen = []
        for event, stack in trace.find(kind, act):
            caller = next((frame for frame in stack if not str(frame.file).endswith(_BETWEEN)), None)
            if caller and caller.file == str(PROGRAM):
                seen.append((event.arguments, (caller.function, caller.line), event.count, event.failed))
        wanted = ((function, lines[comment]), count, failed)
        is_there = [_is_like(row[0], arguments) and row[1:] == wanted for row in seen].count(True) == 1
        check(f"{name}: {kind} {act} at its line, with its arguments", is_so=is_there, found=(wanted, seen))
    parents = [event.process for event, _ in trace.find("audit", "my.event")]
    children = [event.process for event, _ in trace.find("audit", "my.child")]
    said = [event.arguments for event, _ in trace.find("audit", "my.child")]
    is_own = len(parents) == len(children) == 1 and parents != children and said == [[trace.pids[children[0]]]]
    check(f"{name}: the child's event is the child's", is_so=is_own, found=(parents, children, said))


def _is_like(value: Any, wanted: Any) -> bool:
    """Tell whether a value is the wanted one, in which `...` stands for anything."""
    if wanted is ...:
        return True
    if isinstance(wanted, list) and isinstance(value, list):
        return len(value) >= len(wanted) and all(map(_is_like, value, wanted))
    if isinstance(wanted, dict) and isinstance(value, dict):
        return value.keys() == wanted.keys() and all(_is_like(value[key], wanted[key]) for key in wanted)
    return bool(value == wanted)


def _check_names(name: str, trace: _Trace) -> None:
    frames = [frame for stack in trace.stacks.values() for frame in stack]
    unnamed = [frame for frame in frames if frame.file is None or frame.function is None]
    check(f"{name}: each of {len(frames)} frames has its file and function", is_so=bool(frames) and not unnamed,
          found=unnamed[:5])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
