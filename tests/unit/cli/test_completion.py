"""Completion as it is when installed, in a real bash."""

import os
import shutil
import subprocess
import sys

import pytest

from pyxhon.cli import COMMANDS, run_command_line
from pyxhon.cli.completion import SHELLS
from pyxhon.cli.options import CALL_FORMATS
from tests.interpreters import CHECKOUT

# What bash does when the tab key is pressed, for completions that are registered with `complete -F`.
PRESS_TAB = """
source "$1"
shift
function=$(complete -p pyxhon); function=${function#*-F }; function=${function%% *}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
compopt() { local IFS=" "; echo "compopt $*"; }
"$function" pyxhon "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where man pages and completion are installed, with a pyxhon that runs this checkout."""
    folder = tmp_path_factory.mktemp("prefix")
    program = folder / "bin/pyxhon"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -m pyxhon "$@"\n')
    program.chmod(0o755)
    subprocess.run([CHECKOUT / "scripts/install_shell_files", folder, program], check=True)
    return folder


@pytest.fixture
def press_tab(prefix):
    """Press the tab key after words, the last of which may be begun or empty."""

    def press(*words):
        script = prefix / "share/bash-completion/completions/pyxhon"
        path = f"{prefix}/bin:{os.environ['PATH']}"
        command = ["bash", "--norc", "-c", PRESS_TAB, "bash", script, *words]
        done = subprocess.run(
            command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stderr == ""
        return done.stdout.split("\n")[:-1]

    return press


def test_bash_completes_commands(press_tab):
    assert press_tab("pyxhon", "") == [command.name for command in COMMANDS]
    assert press_tab("pyxhon", "att") == ["attach"]
    assert press_tab("pyxhon", "policy", "") == ["check", "learn", "list", "show"]


def test_bash_completes_options_and_their_values(press_tab):
    assert press_tab("pyxhon", "report", "t.pyxhon", "--exc") == ["--exclude-stdlib"]
    formats = press_tab("pyxhon", "report", "--format", "")
    assert {"text", "json", "sarif", "markdown", *CALL_FORMATS} <= set(formats)


@pytest.mark.parametrize(
    "words", [("report", ""), ("attach", "1", "--policy", ""), ("run", "py"), ("report", "t", "--report", "")]
)
def test_bash_completes_files_itself(press_tab, words):
    assert press_tab("pyxhon", *words) == ["compopt -o default", ""]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_script(prefix, shell):
    name = {"zsh": "zsh/site-functions/_pyxhon", "fish": "fish/vendor_completions.d/pyxhon.fish"}[shell]
    script = prefix / "share" / name

    text = script.read_text()
    assert f"_PYXHON_COMPLETE={shell}_complete" in text
    assert shell != "zsh" or text.startswith("#compdef pyxhon\n")
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)


def test_an_unknown_shell_is_wrong_usage(capsys):
    assert run_command_line(["completion", "tcsh"]) == 2
    said = capsys.readouterr().err
    assert all(shell in said for shell in SHELLS)


def test_man_pages_are_installed(prefix):
    installed = {path.name: path.read_text() for path in (prefix / "share/man/man1").iterdir()}

    assert installed == {path.name: path.read_text() for path in (CHECKOUT / "man").iterdir()}


def test_installing_without_a_pyxhon_that_runs_fails(tmp_path):
    done = subprocess.run(
        [CHECKOUT / "scripts/install_shell_files", tmp_path, tmp_path / "none"], capture_output=True, check=False
    )

    assert done.returncode == 1
    assert b"does not run" in done.stderr
