"""The ledger of --calls-budget: when probes may be in place, and of which share of its time the target was observed."""

import pytest

from pyxhon import calls_budget
from pyxhon.calls_budget import Clock, Ledger, Progress


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch):
    monkeypatch.setattr(calls_budget, "_HIDDEN_COST", 1.0)


def test_a_cost_above_the_share_is_a_debt_that_the_target_pays_with_its_own_time():
    ledger = Ledger(0.2)

    ledger.book(Progress(1000, 1000, 400, 1), is_observed=True)  # 600 of its own, which allow 120
    assert ledger.debt_ns == pytest.approx(280)

    ledger.book(Progress(1400, 1400), is_observed=False)
    assert ledger.debt_ns == pytest.approx(0)


def test_the_cost_is_never_more_than_the_target_took():
    ledger = Ledger(0.2)

    ledger.book(Progress(1000, 1000, 5000, 1), is_observed=True)

    assert (ledger.own_ns, ledger.extra_ns) == (0, 1000)


def test_the_wait_is_as_long_as_the_target_takes_to_pay():
    ledger = Ledger(0.2)
    ledger.book(Progress(1e9, 1e9, 1e9), is_observed=True)

    assert ledger.wait_s(Progress(1e9, 1e9)) == pytest.approx(5)
    assert ledger.wait_s(Progress(1e9, 0.5e9)) == pytest.approx(10)


def test_kept_to_the_budget_holds_whatever_the_cost(monkeypatch):
    ledger, is_armed = Ledger(0.2), True
    for step in range(4000):
        dearness = 0.9 if step < 2000 else 0.5  # of the time that probes take of the target's
        ledger.book(Progress(20e6, 20e6, 20e6 * dearness * is_armed, 1), is_observed=is_armed)
        is_armed = ledger.debt_ns <= 0

    assert ledger.extra_ns / ledger.own_ns == pytest.approx(0.2, abs=0.01)


def test_a_target_that_costs_less_than_the_budget_is_observed_always():
    ledger = Ledger(0.2)

    ledger.book(Progress(1000, 1000, 100, 3), is_observed=True)

    assert ledger.debt_ns < 0
    assert ledger.describe() is None


def test_the_share_is_of_the_targets_own_time():
    ledger = Ledger(0.2, windows=1)
    ledger.book(Progress(1000, 1000, 400, 2), is_observed=True)
    ledger.book(Progress(2400, 2400), is_observed=False)

    assert ledger.describe() == {"share": 0.2, "windows": 1, "observed_ns": 600, "total_ns": 3000}


def test_entries_at_the_edges_of_windows_count_as_those_between():
    ledger = Ledger(0.2, windows=1)
    ledger.book(Progress(1000, 1000, 400, 10), is_observed=True)
    ledger.book(Progress(2400, 2400, 0, 5), is_observed=False)

    assert ledger.describe()["observed_ns"] == 900


def test_functions_take_some_time_even_where_none_seems_to_be_left():
    ledger = Ledger(0.2, windows=1)

    ledger.book(Progress(1000, 1000, 1000, 4), is_observed=True)

    assert ledger.describe()["observed_ns"] == 100


def test_the_clock_leaves_out_what_a_process_did_before_it_was_known(monkeypatch):
    taken, costs = {1: 500, 2: 900}, iter([(0.0, 0), (7.0, 1), (9.0, 3)])
    monkeypatch.setattr(calls_budget, "processor_time_ns", taken.get)
    times = iter([1000, 2000, 3000])
    monkeypatch.setattr(calls_budget.time, "monotonic_ns", lambda: next(times))
    clock = Clock(lambda: list(taken), lambda: next(costs))

    assert clock.read() == Progress(1000, 0, 7.0, 1)
    taken[1], taken[2] = 700, 9000

    assert clock.read() == Progress(1000, 200 + 1000, 2.0, 2)
