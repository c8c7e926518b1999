"""A build is proven when all that was told is what the interpreter did; any difference is refused with its place."""

import pytest

from pyxhon.cpython.instruction_calibration import judge_instructions
from pyxhon.errors import CalibrationError

NAMES = {1: "first", 2: "second"}
TOLD = [(1, 0, "RESUME"), (1, 2, "LOAD_CONST"), (1, 4, "CALL"), (2, 2, "POP_TOP"), (1, 6, "RETURN_VALUE")]
SEEN = [(1, 2), (1, 4), (2, 2), (1, 6)]


def test_equal_sequences_prove_it():
    assert judge_instructions(TOLD, SEEN, NAMES) == 4


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (TOLD[:-1], "3 instructions told of 4; the first difference is at 3: nothing more, where .* at 6 of first"),
        ([*TOLD[:2], *TOLD[1:]], "at 1: LOAD_CONST at 2 of first, where the interpreter executed CALL at 4 of first"),
        ([TOLD[0], TOLD[2], TOLD[1], *TOLD[3:]], "at 0: CALL at 4 of first"),
        ([*TOLD[:2], (2, 4, "CALL"), *TOLD[3:]], "at 1: CALL at 4 of second"),
    ],
)
def test_one_that_is_missing_twice_elsewhere_or_of_other_code_is_refused(told, words):
    with pytest.raises(CalibrationError, match=words):
        judge_instructions(told, SEEN, NAMES)


def test_nothing_proves_nothing():
    with pytest.raises(CalibrationError, match="executed nothing"):
        judge_instructions([], [], NAMES)


def test_how_a_generator_begins_is_told_by_us_alone():
    told = [(1, 0, "RETURN_GENERATOR"), (1, 2, "POP_TOP"), (1, 4, "RESUME"), (1, 6, "POP_TOP")]

    assert judge_instructions(told, [(1, 6)], NAMES) == 1
