"""The man pages are those of the commands, and man takes them without a complaint."""

import re
import subprocess
import sys

import click
import pytest

from tests.interpreters import CHECKOUT
from tests.unit.cli.test_command_line import every_command

MAN = CHECKOUT / "man"
PAGES = sorted(MAN.glob("*.1"))


def read_plain(page):
    """Give a page's text as an ASCII terminal shows it, on one line."""
    command = ["groff", "-man", "-Tascii", "-P-bcou", "-ww", "-rLL=2000n", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


def test_pages_are_not_stale():
    check = [sys.executable, CHECKOUT / "scripts/generate_man_pages.py", "--check"]

    assert subprocess.run(check, env={"PYTHONPATH": str(CHECKOUT)}, check=False).returncode == 0, (
        "run scripts/generate_man_pages.py"
    )


def test_there_is_a_page_for_each_command():
    names = {"-".join(("pyxhon", *path)) for path, _ in every_command()}

    assert {"pyxhon", "pyxhon-policy", *names} == {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_groff_finds_no_fault(page):
    text = read_plain(page)

    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"):
        assert f"\n{title}\n" in text


@pytest.mark.parametrize(("path", "command"), list(every_command()), ids=lambda value: str(value))
def test_a_page_has_each_option_and_example(path, command):
    text = read_plain(MAN / f"{'-'.join(('pyxhon', *path))}.1")

    options = [option for option in command.params if isinstance(option, click.Option)]
    for name in {name for option in options for name in (*option.opts, *option.secondary_opts)}:
        assert re.search(rf"^ +(-\w, |--[\w-]+, )*{name}\b", text, re.MULTILINE), name
    examples = re.findall(r"^  (pyxhon .+)$", command.epilog, re.MULTILINE)
    assert examples
    assert all(example in text for example in examples)


def test_man_shows_the_page():
    done = subprocess.run(
        ["man", "--warnings", "-l", MAN / "pyxhon-attach.1"],
        env={"PATH": "/usr/bin:/bin", "LANG": "C", "MANWIDTH": "80", "MANPAGER": "cat"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert done.stderr == ""
    assert "trace a running process" in done.stdout
