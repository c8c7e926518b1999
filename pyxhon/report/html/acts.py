"""Behaviours as rows of the page: numbers that refer to its texts and stacks. `script/10_data.js` reads them."""

from collections.abc import Sequence
from typing import Final

from pyxhon.report.describe import telling_arguments
from pyxhon.report.digest import Act
from pyxhon.report.html.tables import NONE, Stacks, Texts, show_instruction, show_text
from pyxhon.report.model import Maker

ARGUMENT_LIMIT: Final = 24
PID_LIMIT: Final = 50
_NANOSECONDS: Final = 1000


def choose_acts(acts: Sequence[Act], limit: int) -> list[Act]:
    """Give the acts that the page holds, in their order: violations before all else."""
    if len(acts) <= limit:
        return list(acts)
    rank = {"violation": 0, "unjudged": 1}
    numbers = sorted(range(len(acts)), key=lambda number: rank.get(acts[number].behaviour.verdict, 2))
    return [acts[number] for number in sorted(numbers[:limit])]


def make_act_row(act: Act, texts: Texts, stacks: Stacks, start_ns: int) -> list[object]:
    """Give one act; times are microseconds from the first act on."""
    row, more = act.behaviour, act.detail
    return [
        texts.of(row.package),
        texts.of(row.category),
        texts.of(row.level),
        texts.of(row.verdict),
        texts.of(row.kind),
        texts.of(row.name),
        _list_arguments(act, texts),
        NONE if row.result is None else texts.of_value(row.result),
        act.count,
        (row.first_ns - start_ns) // _NANOSECONDS,
        (row.last_ns - start_ns) // _NANOSECONDS,
        [len(act.pids), *act.pids[:PID_LIMIT]],
        row.tid,
        stacks.frame_of(row.location),
        texts.of(row.object),
        stacks.stack_of(row, more),
        texts.of(row.rule),
        texts.of(more.reason),
        texts.of(more.policy_reason),
        act.failed,
        int(more.truncated),
        texts.keep(" → ".join(map(show_text, more.chain))),
        texts.keep(", ".join(map(show_text, row.signals))),
        texts.of(more.native_confidence),
        texts.of(more.native_doubt),
        _make_maker(more.made_by, texts, stacks),
        texts.of(show_instruction(row.instruction)),
        texts.keep(", ".join(row.instruction.surroundings) if row.instruction else ""),
        texts.of(row.id),
    ]


def _list_arguments(act: Act, texts: Texts) -> list[int]:
    """Give name and value of each argument in turn."""
    row = act.behaviour
    told = list(telling_arguments(row.kind, row.name, row.args).items())
    pairs = [number for name, value in told[:ARGUMENT_LIMIT] for number in (texts.of(name), texts.of_value(value))]
    if len(told) > ARGUMENT_LIMIT:
        pairs += (texts.keep("…"), texts.keep(f"{len(told) - ARGUMENT_LIMIT} more"))
    return pairs


def _make_maker(maker: Maker | None, texts: Texts, stacks: Stacks) -> list[int]:
    if maker is None:
        return []
    named = [texts.of(text) for text in (maker.kind, maker.subject, maker.package, maker.object)]
    return [*named, stacks.frame_of(maker.location)]
