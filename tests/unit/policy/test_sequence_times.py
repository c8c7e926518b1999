"""Orders of acts are found exactly: as trying all of them finds them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.policy.sequence_times import Occurrence, Span, find_order


def span(key, first, last=None, count=1, steps=(0,)):
    return Span(key, first, first if last is None else last, count, frozenset(steps))


def occurrences(span):
    """All that an act may be: its known times, and every whole time between where more was counted."""
    known = [Occurrence(span.key, time, is_known=True) for time in span.known]
    between = range(span.first_ns, span.last_ns + 1) if span.has_unknown else ()
    return known + [Occurrence(span.key, time, is_known=False) for time in between]


def is_order(found, within):
    """Told again, as the documentation says it."""
    times = [each.time_ns for each in found]
    known = [each.time_ns for each in found if each.is_known]
    is_within = within is None or times[-1] - times[0] <= within
    return times == sorted(times) and len(set(known)) == len(known) and is_within


def exists(spans, step_count, within, *, takes_unknown):
    choices = [
        [each for span in spans if step in span.steps for each in occurrences(span) if takes_unknown or each.is_known]
        for step in range(step_count)
    ]
    return any(is_order(found, within) for found in itertools.product(*choices))


@st.composite
def acts(draw):
    step_count = draw(st.integers(1, 4))
    spans = []
    for key in range(draw(st.integers(0, 6))):
        first = draw(st.integers(0, 9))
        last = draw(st.integers(first, 9))
        count = draw(st.integers(1 if first == last else 2, 4))
        spans.append(Span(key, first, last, count, frozenset(draw(st.sets(st.integers(0, step_count - 1))))))
    return spans, step_count, draw(st.none() | st.integers(0, 9))


@given(acts())
def test_an_order_is_found_where_trying_all_finds_one(given_acts):
    spans, step_count, within = given_acts
    found = find_order(spans, step_count, within)

    if found is None:
        assert not exists(spans, step_count, within, takes_unknown=True)
        return
    by_key = {span.key: span for span in spans}
    assert len(found) == step_count
    assert is_order(found, within)
    assert all(step in by_key[each.key].steps for step, each in enumerate(found))
    assert all(each in occurrences(by_key[each.key]) for each in found)
    is_certain = all(each.is_known for each in found)
    assert is_certain == exists(spans, step_count, within, takes_unknown=False)


def test_acts_in_order_are_an_order():
    found = find_order([span(7, 10), span(8, 15, steps=(1,))], 2, 5)

    assert found == (Occurrence(7, 10, is_known=True), Occurrence(8, 15, is_known=True))


@pytest.mark.parametrize("within, is_found", [(5, True), (4, False), (None, True)])
def test_what_takes_too_long_is_none(within, is_found):
    assert (find_order([span(1, 10), span(2, 15, steps=(1,))], 2, within) is not None) == is_found


def test_the_wrong_order_is_none():
    assert find_order([span(1, 10, steps=(1,)), span(2, 15)], 2, None) is None


def test_an_act_done_once_is_one_step():
    assert find_order([span(1, 10, steps=(0, 1))], 2, None) is None


def test_an_act_done_twice_is_two_steps():
    assert find_order([span(1, 10, 12, count=2, steps=(0, 1))], 2, None) is not None


def test_between_two_known_times_nothing_was_done():
    spans = [span(1, 50), span(2, 10, 90, count=2, steps=(1,))]

    assert find_order(spans, 2, 20) is None


def test_a_counted_act_may_have_been_done_between_and_it_is_told_that_this_is_not_known():
    spans = [span(1, 50), span(2, 10, 90, count=3, steps=(1,))]

    found = find_order(spans, 2, 20)

    assert [(each.key, each.is_known) for each in found] == [(1, True), (2, False)]


def test_known_times_are_preferred():
    spans = [span(1, 50), span(2, 10, 60, count=9, steps=(1,))]

    assert find_order(spans, 2, 20) == (Occurrence(1, 50, is_known=True), Occurrence(2, 60, is_known=True))


def test_many_counted_acts_take_no_longer_than_their_number():
    spans = [span(key, key, 10**6 + key, count=5, steps=(key % 2,)) for key in range(10_000)]

    assert find_order([*spans, span(-1, -5, steps=(2,))], 3, 10**6) is None
