"""Native frames as data, and what an address space remembers of the addresses it has met."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pyxhon.target.address_space import AddressSpace, Mapped, NativeObject
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.cfi import RBP, RIP, RSP, Kind, Row
from pyxhon.target.native_code import Step
from pyxhon.target.stack_memory import WORD_BYTES

MAX_FRAMES = 256
_MAX_REMEMBERED = 1 << 14

How = Literal["start", "cfi", "frame_pointer", "scan", "signal"]
EndReason = Literal["bottom", "stack_end", "no_code", "no_cfi", "bad_cfi", "limit", "loop"]


@dataclass(frozen=True, slots=True)
class NativeFrame:
    """One native frame.

    `address` is the return address (of the innermost and of interrupted frames: the next instruction), `offset` the
    same as linked; `how` tells by what means the frame was found. `object` is None where nothing was mapped.
    """

    address: int
    object: NativeObject | None
    offset: int
    how: How
    flags: FrameFlag
    function_start: int | None
    symbol: str | None


@dataclass(frozen=True, slots=True)
class Unwound:
    """The frames of one thread, innermost first, and why there are no more."""

    frames: tuple[NativeFrame, ...]
    end_reason: EndReason

    @property
    def is_truncated(self) -> bool:
        """There are more frames than were unwound, or less stack was copied than there was."""
        return self.end_reason in ("stack_end", "limit")

    @property
    def is_guessed(self) -> bool:
        """A frame was not found by unwind tables."""
        return any(frame.how in ("frame_pointer", "scan") for frame in self.frames)


class Known(NamedTuple):
    """What is remembered of an address: its frame, and how the next one is found.

    The CFA is rbp or rsp plus `cfa_offset`, rbp was saved `rbp_word` words above it (0: kept), the return address one
    word below it; or `ending` says that there is no next frame, or that only all registers lead to it.
    """

    frame: NativeFrame
    is_from_rbp: bool
    cfa_offset: int
    rbp_word: int
    ending: Literal["bottom", "full"] | None
    step: Step | None


def know(space: AddressSpace, address: int, *, is_exact: bool) -> Known:
    """Give what is known of an address: of a return address, unless it `is_exact`."""
    remembered = space.remembered_starts if is_exact else space.remembered
    known: Known | None = remembered.get(address)
    if known is None:
        mapped = space.find(address if is_exact else address - 1)
        if mapped is None:
            frame = NativeFrame(address, None, address, "start" if is_exact else "cfi", FrameFlag(0), None, None)
            return Known(frame, False, 0, 0, "full", None)  # noqa: FBT003 a tuple's item
        known = _learn(mapped, address, is_exact=is_exact)
        if known.step is None:  # its file may become known yet
            return known
        if len(remembered) >= _MAX_REMEMBERED:
            remembered.clear()
        remembered[address] = known
    return known


def _learn(mapped: Mapped, address: int, *, is_exact: bool) -> Known:
    code = mapped.object.code
    offset = mapped.offset_of(address) if is_exact else mapped.offset_of(address - 1) + 1
    how: How = "start" if is_exact else "cfi"
    if code is None:
        flags = FrameFlag(0) if is_exact else FrameFlag.UNCHECKED
        frame = NativeFrame(address, mapped.object, offset, how, flags, None, None)
        return Known(frame, False, 0, 0, "full", None)  # noqa: FBT003 a tuple's item
    step = code.step(offset, is_exact=is_exact)
    frame = NativeFrame(address, mapped.object, offset, how, step.flags, step.function_start, step.symbol)
    if step.row is not None:
        return _compile(frame, step, step.row)
    ending: Literal["bottom", "full"] = "bottom" if step.error is None and code.is_entry(offset) else "full"
    return Known(frame, False, 0, 0, ending, step)  # noqa: FBT003 a tuple's item


def _compile(frame: NativeFrame, step: Step, row: Row) -> Known:
    rules = dict(row.rules)
    caller, saved = rules.get(RIP), rules.get(RBP)
    is_plain = row.return_register == RIP and not row.is_signal
    if is_plain and caller is not None and caller.kind == Kind.UNDEFINED:
        return Known(frame, False, 0, 0, "bottom", step)  # noqa: FBT003 a tuple's item
    is_simple = (
        is_plain
        and not row.cfa_expression
        and row.cfa_register in (RBP, RSP)
        and RSP not in rules
        and caller is not None
        and (caller.kind, caller.value) == (Kind.OFFSET, -WORD_BYTES)
        and (saved is None or (saved.kind == Kind.OFFSET and saved.value < 0 and saved.value % WORD_BYTES == 0))
    )
    if not is_simple:
        return Known(frame, False, 0, 0, "full", step)  # noqa: FBT003 a tuple's item
    rbp_word = 0 if saved is None else saved.value // WORD_BYTES
    return Known(frame, row.cfa_register == RBP, row.cfa_offset, rbp_word, None, step)
