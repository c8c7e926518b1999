"""Whether a build has a JIT, whether that is on by default, and whether it is in a process."""

import subprocess

import pytest

from pyxhon.cpython.jit import Jit, find_jit
from pyxhon.cpython.program import ignores_environment
from pyxhon.target.elf import open_image

# What init_interp_main does (Python/pylifecycle.c, 3.14).
_SOURCE = """
#include <stdlib.h>
struct interpreter { long a; void *watcher; char rest[500]; char jit; };
struct config { int perf; };
int watch(int);
void warn(void);
int initialize(struct interpreter *self, struct config *config)
{
	int enabled = %d;
	char *variable = getenv("PYTHON_JIT");
	if (variable && *variable != 0)
		enabled = *variable != '0';
	if (enabled) {
		if (config->perf > 0)
			warn();
		else
			self->jit = 1;
	}
	self->watcher = &watch;
	return watch(0);
}
const char *other = "PYTHON_JIT_STRESS";
"""


def build(folder, source, optimization="-O2"):
    (folder / "made.c").write_text(source)
    library = folder / "made.so"
    command = ["gcc", optimization, "-shared", "-fPIC", "-o", str(library), str(folder / "made.c")]
    subprocess.run(command, check=True)
    return library


@pytest.mark.parametrize("optimization", ["-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("is_default", [True, False])
def test_the_default_is_told_by_what_happens_without_the_variable(tmp_path, optimization, is_default):
    with open_image(str(build(tmp_path, _SOURCE % is_default, optimization))) as image:
        assert find_jit(image, (3, 14, 2)) == Jit(is_default)


def test_before_3_14_the_default_is_not_known(tmp_path):
    with open_image(str(build(tmp_path, _SOURCE % 1))) as image:
        assert find_jit(image, (3, 13, 0)) == Jit(None)
        assert find_jit(image, (3, 12, 0)) is None


def test_without_the_variable_there_is_no_jit(tmp_path):
    source = (_SOURCE % 1).replace('"PYTHON_JIT"', '"PYTHON_JIT_STRESS"')

    with open_image(str(build(tmp_path, source))) as image:
        assert find_jit(image, (3, 14, 0)) is None


def test_code_of_another_form_tells_no_default(tmp_path):
    with open_image(str(build(tmp_path, 'const char *get(void) { return "PYTHON_JIT"; }'))) as image:
        assert find_jit(image, (3, 14, 0)) == Jit(None)


@pytest.mark.parametrize(
    ("is_default", "value", "options", "expected"),
    [
        (False, None, (), False),
        (True, None, (), True),
        (None, None, (), None),
        (False, "1", (), True),
        (False, "yes", (), True),
        (True, "0", (), False),
        (None, "0", (), False),
        (True, "", (), True),
        (False, "1", ("-E",), False),
        (None, "1", ("-I",), None),
    ],
)
def test_the_variable_overrides_the_default(is_default, value, options, expected):
    environment = {} if value is None else {"PYTHON_JIT": value}

    assert Jit(is_default).is_on(("python", *options, "app.py"), environment) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", False),
        ("app.py -E", False),
        ("-E app.py", True),
        ("-sI app.py", True),
        ("-W error -E app.py", True),
        ("-X utf8 app.py", False),
        ("-WE app.py", False),
        ("-m tool -E", False),
        ("-c pass -I", False),
        ("-BEc pass", True),
        ("--check-hash-based-pycs never -E app.py", True),
        ("-- -E", False),
        ("- -E", False),
    ],
)
def test_options_that_hide_variables_are_read(words, expected):
    assert ignores_environment(["python", *words.split()]) is expected
