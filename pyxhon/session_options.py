"""What the user asked of one session; the command line fills it in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

CALL_FORMATS: Final = ("collapsed", "speedscope")
"""Formats that show calls alone."""
_RING_BYTES, _STACK_RING_BYTES = 32 << 20, 16 << 20
_STREAM_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """The options shared by attach, run, record and report; each uses those that concern it."""

    duration_s: float | None = None
    """Detach after this time; None: when the target ends or the user says so."""
    follow: bool = True
    """Trace children too."""
    output: Path | None = None
    """Where to keep the trace."""
    buffer_bytes: int | None = None
    """Size of the ring buffer, a power of two; None: as large as what is told needs it."""
    aggregate: bool = True
    """Count repeats in the kernel rather than stream every occurrence."""
    syscalls: Literal["sensitive", "all", "off"] = "sensitive"
    """Which system calls are taken: "sensitive", "all" (the others are counted), or "off"."""
    calls: Literal["off", "seen", "count", "trace"] | None = None
    """Which Python functions ran: seen to, counted, or every call; None: "seen" where it is free, else "off"."""
    instructions: Literal["off", "imports", "all"] = "off"
    """Which executed instructions are told one by one: imports, calls and loads of attributes, or all."""
    instruction_packages: tuple[str, ...] = ()
    """Modules, with all in them, whose instructions are told; none: of all."""
    calls_budget: float | None = None
    """How many percent longer the target may take for its calls to be counted; None: all are counted."""
    max_events: int | None = None
    """End after this many entries and exits of functions, or instructions; None: no bound."""
    policy_paths: tuple[str, ...] = ()
    """Policy files, or builtin:NAME."""
    on_violation: Literal["report", "stop", "kill"] | None = None
    """What a violation brings upon the process; None: what the policy says."""
    functions: tuple[str, ...] = ()
    """Functions whose calls are recorded: C functions by their Python names, Python functions as MODULE:QUALNAME."""
    interpreters: tuple[str, ...] = ()
    """Interpreters that a command will run, but does not name: they are probed before it starts."""
    is_quiet: bool = False
    """No findings and no status line while tracing."""
    verbosity: int = 0
    report_path: Path | None = None
    """Where the report goes; None: standard output."""
    report_format: str = "text"
    is_full: bool = False
    """Cut no list of the text."""
    exclude_stdlib: bool = False
    """Leave out of the report what the standard library did on its own behalf."""
    is_live_view: bool = False
    """Show figures on the whole terminal while tracing, not findings line by line."""
    exit_code: str = "report"
    """Which status `run` ends with: "report" (the verdict) or "command" (the command's own)."""

    @property
    def ring_bytes(self) -> int:
        """The size of the ring buffer that the user asked for, or else one that fits."""
        is_stream = self.calls == "trace" or self.instructions != "off"
        return self.buffer_bytes or (_STREAM_BYTES if is_stream else _RING_BYTES)

    @property
    def stack_ring_bytes(self) -> int:
        """The same for native stacks, which have one of their own."""
        return self.buffer_bytes or _STACK_RING_BYTES
