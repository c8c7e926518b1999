"""An installed PyXhon has all that it needs, and the scripts that install it do so once."""

import re
import subprocess
import sys
import time
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from pyxhon import __version__, resources
from tests.interpreters import CHECKOUT

# Installed files that are not Python, by where they come from in the checkout.
_DATA = {
    "probes": "pyxhon/_data/probes",
    "policies": "pyxhon/_data/policies",
    "pyxhon/trace": "pyxhon/trace",
    "pyxhon/cpython/layouts": "pyxhon/cpython/layouts",
    "pyxhon/report/html": "pyxhon/report/html",
}


def _files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, CHECKOUT], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def _run_installed(installed, program):
    """Run a program that sees the installed PyXhon and not this checkout, from a folder that is neither."""
    # Put before the checkout, which the environment of the tests has on its path.
    program = f"import sys; sys.path.insert(0, {str(installed)!r}); " + program
    return subprocess.run([sys.executable, "-I", "-c", program], cwd="/", capture_output=True, text=True, check=False)


@pytest.mark.parametrize("source", _DATA)
def test_the_wheel_holds_every_file_of_(source, installed):
    assert _files(CHECKOUT / source)
    assert _files(CHECKOUT / source) == _files(installed / _DATA[source])


def test_an_installed_package_finds_its_own_probes_and_policies(installed):
    program = "from pyxhon import resources; print(resources.probes_directory(), resources.policies_directory())"

    result = _run_installed(installed, program)

    data = installed / "pyxhon/_data"
    assert result.stdout.split() == [str(data / "probes"), str(data / "policies")]


def test_a_checkout_finds_the_probes_and_policies_that_are_edited():
    assert resources.probes_directory() == CHECKOUT / "probes"
    assert resources.policies_directory() == CHECKOUT / "policies"


def test_an_installed_command_says_its_version_away_from_the_checkout(installed):
    program = "from pyxhon.cli import main; sys.argv = ['pyxhon', '--version']; sys.exit(main())"

    result = _run_installed(installed, program)

    assert result.returncode == 0, result.stderr
    assert __version__ in result.stdout


def test_the_wheel_is_of_this_version(wheel):
    assert f"-{__version__}-" in wheel.name


def test_the_wheel_asks_only_for_what_is_explained(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    wanted = Parser().parsestr(metadata.read_text()).get_all("Requires-Dist")
    explained = (CHECKOUT / "docs/dependencies.md").read_text().lower()

    unexplained = [one for one in wanted if f"`{re.split('[^A-Za-z0-9._-]', one)[0].lower()}`" not in explained]

    assert unexplained == []


def test_setup_does_nothing_when_nothing_is_missing():
    start_s = time.monotonic()

    result = subprocess.run([CHECKOUT / "scripts/setup", "--dev"], capture_output=True, text=True, check=True)

    assert (result.stdout, result.stderr) == ("", "")
    assert time.monotonic() - start_s < 5


@pytest.mark.parametrize("script", ["setup", "install", "demo", "make_rootfs"])
def test_an_unknown_argument_is_refused_in_one_line_by_(script):
    result = subprocess.run([CHECKOUT / "scripts" / script, "--wrong"], capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(rf"{script}: .+\n", result.stderr)


@pytest.mark.full
def test_the_demo_ends_in_a_report(needs_bpf):
    result = subprocess.run(
        [CHECKOUT / "scripts/demo"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )

    assert result.returncode == 0, result.stderr
    assert "urllib3" in result.stdout
