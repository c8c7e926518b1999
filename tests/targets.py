"""Starts the programs of tests/programs as targets, and waits until they say that they are ready."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.interpreters import CHECKOUT, Interpreter

PROGRAMS = CHECKOUT / "tests" / "programs"


@dataclass(frozen=True)
class Target:
    """A running program: it has said "ready" and waits for a line on its standard input."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, line: str = "go") -> None:
        """Let the program go on."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """Wait for the next line of the program."""
        return self.process.stdout.readline().rstrip("\n")

    def finish(self) -> str:
        """End the program's input, wait for its end, and give what it still said."""
        said, _ = self.process.communicate(timeout=60)
        return said


@contextmanager
def running(python: Interpreter, program: str, *arguments: object) -> Iterator[Target]:
    """Run one of tests/programs until the block ends; by then it is killed if it still runs."""
    command = python.command(PROGRAMS / program, *arguments)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            target = Target(process)
            said = target.hear()
            assert said == "ready", f"{program} said {said!r} instead of 'ready'"
            yield target
        finally:
            process.kill()
