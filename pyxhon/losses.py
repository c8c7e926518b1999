"""What was not seen, by reason."""

from typing import Final

from pyxhon.events import Counter, Signal

Losses = dict[tuple[int | None, str, str], int]
"""Counts by process (None: not known whose), signal and reason."""


def losses_of(counters: dict[tuple[Signal, Counter], int]) -> Losses:
    """Name what the probes counted as lost."""
    losses: Losses = {}
    for (signal, counter), count in counters.items():
        reason = _REASONS_OF.get(signal, _REASONS).get(counter)
        if reason is not None:
            losses[None, signal.name.lower(), reason] = count
    return losses


_LIFE_REASONS: Final = {
    Counter.RING_FULL: "ring_full",
    Counter.TABLE_FULL: "table_full",
    Counter.LOST: "no_scratch",
}
_REASONS: Final = {
    Counter.LOST: "ring_full",
    Counter.NO_SCRATCH: "no_scratch",
    Counter.UNMATCHED: "import_result_unmatched",
    Counter.UNREADABLE_ARGUMENT: "unreadable_argument",
    Counter.UNREADABLE_FRAME: "unreadable_frame",
    Counter.STACK_TRUNCATED: "python_stack_truncated",
    Counter.MERGED: "arguments_merged",
}
_FUNCTION_REASONS: Final = {
    Counter.LOST: "functions_ring_full",
    Counter.TABLE_FULL: "functions_table_full",
    Counter.NO_SCRATCH: "functions_no_scratch",
    Counter.UNMATCHED: "entry_site_unmatched",
    Counter.UNREADABLE_FRAME: "function_frame_unreadable",
}
_CODE_REASONS: Final = _REASONS | {Counter.TABLE_FULL: "code_ring_full"}
_INSTRUCTION_REASONS: Final = {
    Counter.LOST: "instructions_ring_full",
    Counter.NO_SCRATCH: "instructions_no_scratch",
    Counter.TABLE_FULL: "instructions_table_full",
    Counter.UNREADABLE_FRAME: "instruction_frame_unreadable",
}
_REASONS_OF: Final = {
    Signal.PROCESS: _LIFE_REASONS,
    Signal.FUNCTION: _FUNCTION_REASONS,
    Signal.INSTRUCTION: _INSTRUCTION_REASONS,
    Signal.CODE: _CODE_REASONS,
}
