"""One act as a result: message, place, stack, fingerprint."""

from collections.abc import Iterator, Mapping
from typing import Final

from pyxhon.report.describe import describe_arguments, describe_count, describe_whole_location, telling_arguments
from pyxhon.report.digest import Act
from pyxhon.report.escape import escape, escape_path
from pyxhon.report.model import Behaviour, Location, NativeFrame, Report
from pyxhon.report.sarif.places import Places, make_inert
from pyxhon.report.sarif.rules import rule_id, rule_index

FRAME_LIMIT: Final = 30
RELATED_LIMIT: Final = 10
_ARGUMENT_COLUMNS: Final = 300
_PID_LIMIT: Final = 50


class ResultBuilder:
    """Builds the results of one report."""

    def __init__(self, report: Report, places: Places, taxa: Mapping[str, int]) -> None:
        self._versions = {row.name: row.version for row in report.packages}
        self._programs = {row.pid: row.exe for row in reversed(report.processes)}
        self._places = places
        self._taxa = taxa
        self._seen: dict[str, int] = {}

    def build(self, act: Act) -> dict[str, object]:
        """Build the result of one act."""
        row = act.behaviour
        shown = self._find_shown(row)
        related = self._list_related(row, shown)
        result: dict[str, object] = {
            "ruleId": rule_id(act),
            "ruleIndex": rule_index(act),
            "level": _find_level(row),
            "message": {"text": self._describe(act, has_link=bool(related) and shown is not row.location)},
            "locations": [self._locate(row, shown)],
            "occurrenceCount": max(act.count, 1),
            "partialFingerprints": self._fingerprint(row),
            "properties": self._list_properties(act),
        }
        if related:
            result["relatedLocations"] = related
        frames = list(self._mix(act))
        if frames:
            result["stacks"] = [{"message": {"text": _describe_stack(act)}, "frames": frames}]
        if row.rule is not None and row.rule in self._taxa:
            result["taxa"] = [{"id": row.rule, "index": self._taxa[row.rule], "toolComponent": {"name": "policy"}}]
        return result

    def _find_shown(self, row: Behaviour) -> Location | None:
        """Find the line that a reviewer can look at: the owner's, or else the innermost of the stack below the root.

        What there is no file of gives way to the innermost frame that has one.
        """
        frames = [*([row.location] if row.location else []), *row.python_stack]
        below = (frame for frame in frames if self._places.is_below_root(frame.file))
        files = (frame for frame in frames if self._places.is_file(frame.file))
        return next(below, None) or next(files, row.location)

    def _locate(self, row: Behaviour, shown: Location | None) -> dict[str, object]:
        location = {} if shown is None else self._places.location(shown)
        if "physicalLocation" not in location:
            # Code scanning takes no result without a file: the DLL that acted, or the program.
            for path in (row.object, self._programs.get(row.pid)):
                if path is not None and path.startswith("/") and self._places.is_file(path):
                    location["physicalLocation"] = {"artifactLocation": self._places.artifact(path)}
                    break
        if not location:
            location["logicalLocations"] = [{"name": escape(row.package, 100), "kind": "module"}]
        return location

    def _list_related(self, row: Behaviour, shown: Location | None) -> list[dict[str, object]]:
        """Give the owner's place, where another one is shown, and then the Python stack."""
        frames = list(dict.fromkeys(row.python_stack))[:RELATED_LIMIT]
        if row.location is not None and shown is not row.location:
            frames = [row.location, *(frame for frame in frames if frame != row.location)]
        return [
            {
                "id": number,
                **self._places.location(frame),
                "message": {"text": make_inert(describe_whole_location(frame, 200))},
            }
            for number, frame in enumerate(frames, 1)
        ]

    def _describe(self, act: Act, *, has_link: bool) -> str:
        row = act.behaviour
        version = self._versions.get(row.package)
        arguments = describe_arguments(telling_arguments(row.kind, row.name, row.args), _ARGUMENT_COLUMNS)
        owner = escape(row.package, 100) + (f" {escape(version, 40)}" if version else "")
        text = make_inert(f"{owner}: {row.category}: {escape(row.name, 120)} {arguments}".rstrip())
        text += f" ({describe_count(act.count)}, {row.level} level)"
        if row.object:
            text += f", by {make_inert(escape_path(row.object, 200))}"
        if has_link and row.location is not None:
            text += f", at [{make_inert(describe_whole_location(row.location, 200))}](1), where this line led"
        if row.verdict != "violation":
            return text + ". No audit event explains it, and no rule decides."
        reason = f": {make_inert(escape(act.detail.reason, 200))}" if act.detail.reason else ""
        words = f" ({make_inert(escape(act.detail.policy_reason, 200))})" if act.detail.policy_reason else ""
        return f"{text}. Decided by {make_inert(escape(row.rule or 'the policy', 200))}{reason}{words}."

    def _fingerprint(self, row: Behaviour) -> dict[str, str]:
        """Give what is the same in every run: the behaviour's id, numbered where several verdicts share it."""
        number = self._seen[row.id] = self._seen.get(row.id, 0) + 1
        return {"behaviour/v1": f"{row.id}:{number}", "primaryLocationLineHash": f"{row.id}:{number}"}

    def _list_properties(self, act: Act) -> dict[str, object]:
        row, detail = act.behaviour, act.detail
        return {
            "id": row.id,
            "package": row.package,
            "version": self._versions.get(row.package),
            "category": row.category,
            "level": row.level,
            "verdict": row.verdict,
            "rule": row.rule,
            "kind": row.kind,
            "name": row.name,
            "arguments": row.args,
            "argumentsCut": detail.truncated,
            "failed": act.failed,
            "pids": list(act.pids[:_PID_LIMIT]),
            "object": row.object,
            "objectConfidence": detail.native_confidence,
            "chain": detail.chain,
            "signals": row.signals,
            "pythonFrames": len(row.python_stack),
        }

    def _mix(self, act: Act) -> Iterator[dict[str, object]]:
        """Give the frames as they lie, innermost first; where native ones are not known, Python's alone."""
        row = act.behaviour
        steps = act.detail.mixed_stack or [f"p{number}" for number in range(len(row.python_stack))]
        for step in steps[:FRAME_LIMIT]:
            frame = _find_frame(row, step)
            if isinstance(frame, NativeFrame):
                yield self._places.native(frame)
            elif frame is not None:
                yield {"location": self._places.location(frame), "threadId": row.tid}


def _find_frame(row: Behaviour, step: str) -> Location | NativeFrame | None:
    position = int(step[1:]) if step[1:].isdecimal() else None
    if position is None:
        return None
    if step[0] == "n":
        return row.native_stack[position] if position < len(row.native_stack) else None
    return row.python_stack[position] if position < len(row.python_stack) else None


def _find_level(row: Behaviour) -> str:
    if row.verdict == "violation":
        return "error"
    return "note" if row.object is None else "warning"


def _describe_stack(act: Act) -> str:
    count = len(act.detail.mixed_stack) or len(act.behaviour.python_stack)
    cut = f", the {FRAME_LIMIT} innermost of {count} frames" if count > FRAME_LIMIT else ""
    doubt = "; where some Python frames lie among the native ones is not known" if "?" in act.detail.mixed_stack else ""
    return f"Native and Python frames, innermost first{cut}{doubt}."
