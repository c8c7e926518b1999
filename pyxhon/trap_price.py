"""Measures what it costs a process to run into a probe at the entry of a function, but for what the probe does."""

import statistics
import time
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.entries import EntryProbes
from pyxhon.calibrating import armed_for
from pyxhon.controls import CALIBRATION_IMAGE
from pyxhon.cpython.calibration_run import Workload, started_workload
from pyxhon.entry_probing import Entered, Places, put_entry
from pyxhon.target.elf import open_image

_ROUNDS: Final = 3
_RUNS: Final = 20
_WARMING: Final = 5


def measure_trap(probes: Probes, entered: Entered, places: Places) -> float:
    """Give the price of one hit in ns of processor time; statistics of programs must be on.

    The interpreter runs the workload of calibration with the probes in place and without, in turn; the program leaves
    such a process alone at once. Raises CalibrationError.
    """
    with (
        open_image(entered.runtime.file_path) as image,
        started_workload(entered.runtime, entered.pid) as workload,
        armed_for(workload, probes, "on_entry") as armed,
    ):
        for site in entered.sites.sites:
            put_entry(armed, image, site, entered, places.get(site.address))
        probes.follow(workload.pid, CALIBRATION_IMAGE, None, entered.layout_index)
        for _ in range(_WARMING):
            workload.run("plain")
        rounds = [_measure_round(workload, armed) for _ in range(_ROUNDS)]
    return max(0.0, statistics.median(rounds))


def _measure_round(workload: Workload, probes: EntryProbes) -> float:
    probes.arm()
    probed = [_run(workload, probes) for _ in range(_RUNS)]
    probes.disarm()
    bare_ns = statistics.median(_run(workload, probes)[0] for _ in range(_RUNS))
    return statistics.median((took_ns - bare_ns - program_ns) / max(hits, 1) for took_ns, program_ns, hits in probed)


def _run(workload: Workload, probes: EntryProbes) -> tuple[int, int, int]:
    """Run it once; give its processor time, that of the program, and how often that ran."""
    program_ns, hits = probes.run_stats()
    started_ns = processor_time_ns(workload.pid) or 0
    workload.run("plain")
    took_ns = (processor_time_ns(workload.pid) or 0) - started_ns
    more_ns, more_hits = probes.run_stats()
    return took_ns, more_ns - program_ns, more_hits - hits


def processor_time_ns(pid: int) -> int | None:
    """Give the processor time that all threads of a process took; None when it is gone (CPUCLOCK_SCHED)."""
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError:
        return None
