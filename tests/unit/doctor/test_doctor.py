import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon import doctor
from pyxhon.bpf.syscalls import SystemCallError
from pyxhon.doctor import kernel
from pyxhon.doctor.finding import Finding
from pyxhon.doctor.interpreter import examine_file, examine_process


def find(findings, name):
    return next(finding for finding in findings if finding.name == name)


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("bcc", is_ok=True, detail="importable", remedy="install it"), "OK  bcc: importable"),
        (Finding("bcc", is_ok=False, detail="missing", remedy="install it"), "NO  bcc: missing; install it"),
        (
            Finding("sleep", is_ok=False, detail="refused", remedy="none", is_required=False),
            "NO  sleep (not required): refused; none",
        ),
        (Finding("process", is_ok=True, detail="evil\x1b[2J\n"), "OK  process: evil\\x1b[2J\\n"),
    ],
)
def test_a_finding_is_one_line(finding, line):
    assert doctor.describe_finding(finding) == line


@pytest.mark.parametrize(("is_ok", "is_required", "status"), [(True, True, 0), (False, False, 0), (False, True, 1)])
def test_only_what_is_required_keeps_from_tracing(monkeypatch, is_ok, is_required, status):
    finding = Finding("x", is_ok=is_ok, detail="", is_required=is_required)
    monkeypatch.setattr(doctor, "examine_kernel", lambda: [finding])

    assert doctor.diagnose(None) == status


@pytest.mark.parametrize(
    ("constant", "name"),
    [("_BTF", "kernel type information"), ("_UPROBE_PMU", "user probes"), ("_HEADERS", "kernel API headers")],
)
def test_a_missing_file_is_named_with_its_remedy(monkeypatch, constant, name):
    monkeypatch.setattr(kernel, constant, Path("/does/not/exist"))

    finding = find(kernel.examine_kernel(), name)

    assert (finding.is_ok, finding.detail) == (False, "/does/not/exist is missing")
    assert finding.remedy


@pytest.mark.parametrize(("release", "is_ok"), [("5.10.0-32-amd64", False), ("5.15.0", True), ("6.18.44", True)])
def test_an_old_kernel_is_refused(monkeypatch, release, is_ok):
    monkeypatch.setattr(kernel.platform, "release", lambda: release)
    monkeypatch.setattr(kernel.platform, "machine", lambda: "x86_64")

    assert find(kernel.examine_kernel(), "kernel").is_ok is is_ok


@pytest.mark.parametrize(
    ("text", "is_ok", "mode"),
    [
        ("[none] integrity confidentiality", True, "none"),
        ("none integrity [confidentiality]", False, "confidentiality"),
    ],
)
def test_lockdown_is_read(monkeypatch, tmp_path, text, is_ok, mode):
    (tmp_path / "lockdown").write_text(text)
    monkeypatch.setattr(kernel, "_LOCKDOWN", tmp_path / "lockdown")

    finding = find(kernel.examine_kernel(), "lockdown")

    assert (finding.is_ok, finding.detail) == (is_ok, mode)


def test_a_kernel_without_bpf_is_told(monkeypatch):
    def refuse(*_):
        raise SystemCallError(38, "Function not implemented")

    monkeypatch.setattr(kernel, "create_map", refuse)

    finding = find(kernel.examine_kernel(), "bpf system call")

    assert (finding.is_ok, finding.detail) == (False, "Function not implemented")


@pytest.mark.parametrize(
    ("bits", "missing"),
    [
        (0, "missing CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE"),
        (1 << 21, "missing CAP_SYS_PTRACE"),
        (1 << 19 | 1 << 21, "BPF, PERFMON, SYS_PTRACE"),
        (1 << 19 | 1 << 38 | 1 << 39, "BPF, PERFMON, SYS_PTRACE"),
        (1 << 19 | 1 << 39, "missing CAP_PERFMON"),
    ],
)
def test_missing_capabilities_are_named(monkeypatch, bits, missing):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"Name:\tx\nCapEff:\t{bits:016x}\n")

    assert find(kernel.examine_kernel(), "capabilities").detail == missing


def test_the_sites_of_this_interpreter_are_listed():
    findings = list(examine_file(sys.executable))

    assert find(findings, "interpreter").detail.startswith("CPython 3.")
    assert "emulated" in find(findings, "audit events").detail


def test_a_running_interpreter_is_examined():
    findings = list(examine_process(os.getpid()))

    assert find(findings, "process").detail.startswith(f"pid {os.getpid()}")
    assert find(findings, "audit events").is_ok


def test_a_process_that_is_not_python_is_told():
    process = subprocess.Popen(["sleep", "30"])
    try:
        finding = find(examine_process(process.pid), "interpreter")
    finally:
        process.kill()
        process.wait()

    assert not finding.is_ok


def test_a_pid_that_is_not_there_is_told():
    assert not find(examine_process(2**22 + 1), "process").is_ok


def test_a_file_that_is_no_interpreter_is_told(tmp_path):
    (tmp_path / "x").write_text("not ELF")

    assert not find(examine_file(str(tmp_path / "x")), "interpreter").is_ok
