import dataclasses
import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pyxhon.dossier.model import Dossier
from pyxhon.report.model import CategoryUse, Location
from pyxhon.report.text import write_text
from tests.unit.report.sample import make_behaviour, make_location, make_package, make_report

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=300)
SECTIONS = ["Package", "Violations", "Behaviours by package", "Imports", "DLLs", "There before", "Coverage", "Losses"]


def written(report, **how):
    out = io.StringIO()
    write_text(report, out, **how)
    return out.getvalue()


def row_of(text, package):
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("Package"))
    return next(line for line in lines[start:] if line.startswith(package)).split()


def test_sections_come_in_the_promised_order():
    text = written(make_report())

    places = [re.search(f"^{section}", text, re.MULTILINE).start() for section in SECTIONS]

    assert places == sorted(places)


def test_the_matrix_has_the_columns_of_the_paper():
    header = next(line for line in written(make_report()).split("\n") if line.startswith("Package"))

    assert header.split() == ["Package", "Version", "Policy", "F", "N", "D", "O", "B", "Suggestion"]


def test_a_cell_tells_violations_allowed_unjudged_and_none_apart():
    behaviours = [
        make_behaviour(id="1"),
        make_behaviour(id="2", category="file", verdict="allowed"),
        make_behaviour(id="3", category="os", verdict="unjudged"),
        make_behaviour(id="4", category="os", verdict="unjudged"),
    ]

    row = row_of(written(make_report(behaviours=behaviours)), "requests")

    assert row == ["requests", "2.31.0", "F-D", "Y", "Violation(1)", "-", "2", "-", "CodeReview"]


def test_native_acts_have_their_own_line_in_a_cell():
    assert re.search(r"^ +native Y *$", written(make_report()), re.MULTILINE)


def test_the_same_behaviour_of_two_processes_is_one_violation():
    text = written(make_report())

    assert "Violations (1)" in text
    assert "15 times, 4 failed, pids 4242, 4243" in text


@pytest.mark.parametrize(
    "evidence",
    [
        "1. requests 2.31.0: network: socket.connect address=127.0.0.1:80",
        "at /srv/app/fetch.py:12 fetch",
        "decided by packages.requests.allow (F): network is not in F (no network)",
        "stack /usr/lib/python3.11/socket.py:833 create_connection",
        "an argument was cut",
        "application > requests",
    ],
)
def test_a_violation_shows_its_evidence(evidence):
    assert evidence in re.sub(r"\s+", " ", written(make_report()))


def flat(report):
    return re.sub(r"\s+", " ", written(report))


def test_long_lists_are_cut_and_say_so():
    behaviours = [make_behaviour(id=str(number), location=make_location(line=number)) for number in range(77)]

    text = written(make_report(behaviours=behaviours))

    assert "… and 22 more (--full shows them)" in text
    assert text.count("decided by") == 15
    assert "\n55. requests 2.31.0: network: socket.connect" in text


def test_violations_that_differ_only_in_arguments_are_one_block():
    behaviours = [make_behaviour(id=str(port), args={"address": f"10.0.0.1:{port}"}) for port in range(9)]

    text = flat(make_report(behaviours=behaviours))

    assert "Violations (9)" in text
    assert "1. requests 2.31.0: network: socket.connect address=10.0.0.1:0 (and 8 with other arguments)" in text
    assert "108 times" in text
    assert "2. requests" not in text


def test_forbidden_imports_are_gathered_by_package_and_category():
    behaviours = [
        make_behaviour(id=name, kind="import", name=f"import {name}", args={}, location=make_location(line=line))
        for line, name in enumerate(["socket", "ssl", "http", "email", "ftplib", "smtplib", "poplib", "imaplib"], 1)
    ]

    text = flat(make_report(behaviours=behaviours))

    assert "requests 2.31.0: network: 8 imports decided by packages.requests.allow (F)" in text
    assert "import socket at /srv/app/fetch.py:1" in text
    assert "… and 2 more" in text
    assert "N import socket, ssl, http, email, ftplib" in text


def test_many_acts_alike_share_a_line():
    behaviours = [
        make_behaviour(id=f"{line}", verdict="allowed", name="compile", location=make_location(line=line))
        for line in range(9)
    ]

    assert re.search(
        r"N compile address=127.0.0.1:80 \(and 8 more\) .108 9 places", flat(make_report(behaviours=behaviours))
    )


def test_the_most_telling_acts_of_a_package_come_first():
    behaviours = [
        make_behaviour(id="1", category="builtins", verdict="unjudged", name="compile", first_ns=1),
        make_behaviour(id="2", category="network", verdict="unjudged", name="socket.bind", first_ns=2),
        make_behaviour(id="3", category="builtins", verdict="violation", name="exec", first_ns=3),
    ]

    text = written(make_report(behaviours=behaviours)).partition("Behaviours by package")[2]

    assert text.index("exec") < text.index("socket.bind") < text.index("compile")


def test_the_folder_of_distributions_is_left_out_of_places():
    frame = make_location("/srv/venv/lib/python3.11/site-packages/requests/api.py", 59, "get")
    behaviours = [make_behaviour(location=frame, python_stack=[frame])]

    text = written(make_report(behaviours=behaviours))

    assert "at /srv/venv/lib/python3.11/site-packages/requests/api.py:59 get" in text
    assert "stack …/requests/api.py:59 get" in text


def test_processes_of_one_command_share_a_line():
    processes = [dataclasses.replace(make_report().processes[0], pid=pid, exit_code=pid % 2) for pid in range(10, 20)]

    text = flat(make_report(processes=processes))

    assert "python3 app.py: pids 10, 11, 12, 13, 14, 15 and 4 more, 5 ended with 0, 5 ended with 1" in text


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "CodeReview: 1 violation"),
        ({"behaviours": [], "packages": [make_package("a", "F", "Accept")]}, "Accept: nothing against the policy"),
        ({"behaviours": [], "packages": [], "complete": False}, "Incomplete: nothing found, but something was lost"),
        ({"behaviours": [], "packages": []}, "No policy given: nothing was judged"),
    ],
)
def test_the_outcome_is_told_in_one_line(changes, outcome):
    assert outcome in written(make_report(**changes))


def test_colour_is_used_only_when_asked_for(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "300")

    assert "\x1b" not in written(make_report())
    assert "\x1b[1;31m" in written(make_report(), is_coloured=True)


def test_markup_in_target_text_is_not_interpreted():
    hostile = "[bold red]x[/bold red] :smile: [link=http://a]b[/link]"

    assert hostile in written(make_report(behaviours=[make_behaviour(name=hostile, args={})]))


def test_five_categories_of_native_and_python_violations_fit():
    behaviours = [
        make_behaviour(id=f"{category}{level}{number}", category=category, level=level)
        for category in ("file", "network", "dll", "os", "builtins")
        for level in ("python", "native")
        for number in range(123)
    ]

    text = written(make_report(behaviours=behaviours))

    assert text.count("(123)") == 10
    assert "CodeReview" in text
    assert max(map(cell_len, text.split("\n"))) <= 100


def hostile_report(text):
    location = Location(text, None, text)
    behaviour = make_behaviour(
        package=text, name=text, args={text: text, "other": [text]}, rule=text, location=location, signals=[text],
        object=text, python_stack=[location] * 3,
    )  # fmt: skip
    report = make_report()
    interpreter = dataclasses.replace(report.processes[0].interpreter, path=text, version=text, linkage=text)
    process = dataclasses.replace(report.processes[0], argv=[text] * 20, exe=text, interpreter=interpreter)
    snapshot = dataclasses.replace(report.snapshots[0], audit_hooks=[text])
    dossier = Dossier(
        needed=[text] * 9, imports={"file": [text] * 9, text: [text]}, library_paths=[text], init_functions=1,
        raw_syscalls=1, raw_syscall_functions=[text] * 9, record=text, partial=[text] * 9,
    )  # fmt: skip
    return dataclasses.replace(
        report,
        pyxhon=text,
        host=dataclasses.replace(report.host, kernel=text),
        processes=[process],
        packages=[dataclasses.replace(make_package(text, text, None), version=text)],
        behaviours=[behaviour, dataclasses.replace(behaviour, id="b9", verdict="allowed", level="native")],
        imports=[dataclasses.replace(row, importer=text, module=text, location=location) for row in report.imports],
        dlls=[dataclasses.replace(report.dlls[0], path=text, package=text, loaded_by=text, dossier=dossier)],
        losses={text: 3},
        snapshots=[snapshot],
        counters=[dataclasses.replace(report.counters[0], signal=text)],
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_TEXT, st.integers(1, 300))
def test_hostile_text_everywhere_stays_printable_and_within_the_columns(text, columns):
    lines = written(hostile_report(text), columns=columns).split("\n")

    assert all(line.isprintable() for line in lines)
    assert max(map(cell_len, lines)) <= min(max(columns, 72), 100)


def test_dlls_of_third_parties_say_what_they_can_do():
    dossier = Dossier(
        needed=["libevil.so", "libc.so.6"], imports={"file": ["unlink"], "os": ["execve", "fork"]}, init_functions=3,
        init_functions_of_compiler=2, library_paths=["/opt"], rpath=True, raw_syscalls=6,
        raw_syscall_functions=["one", "two"], writable_code=True, unwind=False, record="changed since installation",
    )  # fmt: skip
    row = dataclasses.replace(make_report().dlls[0], path="/srv/site-packages/evil.so", package="evil", dossier=dossier)

    lines = written(dataclasses.replace(make_report(), dlls=[row])).split("\n")

    assert "    needs libevil.so; imports file (unlink), os (execve, fork); runs 1 constructor when loaded;" in lines
    assert "    RPATH /opt" in lines
    warning = "changed since installation; 6 raw system call instructions in one, two; writable code"
    assert any(line.startswith(f"    {warning}") for line in lines)


def test_dlls_of_the_system_say_nothing_unless_they_were_changed():
    dossier = Dossier(needed=["libx.so.1"], imports={"os": ["fork"]}, raw_syscalls=3)
    row = dataclasses.replace(make_report().dlls[1], dossier=dossier)
    changed = dataclasses.replace(row, dossier=dataclasses.replace(dossier, record="changed since installation"))

    assert "libx.so.1" not in written(dataclasses.replace(make_report(), dlls=[row]))
    assert "changed since installation" in written(dataclasses.replace(make_report(), dlls=[changed]))


def test_megabyte_names_give_a_short_report():
    assert len(written(hostile_report("x" * 1048576))) < 30_000


def test_place_without_a_file_is_a_question_mark():
    row = make_behaviour(location=make_location(file=None, line=None, function=None))

    assert "at ?:?" in written(make_report(behaviours=[row]))


def test_idle_packages_are_named_apart_from_the_matrix():
    idle = make_package("idle", None, None, file=CategoryUse("none", 0, 0, 0))

    assert "1 package loaded and idle: idle" in written(make_report(packages=[idle]))
