"""A DLL whose code was made writable, or executable anew, may run somebody else's: its acts are suspect then."""

import pytest

from tests.unit.join.native import EVAL, FAST, LIBC, LOADER, LONE
from tests.unit.join.recording import APP, OTHER, PKG

_RANGE = {"addr": "0x7f0000000000", "len": 4096, "prot": "PROT_READ|PROT_EXEC"}


def act(recording, native, **columns):
    recording.call("unlink", {"path": "/x"}, native, [PKG, APP], **columns)
    return next(row for row in recording.join().behaviours if row.name == "unlink").beneath


def change(recording, native, path=LONE.path, **columns):
    recording.call("mprotect", {**_RANGE, "path": path}, native, [OTHER, APP], kind="memory", **columns)


def test_acts_of_changed_code_are_suspect_and_tell_who_changed_it(recording):
    change(recording, [LIBC, FAST, EVAL])

    beneath = act(recording, [LIBC, LONE, EVAL])

    assert (beneath.object, beneath.confidence) == (LONE.path, "suspect")
    assert (beneath.made_by.object, beneath.made_by.location.line) == (FAST.path, OTHER[2])


@pytest.mark.parametrize(
    "native, columns",
    [
        ([LOADER, LIBC, FAST, EVAL], {}),  # relocating it
        ([LIBC, FAST, EVAL], {"path": FAST.path}),
        ([LIBC, FAST, EVAL], {"first_ns": 1000}),  # later
    ],
)
def test_others_are_not(recording, native, columns):
    change(recording, native, **columns)

    assert act(recording, [LIBC, LONE, EVAL]).confidence == "exact"
