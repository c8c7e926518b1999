"""Runs the tests that come with a distribution, in the sandbox; by any Python since 3.8: `run_tests.py NAME`."""

import importlib.metadata
import re
import sys

TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|tests?\.py")
FOLDERS = {"test", "tests"}
NOTHING_COLLECTED = 5


def main():
    """Let pytest run what the distribution's RECORD has of tests."""
    found = [path for path in importlib.metadata.files(sys.argv[1]) or () if ".." not in path.parts]
    tests = [str(path.locate()) for path in found if is_test(path)]
    if not tests:
        print("no tests come with " + sys.argv[1])
        return 0
    import pytest

    status = pytest.main(["-q", "-p", "no:cacheprovider", "--assert=plain", "--import-mode=importlib", *tests])
    return 0 if status == NOTHING_COLLECTED else int(status)


def is_test(path):
    """Tell whether a file has tests."""
    *folders, name = path.parts
    is_python = name.endswith(".py") and not name.startswith("__")
    return bool(TEST_FILE.fullmatch(name)) or (is_python and name.startswith("test") and bool(FOLDERS & set(folders)))


if __name__ == "__main__":
    sys.exit(main())
