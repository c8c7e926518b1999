"""A small report with one of everything, for the tests of the formats."""

import dataclasses

from pyxhon.categories import CATEGORIES
from pyxhon.dossier.model import Dossier
from pyxhon.report.model import (
    SCHEMA,
    Behaviour,
    CategoryUse,
    Counter,
    Coverage,
    Detail,
    Dll,
    Host,
    Import,
    Interpreter,
    Location,
    Module,
    OpenFile,
    Package,
    Process,
    Report,
    Snapshot,
)

COVERAGE = Coverage("uprobe sys_audit_tstate", "uprobe import", "off", "off", "off")
INTERPRETER = Interpreter("3.11.2", "/usr/bin/python3.11", "ab" * 20, "static", stripped=True)
NONE = CategoryUse("none", 0, 0, 0)


def make_location(file="/srv/app/fetch.py", line=12, function="fetch"):
    return Location(file, line, function)


def make_package(name, policy, suggestion, **categories):
    cells = {category: categories.get(category, NONE) for category in CATEGORIES}
    return Package(name, "2.31.0", "distribution", policy, cells, suggestion)


def make_import(module, package, category, *, transitive=False):
    return Import("requests", module, package, category, transitive, make_location(), 1)


def make_behaviour(**changes):
    row = Behaviour(
        id="b1",
        package="requests",
        category="network",
        level="python",
        verdict="violation",
        rule="packages.requests.allow (F)",
        kind="audit",
        name="socket.connect",
        args={"address": "127.0.0.1:80"},
        result=None,
        count=12,
        first_ns=1000,
        last_ns=2000,
        pid=4242,
        tid=4242,
        location=make_location(),
        instruction=None,
        object=None,
        python_stack=[make_location("/usr/lib/python3.11/socket.py", 833, "create_connection"), make_location()],
        native_stack=[],
        signals=["uprobe sys_audit_tstate"],
    )
    return dataclasses.replace(row, **changes)


def make_report(**changes):
    native = make_behaviour(id="b2", level="native", name="dlopen", category="dll", verdict="allowed", args={})
    report = Report(
        schema=SCHEMA,
        pyxhon="0.1.0",
        host=Host("6.18.44", "x86_64", "vm"),
        started="2025-11-22T17:40:12.000000Z",
        ended="2025-11-22T17:40:20.000000Z",
        duration_s=8.0,
        processes=[
            Process(4242, 1, "/usr/bin/python3.11", ["python3", "app.py"], 0, INTERPRETER, COVERAGE),
            Process(4243, 4242, "/usr/bin/true", ["true"], None, None, COVERAGE),
        ],
        packages=[
            make_package(
                "requests",
                "F-D",
                "CodeReview",
                network=CategoryUse("violation", 1, 0, 0),
                dll=CategoryUse("allowed", 0, 1, 0),
            ),
            make_package("idna", None, "Accept"),
        ],
        behaviours=[make_behaviour(), make_behaviour(pid=4243, count=3, first_ns=1500), native],
        imports=[
            make_import("socket", "stdlib", "network"),
            make_import("idna", "idna", None),
            make_import("signal", "stdlib", "os", transitive=True),
        ],
        dlls=[
            Dll("/lib/libssl.so.3", "0" * 64, None, None, "requests", make_location(), Dossier()),
            Dll("/lib/libc.so.6", "1" * 64, "cd" * 20, None, None, None, Dossier()),
        ],
        calls=[],
        not_exercised=[],
        losses={"python_stack_truncated": 2},
        complete=True,
        details=[
            Detail(
                "b1",
                4242,
                4,
                truncated=True,
                chain=["application", "requests"],
                reason="network is not in F",
                policy_reason="no network",
            )
        ],
        snapshots=[
            Snapshot(
                4242,
                [Module("sys", None, extension=False)],
                [4242],
                [OpenFile(3, "socket", "tcp 127.0.0.1:8000")],
                ["<function hook at app.py>"],
            )
        ],
        counters=[Counter("audit", 20, 3, 17, 0)],
    )
    return dataclasses.replace(report, **changes)
