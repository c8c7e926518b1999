"""The run itself: when it was, how it ended, and what was not seen."""

from dataclasses import fields
from typing import Final

from pyxhon.report.build import HARMLESS_LOSSES, exit_status
from pyxhon.report.describe import count_noun, describe_command, describe_pids
from pyxhon.report.escape import escape
from pyxhon.report.model import Coverage, Process, Report
from pyxhon.report.sarif.places import make_inert

_NOTE_LIMIT: Final = 200
_ENDINGS: Final = {
    0: "nothing against the policy, or no policy given",
    3: "CodeReview",
    4: "nothing found, but something was lost that could hide a violation",
}


def build_invocation(report: Report, cut: int) -> dict[str, object]:
    """Tell how tracing went; `cut` is how many results were left out, if more than 0.

    It was successful when nothing was lost that could hide a violation.
    """
    status = exit_status(report)
    notes = [*_list_losses(report), *_list_gaps(report)]
    if len(notes) > _NOTE_LIMIT:
        notes[_NOTE_LIMIT:] = [_notify("cut", "note", f"{len(notes) - _NOTE_LIMIT} more notifications were left out.")]
    if cut > 0:
        notes.insert(
            0, _notify("cut", "warning", f"{count_noun(cut, 'result')} more than a log may hold were left out.")
        )
    return {
        "executionSuccessful": report.complete,
        "exitCode": status,
        "exitCodeDescription": _ENDINGS[status],
        "startTimeUtc": report.started,
        "endTimeUtc": report.ended,
        "toolExecutionNotifications": notes,
    }


def _list_losses(report: Report) -> list[dict[str, object]]:
    return [
        _notify(
            f"loss/{escape(reason, 60)}",
            "note" if reason in HARMLESS_LOSSES else "warning",
            f"Lost: {escape(reason, 60)}, {count_noun(count, 'time')}"
            + (
                "; the acts are in the report all the same."
                if reason in HARMLESS_LOSSES
                else "; it could hide a violation."
            ),
        )
        for reason, count in report.losses.items()
    ]


def _list_gaps(report: Report) -> list[dict[str, object]]:
    """Tell of each signal that a Python process was not watched by."""
    gaps: dict[tuple[str, str], list[Process]] = {}
    for process in report.processes:
        if process.interpreter is not None:
            for field in fields(Coverage):
                source = str(getattr(process.coverage, field.name))
                if source.startswith("unavailable"):
                    gaps.setdefault((field.name, source), []).append(process)
    return [
        _notify(
            f"coverage/{signal}",
            "note",
            f"Signal {signal} {escape(source, 240)}: {describe_pids(dict.fromkeys(row.pid for row in rows))}, "
            f"{describe_command(rows[0].argv, 120)}.",
        )
        for (signal, source), rows in gaps.items()
    ]


def _notify(name: str, level: str, text: str) -> dict[str, object]:
    return {"descriptor": {"id": name}, "level": level, "message": {"text": make_inert(text)}}
