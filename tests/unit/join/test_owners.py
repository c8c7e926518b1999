"""Who answers for an act."""

import pytest

from pyxhon.join import Joiner
from pyxhon.policy.parse import load_categories
from pyxhon.trace.reader import open_trace
from tests.unit.join.recording import (
    APP,
    APP_MODULE,
    FILES,
    HOOK,
    IMPORT,
    NAMEDTUPLE,
    OTHER,
    PKG,
    PKG_MODULE,
    POPEN,
    REQUEST,
    REQUEST_MODULE,
    RUN,
    SITE,
    SITE_MODULE,
    STRING,
    THREAD,
    Recording,
)


def owner_of(recording, frames, **columns):
    """Give the one behaviour of reading a file with this stack."""
    recording.audit("open", ["/etc/hosts", "r", 0], frames, **columns)
    (behaviour,) = recording.join().behaviours
    return behaviour


def test_innermost_package_owns_the_act(recording):
    behaviour = owner_of(recording, [OTHER, PKG, APP])

    assert (behaviour.owner.name, behaviour.owner.version, behaviour.owner.origin) == ("other", "2", "distribution")
    assert behaviour.chain == ("application", "Pkg", "other")
    assert (behaviour.location.line, behaviour.location.function) == (30, "helper")


def test_standard_library_acts_for_its_caller(recording):
    behaviour = owner_of(recording, [POPEN, PKG, APP])

    assert behaviour.owner.name == "Pkg"
    assert (behaviour.location.file, behaviour.location.line) == (f"{SITE}/pkg/core.py", 20)
    assert behaviour.python_stack[0].function == "Popen.__init__"


def test_application_is_an_owner_as_any(recording):
    behaviour = owner_of(recording, [POPEN, APP])

    assert (behaviour.owner.name, behaviour.chain) == ("application", ("application",))


def test_standard_library_alone_owns_its_acts(recording):
    assert owner_of(recording, [REQUEST, THREAD]).owner.name == "stdlib"


def test_cut_stack_without_a_package_is_nobodys(recording):
    assert owner_of(recording, [REQUEST, THREAD], is_stack_truncated=True).owner.name == "unknown"


def test_cut_stack_with_a_package_is_the_packages(recording):
    assert owner_of(recording, [REQUEST, PKG], is_stack_truncated=True).owner.name == "Pkg"


def test_unreadable_frame_may_be_anybodys(recording):
    assert owner_of(recording, [REQUEST, (None, "?", 1), PKG]).owner.name == "unknown"


def test_file_that_was_never_decided_may_be_anybodys(recording):
    assert owner_of(recording, [("/never/seen.py", "f", 1), PKG]).owner.name == "unknown"


def test_file_decided_later_changes_a_live_answer(recording):
    recording.audit("os.remove", ["/x", -1], [("/late.py", "f", 1), PKG])
    recording.store.add_events(recording.rows)
    recording.store.commit(is_forced=True)
    with open_trace(recording.path) as reader:
        joiner = Joiner(reader, load_categories())
        before = joiner.join(reader.events()).behaviours[0].owner.name
        recording.store.add_file(0, "/late.py", FILES[f"{SITE}/other/mod.py"])
        recording.store.commit(is_forced=True)
        after = joiner.join(reader.events()).behaviours[0].owner.name

    assert (before, after) == ("unknown", "other")


def test_code_made_by_exec_belongs_to_whoever_runs_it(recording):
    behaviour = owner_of(recording, [STRING, PKG, APP])

    assert (behaviour.owner.name, behaviour.location.line) == ("Pkg", 20)


def test_code_from_the_command_line_is_the_applications(tmp_path):
    recording = Recording(tmp_path, arguments=["python", "-X", "dev", "-Ic", "open('/etc/hosts')"])

    assert owner_of(recording, [("<string>", "f", 1), THREAD]).owner.name == "application"


def test_outermost_code_without_a_file_is_the_applications(tmp_path):
    recording = Recording(tmp_path, arguments=["uwsgi", "--ini", "x"])

    assert owner_of(recording, [("<string>", "f", 1), STRING]).owner.name == "application"


@pytest.mark.parametrize(
    "arguments", [["python", "app.py", "-c", "x"], ["gunicorn", "-mserver", "-c", "x"], ["python", "-W", "x", "a"]]
)
def test_code_without_a_file_in_a_thread_of_a_program_is_nobodys(tmp_path, arguments):
    recording = Recording(tmp_path, arguments=arguments)

    assert owner_of(recording, [("<string>", "<lambda>", 1), THREAD]).owner.name == "unknown"


def test_cell_run_by_ipython_is_the_applications(recording):
    behaviour = owner_of(recording, [STRING, (f"{SITE}/IPython/core.py", "run_code", 3526), APP])

    assert (behaviour.owner.name, behaviour.location.file) == ("application", "<string>")


def test_ipythons_own_act_is_its_own(recording):
    assert owner_of(recording, [(f"{SITE}/IPython/core.py", "run_code", 3526), APP]).owner.name == "ipython"


def test_body_of_a_standard_module_acts_for_itself_while_it_is_imported(recording):
    behaviour = owner_of(recording, [NAMEDTUPLE, REQUEST_MODULE, *RUN, *IMPORT, PKG, APP])

    assert (behaviour.owner.name, behaviour.location.function) == ("stdlib", "namedtuple")
    assert behaviour.chain == ("application", "Pkg", "stdlib")


def test_body_of_a_packages_module_acts_for_the_package(recording):
    assert owner_of(recording, [PKG_MODULE, *RUN, *IMPORT, APP_MODULE]).owner.name == "Pkg"


def test_body_of_a_module_without_a_file_is_nobodys(recording):
    assert owner_of(recording, [STRING, *RUN, *IMPORT, PKG, APP]).owner.name == "unknown"


def test_code_that_an_import_hook_runs_belongs_to_the_hook(recording):
    assert owner_of(recording, [STRING, HOOK, *RUN[2:], *IMPORT, APP]).owner.name == "hook"


def test_line_of_a_pth_file_belongs_to_the_distribution_that_installed_it(recording):
    recording.audit("open", [f"{SITE}/start.pth", "r", 0], [SITE_MODULE])
    recording.audit("os.putenv", ["A", "1"], [STRING, SITE_MODULE])
    recording.statement("socket", [STRING, SITE_MODULE])

    found = {behaviour.name: behaviour.owner.name for behaviour in recording.join().behaviours}

    assert found == {"open": "stdlib", "os.putenv": "starter", "import socket": "starter"}


def test_line_of_an_unknown_pth_file_is_nobodys(recording):
    recording.audit("open", [f"{SITE}/other.pth", "r", 0], [SITE_MODULE])
    recording.audit("os.putenv", ["A", "1"], [STRING, SITE_MODULE])

    assert recording.join().behaviours[-1].owner.name == "unknown"


def test_act_before_any_frame_is_the_interpreters(recording):
    recording.audit("os.putenv", ["A", "1"], [])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.owner.name, behaviour.level, behaviour.location) == ("stdlib", "python", None)


def test_file_named_like_the_import_system_is_not_trusted(recording):
    recording.store.add_file(0, "/x/importlib/_bootstrap.py", FILES[f"{SITE}/other/mod.py"])
    frames = [("/x/importlib/_bootstrap.py", "_find_and_load", 1), APP]

    assert owner_of(recording, frames).owner.name == "other"
