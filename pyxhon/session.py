"""What the commands ask for. Loading the probes starts at once, while the rest is imported and the target looked at."""

import os
from collections.abc import Callable

from pyxhon.bpf.attach import ProbeOptions
from pyxhon.bpf.loading import ProbesLoading
from pyxhon.collecting import rare_collection
from pyxhon.errors import KernelError
from pyxhon.session_options import TraceOptions
from pyxhon.target.system_calls.declarations import rules as system_call_rules


def attach(pid: int, options: TraceOptions) -> int:
    """Trace a running process and report; gives the exit status."""
    return _attach(pid, options, is_reporting=True)


def record_attach(pid: int, options: TraceOptions) -> int:
    """Trace a running process and only write the trace."""
    return _attach(pid, options, is_reporting=False)


def run(command: tuple[str, ...], options: TraceOptions) -> int:
    """Run a command, trace it from its first instruction, and report; gives the exit status."""
    return _run(command, options, is_reporting=True)


def record_run(command: tuple[str, ...], options: TraceOptions) -> int:
    """Run a command and only write the trace."""
    return _run(command, options, is_reporting=False)


def _attach(pid: int, options: TraceOptions, *, is_reporting: bool) -> int:
    def record(loading: ProbesLoading) -> int:
        from pyxhon.recording import record_process  # noqa: PLC0415 - imported while the probes load

        return record_process(pid, options, loading, is_reporting=is_reporting)

    return _while_loading(options, record)


def _run(command: tuple[str, ...], options: TraceOptions, *, is_reporting: bool) -> int:
    def record(loading: ProbesLoading) -> int:
        from pyxhon.recording import record_command  # noqa: PLC0415 - imported while the probes load

        return record_command(command, options, loading, is_reporting=is_reporting)

    return _while_loading(options, record)


def _while_loading(options: TraceOptions, record: Callable[[ProbesLoading], int]) -> int:
    if os.geteuid() != 0:
        message = "tracing needs root"
        raise KernelError(message, "run it with sudo")
    rules = system_call_rules(options.syscalls)
    loading = ProbesLoading(
        ProbeOptions(options.ring_bytes, options.stack_ring_bytes, options.aggregate, options.follow, rules)
    )
    try:
        with rare_collection():
            return record(loading)
    finally:
        loading.abandon()
