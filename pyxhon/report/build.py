"""Builds the report from a trace, its behaviours and the verdicts on them; no clock, no disk, no process."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final, TypeVar

from pyxhon.categories import CATEGORIES
from pyxhon.errors import TraceError
from pyxhon.join import Behaviour, Joined, Owner
from pyxhon.join import Import as JoinedImport
from pyxhon.policy.judge import Judged, PackageJudgement
from pyxhon.policy.sequence_finding import FoundSequence, Places
from pyxhon.report import model
from pyxhon.report.build_calls import build_call_graph, exclude_standard_library_calls
from pyxhon.report.build_code import build_codes
from pyxhon.report.build_exercise import build_exercise
from pyxhon.report.build_instructions import InstructionFinder
from pyxhon.report.build_judging import MOST_PLAIN_ACTS, build_directories, build_judging, build_plain_acts
from pyxhon.report.build_sequences import build_reactions, build_sequences
from pyxhon.report.build_shared import Shared
from pyxhon.report.build_surroundings import (
    build_dlls,
    build_loads,
    build_location,
    build_maker,
    build_processes,
    build_snapshots,
)
from pyxhon.trace.reader import TraceReader

# Acts are in the report all the same, only less is known of them; that a function ran or how often is no act.
HARMLESS_LOSSES: Final = frozenset(
    {
        "python_stack_truncated",
        "stack_truncated",
        "native_stack_truncated",
        "line_unknown",
        "code_ring_full",
        "code_not_captured",
        "code_unreadable",
        "code_not_kept",
        "code_cut",
        "code_incomplete",
        "opcode_unresolved",
        "expressions_left_out",
        "functions_ring_full",
        "functions_table_full",
        "functions_no_scratch",
        "functions_unknown_process",
        "entry_site_unmatched",
        "function_frame_unreadable",
        "earlier_functions_unread",
        "instructions_ring_full",
        "instructions_no_scratch",
        "instructions_table_full",
        "instructions_unknown_process",
        "instruction_frame_unreadable",
    }
)
# Where an act without a category goes that the policy denies by name: the paper has `import` there.
UNCATEGORISED: Final = "builtins"
# The object of a native frame where nothing was mapped.
UNMAPPED: Final = "unknown"
# Rows of the matrix: what was only loaded is listed when it is one of these.
LISTED_WHEN_LOADED: Final = frozenset({"application", "distribution"})
_Row = TypeVar("_Row")
_ORIGINS: Final = ("application", "distribution", "dll", "stdlib", "unknown")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the policy says: of each behaviour, and of each package; no packages without a policy."""

    judged: tuple[Judged, ...]
    packages: tuple[PackageJudgement, ...]
    sequences: tuple[FoundSequence, ...] = ()
    places: Places = field(default_factory=lambda: Places({}))


def build_report(reader: TraceReader, joined: Joined, judgement: Judgement, version: str) -> model.Report:
    """Put everything into one report; `version` is that of the PyXhon that makes it."""
    host, started_ns, ended_ns = _read_meta(reader)
    graph = build_call_graph(reader, joined)
    finder, shared = InstructionFinder(reader), Shared(UNMAPPED)
    behaviours = _build_behaviours(judgement.judged, shared, finder)
    imports = [_build_import(row, finder) for row in joined.imports]
    exercised = build_exercise(reader, graph)
    losses = _count_losses(reader, is_cut_off=ended_ns is None, left_out=finder.left_out)
    ended_ns = ended_ns or _last_time(reader, started_ns)
    return model.Report(
        schema=model.SCHEMA,
        pyxhon=version,
        host=host,
        started=_format_time(started_ns),
        ended=_format_time(ended_ns),
        duration_s=round((ended_ns - started_ns) / 1e9, 6),
        processes=build_processes(reader),
        packages=build_packages(list_owners(reader), judgement),
        behaviours=behaviours,
        imports=imports,
        dlls=build_dlls(reader, joined),
        calls=graph.calls,
        not_exercised=exercised.rows,
        losses=losses,
        complete=HARMLESS_LOSSES.issuperset(losses),
        details=_build_details(judgement, shared, finder),
        snapshots=build_snapshots(reader),
        loads=build_loads(reader, joined),
        counters=[model.Counter(row.signal, row.seen, row.stored, row.repeated, row.lost) for row in reader.counters()],
        call_details=graph.details,
        functions=graph.functions,
        calls_sampled=graph.sampled,
        code=build_codes(reader, judgement.judged),
        not_exercised_details=exercised.details,
        exercise=exercised.packages,
        sequences=build_sequences(judgement.sequences),
        reactions=build_reactions(reader),
        **_build_judging(reader, joined, judgement),
    )


def exit_status(report: model.Report) -> int:
    """Give 3 for CodeReview, 4 when nothing was found but something was lost that could hide it, else 0."""
    is_violated = any(row.verdict == "violation" for row in report.behaviours) or any(
        row.verdict == "violation" for row in report.sequences
    )
    if is_violated or any(row.suggestion == "CodeReview" for row in report.packages):
        return 3
    return 0 if report.complete else 4


def _read_meta(reader: TraceReader) -> tuple[model.Host, int, int | None]:
    meta = reader.meta()
    try:
        host = model.Host(**{name: str(meta["host"][name]) for name in ("kernel", "arch", "hostname")})
        started_ns = int(meta["started_unix_ns"])
        ended_ns = None if meta.get("ended_unix_ns") is None else int(meta["ended_unix_ns"])
    except (KeyError, TypeError, ValueError) as error:
        raise TraceError(f"the trace does not say when and where it was taken ({error})", "record it again") from error
    return host, started_ns, ended_ns


def _last_time(reader: TraceReader, started_ns: int) -> int:
    offset_ns = int(reader.meta().get("clock_offset_ns", 0))
    return max((event.last_ns + offset_ns for event in reader.events()), default=started_ns)


def _format_time(time_ns: int) -> str:
    time = datetime.fromtimestamp(time_ns / 1e9, tz=timezone.utc)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _count_losses(reader: TraceReader, *, is_cut_off: bool, left_out: int) -> dict[str, int]:
    # Recording that was cut off, for example by SIGKILL, leaves a trace that is valid up to its last commit.
    losses = {"recording_cut_off": int(is_cut_off), "expressions_left_out": left_out}
    for loss in reader.losses():
        losses[loss.reason] = losses.get(loss.reason, 0) + loss.count
    # What the kernel counted and nobody can account for is a loss, too: the counters say so themselves.
    unaccounted = sum(max(row.seen - row.stored - row.repeated - row.lost, 0) for row in reader.counters())
    if unaccounted:
        losses["unaccounted"] = unaccounted
    return {reason: count for reason, count in sorted(losses.items()) if count}


def _build_behaviours(judged: Iterable[Judged], shared: Shared, finder: InstructionFinder) -> list[model.Behaviour]:
    return [_build_behaviour(each, shared, finder) for each in judged]


def _build_behaviour(judged: Judged, shared: Shared, finder: InstructionFinder) -> model.Behaviour:
    row = judged.behaviour
    return model.Behaviour(
        id=row.id,
        package=row.owner.name,
        category=row.category or UNCATEGORISED,
        level=row.level,
        verdict=judged.verdict,
        rule=judged.rule,
        kind=row.kind,
        name=row.name,
        args=row.arguments,
        result=row.result,
        count=row.count,
        first_ns=row.first_ns,
        last_ns=row.last_ns,
        pid=row.pid,
        tid=row.tid,
        location=shared.location(row.location),
        instruction=finder.under(row.event, row.location),
        object=row.beneath.object,
        python_stack=shared.python(row.python_stack),
        native_stack=shared.native(row.beneath.frames),
        signals=shared.texts(row.signals),
    )


def _build_details(judgement: Judgement, shared: Shared, finder: InstructionFinder) -> list[model.Detail]:
    words = {row.owner.name: row.reason for row in judgement.packages}
    return [_build_detail(row, words, shared, finder) for row in judgement.judged]


def _build_detail(
    judged: Judged, words: Mapping[str, str | None], shared: Shared, finder: InstructionFinder
) -> model.Detail:
    row = judged.behaviour
    return model.Detail(
        row.id,
        row.pid,
        row.failed,
        row.is_truncated,
        shared.texts(row.chain),
        judged.reason or None,
        words.get(row.owner.name),
        shared.texts(row.beneath.order),
        row.beneath.confidence,
        row.beneath.doubt,
        build_maker(row.beneath.made_by),
        finder.along(row.event, row.python_stack),
    )


def _build_import(row: JoinedImport, finder: InstructionFinder) -> model.Import:
    return model.Import(
        row.importer,
        row.module,
        row.package,
        row.category,
        row.is_transitive,
        build_location(row.location),
        row.count,
        row.failed,
        finder.under(row.event, row.location),
    )


def _build_judging(reader: TraceReader, joined: Joined, judgement: Judgement) -> dict[str, Any]:
    """Give the fields that a report needs to be judged anew."""
    processes = [row.id for row in reader.processes()]
    plain = _list_plain(joined, judgement)
    return {
        "judging": build_judging((row.behaviour for row in judgement.judged), processes),
        "uncategorised": build_plain_acts(plain[:MOST_PLAIN_ACTS], processes),
        "directories": build_directories(judgement.places, processes),
        "acts_left_out": max(len(plain) - MOST_PLAIN_ACTS, 0),
    }


def _list_plain(joined: Joined, judgement: Judgement) -> list[Behaviour]:
    """Give the acts of no category that no policy denied by name."""
    shown = {id(row.behaviour) for row in judgement.judged}
    return [row for row in joined.uncategorised if id(row) not in shown]


def list_owners(reader: TraceReader) -> list[Owner]:
    """Give whose files were seen, each once."""
    files = reader.files().values()
    return list(dict.fromkeys(Owner(file.package, file.version, file.origin) for file in files))


def build_packages(owners: Iterable[Owner], judgement: Judgement) -> list[model.Package]:
    """Give the rows of the matrix: those who acted, and of the `owners` those that are listed when loaded."""
    acts: dict[str, list[Judged]] = {}
    versions: dict[str, dict[str, None]] = {}
    origins: dict[str, str] = {}
    for judged in judgement.judged:
        owner = judged.behaviour.owner
        acts.setdefault(owner.name, []).append(judged)
        _note_version(versions.setdefault(owner.name, {}), owner.version)
        origins.setdefault(owner.name, owner.origin)
    for owner in owners:
        if owner.origin in LISTED_WHEN_LOADED or owner.name in acts:
            _note_version(versions.setdefault(owner.name, {}), owner.version)
            origins.setdefault(owner.name, owner.origin)
    judgements = _join_judgements(judgement.packages)
    names = sorted(origins, key=lambda name: (_ORIGINS.index(origins[name]), name))
    return [
        model.Package(
            name,
            " / ".join(versions[name]) or None,
            origins[name],
            judgements.get(name, (None, None))[0],
            count_uses(acts.get(name, ())),
            judgements.get(name, (None, None))[1],
        )
        for name in names
    ]


def _join_judgements(rows: Iterable[PackageJudgement]) -> dict[str, tuple[str | None, str | None]]:
    """Give policy and suggestion by name; of several versions the worse suggestion counts."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for row in rows:
        policy, suggestion = found.get(row.owner.name, (None, None))
        worse = "CodeReview" if "CodeReview" in (suggestion, row.suggestion) else suggestion or row.suggestion
        found[row.owner.name] = (policy or row.policy, worse)
    return found


def _note_version(versions: dict[str, None], version: str | None) -> None:
    if version is not None:
        versions[version] = None


def count_uses(acts: Iterable[Judged]) -> dict[str, model.CategoryUse]:
    """Count the distinct behaviours of one package by category and level."""
    rows: dict[str, dict[tuple[str, str], str]] = {category: {} for category in CATEGORIES}
    for judged in acts:
        behaviour = judged.behaviour
        found = rows[behaviour.category or UNCATEGORISED]
        key = (behaviour.id, behaviour.level)
        found[key] = _worse(found.get(key), judged.verdict)
    return {category: _count_use(found) for category, found in rows.items()}


def _count_use(verdicts: Mapping[tuple[str, str], str]) -> model.CategoryUse:
    status = "none"
    levels = {"python": 0, "native": 0, "detached": 0}
    for (_, level), verdict in verdicts.items():
        levels[level] += 1
        status = _worse(status, verdict)
    return model.CategoryUse(status, **levels)


def _worse(first: str | None, second: str) -> str:
    ranks = ("none", "allowed", "unjudged", "violation")
    return second if first is None else max(first, second, key=ranks.index)


def exclude_standard_library(report: model.Report) -> model.Report:
    """Leave out what the standard library did on its own behalf, but no violation."""
    kept = {row.name for row in report.packages if row.origin != "stdlib"}
    chosen = [
        number for number, row in enumerate(report.behaviours) if row.package in kept or row.verdict == "violation"
    ]
    behaviours = [report.behaviours[number] for number in chosen]
    names = kept | {row.package for row in behaviours}
    plain = [row for row in report.uncategorised if row.judging.origin != "stdlib"]
    left_out = len(report.behaviours) - len(behaviours) + len(report.uncategorised) - len(plain)
    return dataclasses.replace(
        exclude_standard_library_calls(report),
        packages=[row for row in report.packages if row.name in names],
        behaviours=behaviours,
        imports=[row for row in report.imports if not row.transitive],
        details=_choose(report.details, report, chosen),
        judging=_choose(report.judging, report, chosen),
        uncategorised=plain,
        acts_left_out=report.acts_left_out + left_out,
        sequences=[row for row in report.sequences if row.package in kept or row.verdict == "violation"],
    )


def _choose(rows: list[_Row], report: model.Report, chosen: Iterable[int]) -> list[_Row]:
    """Give those of the rows that lie beside behaviours; a report from elsewhere may have them otherwise."""
    return [rows[number] for number in chosen] if len(rows) == len(report.behaviours) else rows
