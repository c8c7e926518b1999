"""What the interpreter says of the workload is checked word by word; what is no interpreter is never started."""

import dataclasses
import os
import shutil
import sys
from pathlib import Path

import pytest

from pyxhon.cpython.calibration import Entry
from pyxhon.cpython.calibration_run import Workload, is_ours_alone, started_workload
from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.errors import CalibrationError, TargetError

NAMES = "outer=100 outer.inner=200 outer.<genexpr>=300"


@dataclasses.dataclass
class Said:
    """Stands for a process that gives these answers."""

    names: str = NAMES
    plain: str = "outer"
    oracle: str = "100:0"
    pid: int = 1

    def ask(self, line):
        return getattr(self, line)


@pytest.fixture(scope="module")
def runtime():
    return find_runtime_in_file(sys.executable)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 10, 1), [(100, False), (200, True), (300, True), (300, False), (100, True)]),
        ((3, 11, 1), [(100, False), (200, True), (100, True)]),
    ],
)
def test_what_is_thrown_is_an_entry_only_to_a_profile_function_up_to_3_10(version, expected):
    workload = Workload(
        Said(plain="outer outer.inner+ outer.<genexpr>! outer.<genexpr>? outer.<listcomp> outer+"), version
    )

    assert workload.run("plain", has_thrown=True) == tuple(Entry(*entry) for entry in expected)
    without = [(100, False), (200, True), (100, True)]
    assert workload.run("plain") == tuple(Entry(*entry) for entry in without)


def test_the_oracle_tells_of_the_workload_alone():
    workload = Workload(Said(oracle="100:0 200:1 300:2 999:0"), (3, 12))

    assert workload.run_under_oracle() == (Entry(100, is_resumption=False), Entry(200, is_resumption=True))


@pytest.mark.parametrize(
    "names", ["", "outer", "outer=", "outer=x", "outer=-1", "outer=0", "=1", "\x1b[2J=1", "a=" + "1" * 40, "ä=1"]
)
def test_names_that_are_none_are_one_error(names):
    with pytest.raises(CalibrationError, match="the calibration's workload answers"):
        Workload(Said(names=names), (3, 12)).names()


@pytest.mark.parametrize(
    "plain", ["", "inner", "outer++", "outer+!", "outer outer. outer", "\x1b[2J", "outer " * 20_001]
)
def test_entries_that_are_none_are_one_error(plain):
    with pytest.raises(CalibrationError, match="the calibration's workload answers") as raised:
        Workload(Said(plain=plain), (3, 12)).run("plain")

    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("oracle", ["", "100", "100:3", "100:0:0", "x:0", "100:0 \x1b[2J"])
def test_what_no_oracle_says_is_one_error(oracle):
    with pytest.raises(CalibrationError):
        Workload(Said(oracle=oracle), (3, 12)).run_under_oracle()


def test_a_process_that_does_not_answer_is_one_error():
    class Silent(Said):
        def ask(self, line):
            raise TargetError(f"it does not answer {line!r} in time")

    with pytest.raises(CalibrationError, match="did not run: it does not answer 'names' in time"):
        Workload(Silent(), (3, 12)).run("plain")


def test_a_program_that_has_cpython_built_in_is_not_started(runtime):
    game = dataclasses.replace(runtime, executable="/usr/games/game")

    with pytest.raises(CalibrationError, match="is no interpreter"), started_workload(game, None):
        pass


def test_an_interpreter_that_loads_another_library_is_refused(runtime):
    other = dataclasses.replace(runtime, inode=runtime.inode + 1)

    with pytest.raises(CalibrationError, match="which is not the target's interpreter"), started_workload(other, None):
        pass


def test_an_interpreter_that_others_could_have_replaced_is_not_believed(runtime, tmp_path):
    copy = tmp_path / "python3"
    shutil.copy(os.path.realpath(sys.executable), copy)
    tmp_path.chmod(0o777)

    assert not is_ours_alone(dataclasses.replace(runtime, executable=str(copy), path=str(copy)), None)
    assert is_ours_alone(runtime, None) == all(
        each.stat().st_uid in (0, os.geteuid()) and not each.stat().st_mode & 0o022
        for each in [Path(runtime.path), *Path(runtime.path).parents, *Path(runtime.executable).parents]
    )
