"""Runs every benchmark and writes the tables of docs/performance.md; a name runs that one alone."""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from measuring import CHECKOUT, parse_table, require_root, say

BENCHMARKS = (
    "first_event",
    "startup",
    "untraced",
    "repeat_price",
    "calls",
    "calls_seen",
    "calls_limits",
    "instructions",
    "capture",
    "flood",
    "service",
    "syscall_price",
    "workloads",
    "evaluation",
    "small_packages",
    "unwind",
    "rejudge",
    "formats",
)
_COLUMNS = 118
PAGE = CHECKOUT / "docs/performance.md"
_FOLDER = Path(__file__).resolve().parent


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"what to run: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--rounds", type=int, help="how often each is measured (default: as each has it)")
    options = parser.parse_args()
    if unknown := set(options.name) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    require_root()
    failed = [name for name in options.name or BENCHMARKS if not run(name, options.rounds)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def run(name: str, rounds: int | None) -> bool:
    """Run one benchmark and write its table; tells whether it could."""
    say(name)
    command = [sys.executable, str(_FOLDER / f"{name}.py"), *([f"--rounds={rounds}"] if rounds else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        say(f"{name}.py ended with status {done.returncode}")
        return False
    parse_table(done.stdout)
    text = PAGE.read_text(encoding="utf-8")
    content = wrap_prose(f"{done.stdout.strip()}\n\n{describe_machine()}")
    PAGE.write_text(replace_part(text, name, content), encoding="utf-8")
    return True


def wrap_prose(text: str) -> str:
    """Break the lines of paragraphs; those of tables stay."""
    return "\n".join(line if line.startswith("|") else textwrap.fill(line, _COLUMNS) for line in text.split("\n"))


def replace_part(text: str, name: str, content: str) -> str:
    """Replace what stands between a benchmark's markers. Raises ValueError where there are none."""
    start, end = f"<!-- bench: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no markers {start} and {end}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", text)


def describe_machine() -> str:
    """Give one line about the machine and the moment."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    now = datetime.datetime.now(datetime.timezone.utc)
    virtual = "virtual machine, " if "hypervisor" in cpuinfo else ""
    return (
        f"{now:%Y-%m-%d %H:%M} UTC, Linux {platform.release()}, {virtual}{os.cpu_count()} cores of "
        f"{model[1] if model else platform.machine()}."
    )


if __name__ == "__main__":
    main()
