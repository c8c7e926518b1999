"""Can this machine run our probes: asked by trying wherever that changes nothing."""

import importlib.util
import os
import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pyxhon.bpf.syscalls import create_map, load_program
from pyxhon.doctor.finding import Finding
from pyxhon.errors import KernelError

_OLDEST_KERNEL: Final = (5, 15)  # BPF cookies tell our sites apart
_BTF: Final = Path("/sys/kernel/btf/vmlinux")
_UPROBE_PMU: Final = Path("/sys/bus/event_source/devices/uprobe/type")
_LOCKDOWN: Final = Path("/sys/kernel/security/lockdown")
_HEADERS: Final = Path("/usr/include/linux/types.h")
# Bits of include/uapi/linux/capability.h.
_SYS_PTRACE, _SYS_ADMIN, _PERFMON, _BPF = 19, 21, 38, 39
# enum bpf_map_type, bpf_prog_type (uprobes are of type kprobe) and BPF_F_SLEEPABLE.
_ARRAY, _RING_BUFFER, _KPROBE, _SLEEPABLE = 2, 27, 2, 1 << 4
_PAGE_BYTES: Final = 4096
_NOTHING: Final = bytes.fromhex("b700000000000000 9500000000000000")  # returns 0
_PRIVILEGES: Final = (
    "run with sudo; in a container add --privileged, or --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE --pid host"
)


def examine_kernel() -> Iterator[Finding]:
    """Give one finding per thing that tracing needs of this machine."""
    yield _examine_version()
    yield _examine_capabilities()
    yield _examine_lockdown()
    yield _examine_file("kernel type information", _BTF, "use a kernel built with CONFIG_DEBUG_INFO_BTF")
    yield _ask("bpf system call", lambda: create_map(_ARRAY, (4, 8, 1), 0, "doctor"), _PRIVILEGES)
    yield _ask(
        "ring buffer", lambda: create_map(_RING_BUFFER, (0, 0, _PAGE_BYTES), 0, "doctor"), "use Linux 5.8 or later"
    )
    yield _ask("probe programs", lambda: load_program(_KPROBE, "doctor", _NOTHING, 0), _PRIVILEGES)
    yield _ask(
        "sleepable probes",
        lambda: load_program(_KPROBE, "doctor", _NOTHING, _SLEEPABLE),
        "none needed: text not in memory is read from its file instead; Linux 6.0 or later has them",
        is_required=False,
    )
    yield _examine_file("user probes", _UPROBE_PMU, "use a kernel built with CONFIG_UPROBE_EVENTS")
    yield _examine_bcc()
    yield _examine_file("kernel API headers", _HEADERS, "install linux-libc-dev")


def _examine_version() -> Finding:
    release, machine = platform.release(), platform.machine()
    numbers = re.match(r"(\d+)\.(\d+)", release)
    version = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    oldest = ".".join(map(str, _OLDEST_KERNEL))
    is_ok = version >= _OLDEST_KERNEL and machine == "x86_64"
    return Finding("kernel", is_ok, f"Linux {release} {machine}", f"use Linux {oldest} or later on x86-64")


def _examine_capabilities() -> Finding:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    bits = int(found[1], 16) if found else 0
    is_admin = bool(bits >> _SYS_ADMIN & 1)
    wanted = {"CAP_BPF": _BPF, "CAP_PERFMON": _PERFMON, "CAP_SYS_PTRACE": _SYS_PTRACE}
    missing = [name for name, bit in wanted.items() if not bits >> bit & 1 and not (is_admin and bit != _SYS_PTRACE)]
    detail = f"missing {', '.join(missing)}" if missing else "BPF, PERFMON, SYS_PTRACE"
    return Finding("capabilities", not missing, detail, _PRIVILEGES)


def _examine_lockdown() -> Finding:
    try:
        text = _LOCKDOWN.read_text(encoding="ascii", errors="replace")
    except OSError:
        return Finding("lockdown", is_ok=True, detail="none")
    active = re.search(r"\[(\w+)\]", text)
    mode = active[1] if active else "none"
    remedy = "boot without lockdown=confidentiality: it keeps BPF from reading memory"
    return Finding("lockdown", mode != "confidentiality", mode, remedy)


def _ask(name: str, attempt: Callable[[], int], remedy: str, *, is_required: bool = True) -> Finding:
    """Get a map or a program and give it back at once: what the kernel does is what it can."""
    try:
        os.close(attempt())
    except KernelError as error:
        return Finding(name, is_ok=False, detail=str(error.args[0]), remedy=remedy, is_required=is_required)
    except OSError as error:
        return Finding(name, is_ok=False, detail=str(error.strerror), remedy=remedy, is_required=is_required)
    return Finding(name, is_ok=True, detail="works", is_required=is_required)


def _examine_file(name: str, path: Path, remedy: str) -> Finding:
    is_there = path.exists()
    return Finding(name, is_there, str(path) if is_there else f"{path} is missing", remedy)


def _examine_bcc() -> Finding:
    is_there = importlib.util.find_spec("bcc") is not None
    remedy = "install python3-bpfcc; an environment of PyXhon's own needs --system-site-packages"
    return Finding("bcc", is_there, "importable" if is_there else "cannot be imported", remedy)
