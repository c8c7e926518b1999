"""Exits are proven by the entries that they close; sites that see too much, too little or elsewhere are refused."""

import dataclasses

import pytest

from pyxhon.cpython.calibration import LOCATIONS
from pyxhon.cpython.calibration_cache import exits_from_json, exits_to_json
from pyxhon.cpython.exit_calibration import ExitSite, FlowHit, FlowRun, judge_exits
from pyxhon.errors import CalibrationError

DROP, YIELD, OTHER_DROP = ExitSite("exit_drop", 0x10), ExitSite("exit_yield", 0x20), ExitSite("exit_drop", 0x30)
EVAL = ExitSite("exit_eval", 0x40)
SITES = (DROP, YIELD)
OUTER, GENERATOR = 0x1000, 0x2000  # code objects
FRAMES = {OUTER: 0xA00, GENERATOR: 0xB00}
EXCEPTION_WORD = 14


def enter(code, *, again=False, frame=None):
    return FlowHit(None, code, frame or FRAMES[code], is_resumption=again)


def words(frame, place):
    return tuple(frame if name == place else 7 for name in LOCATIONS)


def drop(code, *, is_return=True, site=0, frame=None):
    state = 1 | (0 if is_return else 1 << EXCEPTION_WORD)
    values = words(frame or FRAMES[code], "rsi")
    return FlowHit(site, code, values=values, state_words=state, is_return=is_return)


def pause(code, place="rbp"):
    return FlowHit(1, values=words(FRAMES[code], place))


def run(*hits, thrown=None, phase="plain"):
    return FlowRun(phase, hits, thrown or {})


GOOD = (
    enter(OUTER), enter(GENERATOR), pause(GENERATOR), enter(GENERATOR, again=True), drop(GENERATOR, is_return=False),
    drop(OUTER),
)  # fmt: skip


def test_exits_that_close_their_entries_are_proven_with_their_places():
    proven = judge_exits([run(*GOOD)], SITES)

    assert [(one.site, one.location) for one in proven.sites] == [(DROP, "rsi"), (YIELD, "rbp")]
    assert (proven.exception, proven.exits) == (8 * EXCEPTION_WORD, 3)


def test_a_frame_on_the_stack_is_found():
    hits = [pause(GENERATOR, "rsp+24") if hit.site == 1 else hit for hit in GOOD]

    assert judge_exits([run(*hits)], SITES).sites[1].location == "rsp+24"


def test_an_entry_that_runs_again_is_one():
    assert judge_exits([run(enter(OUTER), *GOOD)], SITES).exits == 3


def test_what_was_thrown_into_a_generator_leaves_without_an_entry():
    hits = (*GOOD[:3], drop(GENERATOR, is_return=False), drop(OUTER))

    assert judge_exits([run(*hits, thrown={GENERATOR: 1})], SITES).exits == 3


@pytest.mark.parametrize(
    ("hits", "thrown", "reason"),
    [
        (GOOD[:-1], {}, "1 frames are never left"),
        ((*GOOD, drop(OUTER)), {}, "left that were not open"),
        ((*GOOD, drop(GENERATOR), drop(GENERATOR)), {GENERATOR: 1}, "left that were not open"),
        ((*GOOD[:2], drop(OUTER), *GOOD[2:]), {}, "another one runs above it"),
        ((*GOOD, drop(0x3000, frame=0xC00)), {}, "never entered"),
        ((GOOD[0], GOOD[1], GOOD[0], *GOOD[2:]), {}, "entered that was not left"),
        ((*GOOD[:4], drop(GENERATOR), drop(OUTER)), {}, "for one reason only"),
    ],
)
def test_what_does_not_match_is_refused(hits, thrown, reason):
    with pytest.raises(CalibrationError, match=reason):
        judge_exits([run(*hits, thrown=thrown)], SITES)


def test_a_site_that_was_never_hit_is_refused():
    with pytest.raises(CalibrationError, match="exit_yield at 0x20 was never hit"):
        judge_exits([run(enter(OUTER), drop(OUTER))], SITES)


def test_a_frame_that_is_nowhere_is_refused():
    hits = [FlowHit(1, values=words(1, "rax")) if hit.site == 1 else hit for hit in GOOD]

    with pytest.raises(CalibrationError, match="no register and no stack slot held the frame at exit_yield"):
        judge_exits([run(*hits)], SITES)


def test_an_exception_that_more_than_one_word_tells_is_refused():
    hits = [dataclasses.replace(hit, state_words=6) if hit.site == 0 and not hit.is_return else hit for hit in GOOD]

    with pytest.raises(CalibrationError, match="2 words"):
        judge_exits([run(*hits)], SITES)


def test_of_several_functions_that_drop_the_one_that_fits_is_taken():
    hits = []
    for hit in GOOD:
        hits.append(hit)
        if hit.site == 0:
            hits += [dataclasses.replace(hit, site=2)] * 2

    assert [one.site for one in judge_exits([run(*hits)], (OTHER_DROP, YIELD, DROP)[::-1]).sites] == [DROP, YIELD]


def test_the_end_of_the_evaluation_loop_needs_no_exception():
    hits = (enter(OUTER), FlowHit(0, values=words(FRAMES[OUTER], "rbx")))

    proven = judge_exits([run(*hits)], [EVAL])

    assert ([one.location for one in proven.sites], proven.exception) == (["rbx"], None)


def test_a_calibration_survives_the_way_through_json():
    proven = judge_exits([run(*GOOD)], SITES)

    assert exits_from_json(exits_to_json(proven), SITES) == proven


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"exits": 3, "exception": -8, "sites": [["exit_drop", 16, "rsi"]]}'])
def test_what_is_not_whole_is_not_read(text):
    assert exits_from_json(text, SITES) is None
    assert exits_from_json(exits_to_json(judge_exits([run(*GOOD)], SITES)), [YIELD]) is None
