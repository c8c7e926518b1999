"""Completion as it is when installed, in real shells on a terminal."""

import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from pyxhon.cli import COMMANDS, run_command_line
from pyxhon.cli.completion import SHELLS
from tests.interpreters import CHECKOUT

LIMIT_S = 10
PROMPT = "$> "
BASH = """
source {share}/bash-completion/completions/pyxhon
PS1='{prompt}'
"""
ZSH = """
fpath=({share}/zsh/site-functions $fpath)
autoload -U compinit
compinit -u
unsetopt automenu autoremoveslash
setopt interactivecomments
PROMPT='{prompt}'
"""
FISH = """
source {share}/fish/vendor_completions.d/pyxhon.fish
set -g fish_autosuggestion_enabled 0
set -g fish_greeting
function fish_prompt; echo -n '{prompt}'; end
"""
COMPLETED = {
    "pyxhon att": "pyxhon attach",
    "pyxhon policy le": "pyxhon policy learn",
    "true | pyxhon report t --excl": "true | pyxhon report t --exclude-stdlib",
    "pyxhon report t --format js": "pyxhon report t --format json",
    "pyxhon report t --format=speed": "pyxhon report t --format=speedscope",
    "pyxhon report tra": "pyxhon report trace.pyxhon",
    "pyxhon report t --policy=stri": "pyxhon report t --policy=strict.yaml",
    r"pyxhon policy check a\ p": r"pyxhon policy check a\ policy.yaml",
    "pyxhon policy show builtin:cryp": "pyxhon policy show builtin:cryptography",
    "pyxhon attach 1 --policy=builtin:cryp": "pyxhon attach 1 --policy=builtin:cryptography",
    "pyxhon run -- only-this-": "pyxhon run -- only-this-program",
    "pyxhon record -o t -- only-this-program stri": "pyxhon record -o t -- only-this-program strict.yaml",
    "pyxhon report --report subf": "pyxhon report --report subfolder/",
}
# The file that each reads when it starts, what is in it, and how it is started.
START = {
    "bash": ("bashrc", BASH, "bash --rcfile {home}/bashrc"),
    "zsh": (".zshrc", ZSH, "zsh -d"),
    "fish": (".config/fish/config.fish", FISH, "fish"),
}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where man pages and completion are installed, with a pyxhon that runs this checkout."""
    folder = tmp_path_factory.mktemp("prefix")
    program = folder / "bin/pyxhon"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -m pyxhon "$@"\n')
    program.chmod(0o755)
    (program.parent / "only-this-program").write_text("#!/bin/sh\n")
    (program.parent / "only-this-program").chmod(0o755)
    subprocess.run([CHECKOUT / "scripts/install_shell_files", folder, program], check=True)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the shells are: some files, one with a space in its name."""
    folder = tmp_path_factory.mktemp("work")
    for name in ("strict.yaml", "a policy.yaml", "trace.pyxhon"):
        (folder / name).touch()
    (folder / "subfolder").mkdir()
    return folder


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, prefix, folder, tmp_path_factory):
    """A shell on a terminal, with what is installed below the prefix."""
    with running_shell(request.param, prefix, folder, tmp_path_factory.mktemp("home")) as running:
        yield running


class Shell:
    """A shell at its prompt, in a terminal of tmux."""

    def __init__(self, name, tmux):
        self.name = name
        self._tmux = tmux

    def complete(self, line):
        """Press the tab key after a line, and give what it is then."""
        before = len(self.lines())
        # Then it is made a comment, which does nothing.
        self._tmux("send-keys", "-l", line, ";", "send-keys", "Tab", "C-a", "#", "Enter")
        self.wait(lambda lines: len(lines) > before)
        return self.lines()[-2].strip().removeprefix("#")

    def press(self, *keys):
        self._tmux("send-keys", *keys)

    def lines(self):
        """Give what is behind each prompt on the screen, the last of which has nothing yet."""
        shown = "\n" + self.shown()
        return [each.rstrip() for each in shown.split("\n" + PROMPT.rstrip())[1:]]

    def wait(self, is_so):
        end_s = time.monotonic() + LIMIT_S
        while not is_so([each.strip() for each in self.lines()]):
            assert time.monotonic() < end_s, self.shown()
            time.sleep(0.02)

    def shown(self):
        return self._tmux("capture-pane", "-p").strip("\n")


@contextmanager
def running_shell(name, prefix, folder, home):
    file, settings, command = START[name]
    (home / file).parent.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(settings.format(share=prefix / "share", prompt=PROMPT))
    environment = {
        "HOME": home, "ZDOTDIR": home, "XDG_CONFIG_HOME": home / ".config", "XDG_DATA_HOME": home / ".local",
        "PATH": f"{prefix}/bin:/usr/bin:/bin", "SHELL": "/bin/sh", "TERM": "xterm", "LC_ALL": "C.UTF-8",
    }  # fmt: skip

    def tmux(*words):
        done = subprocess.run(
            ["tmux", "-S", home / "tmux", "-f", "/dev/null", *words],
            env={key: str(value) for key, value in environment.items()},
            cwd=folder, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    tmux("new-session", "-d", "-x", "150", "-y", "100", f"exec {command}".format(home=home))
    try:
        shell = Shell(name, tmux)
        shell.wait(lambda lines: lines == [""])
        yield shell
    finally:
        tmux("kill-server")


def test_the_tab_key_completes(shell):
    assert {typed: shell.complete(typed).strip() for typed in COMPLETED} == COMPLETED


def test_the_tab_key_lists_commands_and_what_they_do(shell):
    shell.press("-l", "pyxhon ")
    shell.press("Tab", "Tab")

    shell.wait(lambda lines: any("completion" in line for line in lines))
    shown = shell.shown()
    assert [each.name for each in COMMANDS if not re.search(rf"(^|\s){each.name}(\s|$)", shown, re.MULTILINE)] == []
    assert shell.name == "bash" or "Tell what can be traced, and how." in shown


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
