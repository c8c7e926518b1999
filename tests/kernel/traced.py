"""Runs targets under the real tracer, from the command line as a user would, and gives what it wrote."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyxhon.errors import TraceError
from pyxhon.trace.reader import TraceReader, open_trace
from pyxhon.trace.rows import CounterRow, LossRow
from tests.interpreters import CHECKOUT, Interpreter, with_interpreter
from tests.targets import PROGRAMS

_TRIES = 1500
_TRY_S = 0.02
_PYXHON = (sys.executable, "-m", "pyxhon")


@dataclass(frozen=True)
class Traced:
    """A target under the tracer, which writes to `trace`."""

    tracer: subprocess.Popen[str]
    trace: Path

    def hear(self) -> str:
        """Wait for the target's next line."""
        return self.tracer.stdout.readline().rstrip("\n")

    def tell(self, line: str = "go") -> None:
        """Let the target go on."""
        self.tracer.stdin.write(line + "\n")
        self.tracer.stdin.flush()

    def wait_until(self, is_so: Callable[[TraceReader], bool]) -> None:
        """Wait until the trace says so."""
        for _ in range(_TRIES):
            if self.trace.exists():
                try:
                    with open_trace(self.trace) as reader:
                        if is_so(reader):
                            return
                except TraceError:
                    pass  # it is just being made
            try:
                self.tracer.wait(_TRY_S)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"pyxhon ended: {self.tracer.communicate()}")
        raise AssertionError("the trace never said so")

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end; give the tracer's status, and what target and tracer said."""
        said, complained = self.tracer.communicate(timeout=120)
        return self.tracer.returncode, said, complained


@contextmanager
def tracing(trace: Path, command: list[str], *options: str) -> Iterator[Traced]:
    """Run a command under `pyxhon record` until the block ends; where a report is asked for, under `pyxhon run`."""
    verb = "run" if "--report" in options else "record"
    with _tracer(trace, [verb, "-q", "-o", str(trace), *options, "--", *command]) as traced:
        yield traced


@contextmanager
def tracing_program(trace: Path, python: Interpreter, arguments: list[object], *options: str) -> Iterator[Traced]:
    """Run one of tests/programs under the tracer; when the block begins it is ready, and fully traced."""
    program, *rest = arguments
    with tracing(trace, python.command(PROGRAMS / str(program), *rest), *options) as traced:
        said = traced.hear()
        assert said == "ready", f"{program} said {said!r}: {traced.finish() if not said else ''}"
        traced.wait_until(lambda reader: any(row.interpreter for row in reader.processes()))
        yield traced


@contextmanager
def attaching(trace: Path, pid: int, *options: str) -> Iterator[Traced]:
    """Attach `pyxhon record` to a process; when the block begins it is fully traced, when it ends no more."""
    with _tracer(trace, ["record", "-q", "-o", str(trace), *options, str(pid)]) as traced:
        traced.wait_until(lambda reader: bool(reader.processes()))
        yield traced
        traced.tracer.send_signal(signal.SIGINT)
        traced.finish()


@contextmanager
def _tracer(trace: Path, arguments: list[str]) -> Iterator[Traced]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [*_PYXHON, *with_interpreter(arguments)]
    with subprocess.Popen(command, **pipes, text=True, cwd=CHECKOUT, env=environment) as process:
        try:
            yield Traced(process, trace)
        finally:
            if process.poll() is None:
                process.terminate()


def unexplained_losses(reader: TraceReader, python: Interpreter) -> list[LossRow]:
    """Give the losses but those that may be: stacks deeper than the limit, code that there was no room to copy, and
    what ran before another root's interpreter was known.
    """
    excused = {"python_stack_truncated", "native_stack_truncated", "code_ring_full", "code_not_captured"}
    if python.root != "/":
        excused.add("python_untraced")
    return [row for row in reader.losses() if row.reason not in excused]


def unbalanced(reader: TraceReader) -> list[CounterRow]:
    """Give the signals for which seen = stored + repeated + lost does not hold."""
    return [row for row in reader.counters() if row.seen != row.stored + row.repeated + row.lost]
