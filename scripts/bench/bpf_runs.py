"""How often the BPF programs of a tracer ran, and for how long, as the kernel counts it."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

_STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")
_KPROBE = 2  # enum bpf_prog_type: user probes are of that type


@contextlib.contextmanager
def statistics() -> Iterator[None]:
    """Let the kernel count how often programs run; then they are dearer."""
    former = _STATISTICS.read_text(encoding="ascii")
    _STATISTICS.write_text("1", encoding="ascii")
    try:
        yield
    finally:
        _STATISTICS.write_text(former, encoding="ascii")


def user_probe_runs(pid: int) -> dict[int, tuple[int, int]]:
    """Give runs and nanoseconds of a tracer's programs for user probes, by their number (bpf_prog_show_fdinfo)."""
    runs: dict[int, tuple[int, int]] = {}
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            said = dict(re.findall(r"(\w+):\s*(\S+)", path.read_text(encoding="ascii")))
            if said.get("prog_type") == str(_KPROBE):
                runs[int(said["prog_id"])] = int(said["run_cnt"]), int(said["run_time_ns"])
    return runs
