"""Reports to be looked at in a browser: one of everything, and as many behaviours as are wanted."""

import dataclasses

from pyxhon.dossier.model import Dossier
from pyxhon.report.exercise_model import Exercise, NotExercisedDetail
from pyxhon.report.html import write_html
from pyxhon.report.instruction_model import Instruction
from pyxhon.report.model import (
    Call,
    CallArguments,
    CallDetail,
    Callee,
    CodeObject,
    CodeStep,
    Detail,
    Dll,
    Load,
    Maker,
    NativeFrame,
    NotExercised,
)
from tests.unit.report.sample import make_behaviour, make_import, make_location, make_report

SOURCE = "b'def f(x):\\n    return \"text\" + str(42)  # why'"
NATIVE = [NativeFrame("/lib/libc.so.6", "connect", 0x1234), NativeFrame("/lib/libc.so.6", None, 0x99)]
INSTRUCTION = Instruction(
    "CALL", 236, "2", 451, code="9c" * 32, expression="open(path, 'rb')", surroundings=("branch",)
)


def make_detail(behaviour, **changes):
    detail = Detail(behaviour.id, behaviour.pid, 0, truncated=False, chain=[], reason=None, policy_reason=None)
    return dataclasses.replace(detail, **changes)


def make_page_report(**changes):
    """One of everything: a violation with a mixed stack, acts of three packages and levels."""
    violation = make_behaviour(native_stack=NATIVE, instruction=INSTRUCTION, result="EINPROGRESS")
    native = make_behaviour(
        id="b2", level="native", kind="syscall", name="openat", category="file", verdict="allowed", package="numpy",
        args={"path": "/srv/data.npy"}, first_ns=4_000_000_000, last_ns=5_000_000_000, object="/lib/libblas.so",
    )  # fmt: skip
    detached = dataclasses.replace(
        native, id="b3", level="detached", verdict="unjudged", first_ns=8_000_000_000, last_ns=9_000_000_000
    )
    acts = [violation, native, detached]
    details = [
        make_detail(
            violation, failed=4, truncated=True, chain=["application", "requests"], reason="network is not in F",
            policy_reason="no network", mixed_stack=["n0", "n1", "p0", "?", "p1"], native_confidence="exact",
            made_by=Maker("thread", "4244", "requests", "/lib/libx.so", make_location()), instructions=["2 CALL", None],
        ),
        make_detail(native),
        make_detail(detached),
    ]  # fmt: skip
    dossier = Dossier(
        needed=["libm.so.6"], imports={"network": ["connect"]}, raw_syscalls=3, packed=True, stripped=True
    )
    return make_report(
        behaviours=acts,
        details=details,
        imports=[make_import("socket", "stdlib", "network"), make_import("numpy", "numpy", None)],
        dlls=[Dll("/lib/libblas.so", "ab" * 32, "cd" * 20, "numpy", "numpy", make_location(), dossier)],
        loads=[Load("/lib/libblas.so", 4242, "needed", "/lib/libx.so", "numpy", make_location())],
        calls=[Call(Callee("/srv/app.py", "main", 3, "application"), Callee(None, "socket.send", None, None), 7)],
        call_details=[
            CallDetail("c", None, 1, had_run=False, name="socket.send", arguments=[CallArguments({"data": "x"}, 9, 7)])
        ],
        code=[
            CodeObject(
                "12" * 32, "<string>", "f", 1, "requests", [CodeStep("compile", make_location(), SOURCE)], ["b1"], 1,
                ran=False,
                cut=False,
                disassembly=["     1      0 RESUME               0", "            2 LOAD_CONST           'text'"],
            )
        ],
        not_exercised=[NotExercised("requests", "call", "os.system", make_location())],
        not_exercised_details=[NotExercisedDetail("os", sure=True)],
        exercise=[
            Exercise(
                "requests", "2.31", 18, {}, {"call": 2}, {"call": 1}, {"call": 0}, 240, 93, 38.8, began_late=False
            )
        ],
        **changes,
    )  # fmt: skip


def make_many(count):
    """As many behaviours of some packages, each with arguments and a place of its own."""
    outer = [make_location("/srv/app/fetch.py", 12 + depth, "fetch") for depth in range(20)]
    inner = [make_location("/usr/lib/python3.11/csv.py", 1 + line, "read") for line in range(5000)]
    acts = [
        make_behaviour(
            id=f"{number:016x}", package=f"package{number % 37}", category=("file", "network", "os")[number % 3],
            verdict="violation" if number % 1000 == 0 else "allowed", name="open", count=1 + number % 9,
            args={"path": f"/srv/data/{number}/table.csv", "mode": "r"}, first_ns=number * 1000, last_ns=number * 2000,
            python_stack=[inner[number % 5000], *outer],
        )
        for number in range(count)
    ]  # fmt: skip
    return make_report(behaviours=acts, details=[])


def write_page(report, path, **how):
    with path.open("w", encoding="utf-8") as out:
        write_html(report, out, **how)
    return path
