"""Says before anything is traced whether it can be, and by which sites; changes nothing."""

import sys
from collections.abc import Iterable, Iterator

from pyxhon.doctor.finding import Finding
from pyxhon.doctor.interpreter import examine_file, examine_process
from pyxhon.doctor.kernel import examine_kernel
from pyxhon.report.escape import escape

TRACEABLE, NOT_TRACEABLE = 0, 1


def diagnose(subject: str | None) -> int:
    """Print one line per finding about this machine and the subject; 0 when tracing is possible.

    The subject is a pid, the path of an interpreter, or None for the machine alone.
    """
    is_traceable = True
    for finding in examine(subject):
        sys.stdout.write(describe_finding(finding) + "\n")
        sys.stdout.flush()
        is_traceable &= finding.is_ok or not finding.is_required
    return TRACEABLE if is_traceable else NOT_TRACEABLE


def examine(subject: str | None) -> Iterator[Finding]:
    """Give the findings on the machine, then on the subject."""
    yield from examine_kernel()
    if subject is None:
        return
    found: Iterable[Finding]
    found = examine_process(int(subject)) if subject.isdecimal() else examine_file(subject)
    yield from found


def describe_finding(finding: Finding) -> str:
    """Show a finding on one line: OK, or NO with what to do about it."""
    state = "OK" if finding.is_ok else "NO"
    optional = "" if finding.is_ok or finding.is_required else " (not required)"
    line = f"{state}  {finding.name}{optional}: {escape(finding.detail)}"
    return line if finding.is_ok or not finding.remedy else f"{line}; {escape(finding.remedy)}"
