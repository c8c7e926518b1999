"""What hits prove of a site, and that none are believed which differ from what the workload did in anything."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.cpython.calibration import LOCATIONS, Entry, EntrySite, Hit, Observation, judge
from pyxhon.errors import CalibrationError

EVERYWHERE = (1 << len(LOCATIONS)) - 1
NAMES = {0x1000: "fibonacci", 0x2000: "leaf", 0x3000: "count"}
RESUME, CHECK, INSTRUMENTED = range(3)
SITES = (
    EntrySite("RESUME", 0x10, is_joined=True),
    EntrySite("RESUME_CHECK", 0x20, is_joined=False),
    EntrySite("INSTRUMENTED_RESUME", 0x30, is_joined=False),
)
ENTRIES = tuple(
    Entry(code, is_resumption)
    for code, is_resumption in [
        (0x1000, False), (0x1000, False), (0x1000, False), (0x2000, False), (0x3000, False), (0x3000, True),
        (0x2000, False), (0x3000, True), (0x1000, False), (0x2000, False),
    ]
)  # fmt: skip
ALIEN = Entry(0x9, is_resumption=True)

# With forms that need not be hit in any other phase.
SITES_TRACED = (*(EntrySite(f"OTHER_{site.form}", site.address, site.is_joined) for site in SITES[:2]), SITES[2])

ONE_SITE = (EntrySite("RESUME", 0x10, is_joined=False),)

entries = st.builds(Entry, st.sampled_from(sorted(NAMES)), st.booleans())


def mask(*names):
    return sum(1 << LOCATIONS.index(name) for name in names)


def hit(entry, site, locations=EVERYWHERE, *, own=True):
    return Hit(site, entry.code, entry.is_resumption, own, locations)


def plain(expected, locations=EVERYWHERE):
    """Give what is seen on 3.13: RESUME the first time that a code object runs, RESUME_CHECK afterwards."""
    seen = set()
    hits = []
    for entry in expected:
        hits.append(hit(entry, CHECK if entry in seen else RESUME, locations))
        seen.add(entry)
    return hits


def traced(expected, locations=EVERYWHERE):
    """Give what is seen when tracing was switched on before: at first RESUME runs, instruments, and runs again."""
    seen = set()
    hits = []
    for entry in expected:
        if entry not in seen:
            hits += [hit(entry, CHECK, locations), hit(entry, RESUME, locations, own=False)]
        hits.append(hit(entry, INSTRUMENTED, locations))
        seen.add(entry)
    return hits


def observe(phase, expected, hits):
    return Observation(phase, tuple(expected), tuple(hits))


def judged(plain_hits=None, traced_hits=None, sites=SITES):
    """Judge both phases, with these hits where some are given."""
    observations = [
        observe("plain", ENTRIES, plain(ENTRIES) if plain_hits is None else plain_hits),
        observe("traced", ENTRIES, traced(ENTRIES) if traced_hits is None else traced_hits),
    ]
    return judge(observations, sites, NAMES)


def test_hits_that_equal_the_entries_prove_the_sites():
    calibration = judged()

    assert [one.site for one in calibration.sites] == list(SITES)
    assert [one.hits for one in calibration.sites] == [(4, 0, 0), (6, 0, 0), (0, 10, 0)]
    assert calibration.entries == 20
    assert calibration.never_hit() == ()
    assert calibration.never_hit("plain") == (SITES[INSTRUMENTED],)


def test_what_runs_again_when_tracing_ends_is_counted_once():
    after = [hit(ENTRIES[0], INSTRUMENTED), *plain(ENTRIES)]
    observations = [
        observe("plain", ENTRIES, plain(ENTRIES)),
        observe("traced", ENTRIES, traced(ENTRIES)),
        observe("untraced", ENTRIES, after),
    ]

    assert judge(observations, SITES).entries == 30


def test_a_quickened_form_that_gives_up_is_counted_once():
    hits = plain(ENTRIES)
    hits.insert(2, dataclasses.replace(hits[1], site=RESUME, is_own_opcode=False))

    assert judged(hits).sites[RESUME].hits == (4, 0, 0)


def test_where_no_other_body_leads_the_opcode_is_not_asked_for():
    sites = [EntrySite("RESUME", 0x10, is_joined=False)]
    hits = [hit(entry, 0, own=False) for entry in ENTRIES]

    assert judge([observe("traced", ENTRIES, hits), observe("plain", ENTRIES, hits)], sites).entries == 20


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        (("rax", "rbx"), "rbx"),
        (("rsp+8", "r15"), "r15"),
        (("rsp+8", "r9"), "r9"),
        (("rsp+504", "rsp+16"), "rsp+16"),
        (("rsi", "rbp", "rdi"), "rbp"),
    ],
)
def test_a_register_that_calls_preserve_comes_first_then_registers_then_slots(held, chosen):
    calibration = judged(plain(ENTRIES, mask(*held)))

    assert [one.location for one in calibration.sites[:2]] == [chosen, chosen]


def test_the_evaluation_function_has_the_frame_as_an_argument():
    sites = [EntrySite("eval", 0x10, is_joined=False)]
    hits = [hit(entry, 0, mask("rbx", "rdi")) for entry in ENTRIES]

    assert judge([observe("plain", ENTRIES, hits)], sites).sites[0].location == "rdi"


def test_only_what_held_the_frame_at_every_hit_is_taken():
    hits = plain(ENTRIES, mask("rbx", "r12"))
    hits[-1] = dataclasses.replace(hits[-1], locations=mask("r12"))

    calibration = judged(hits)

    assert [one.location for one in calibration.sites[:2]] == ["rbx", "r12"]


def test_a_site_without_a_place_for_the_frame_is_refused():
    hits = plain(ENTRIES, mask("rbx"))
    hits[-1] = dataclasses.replace(hits[-1], locations=mask("r12"))

    with pytest.raises(CalibrationError, match="held the frame at every hit of RESUME_CHECK"):
        judged(hits)


@pytest.mark.parametrize(
    ("without", "reason"),
    [
        (lambda: judged([hit(entry, RESUME) for entry in ENTRIES]), "RESUME_CHECK was never hit in the plain run"),
        (lambda: judged([hit(entry, CHECK) for entry in ENTRIES]), "^RESUME was never hit in the plain run"),
        (
            lambda: judged(traced_hits=[hit(entry, CHECK) for entry in ENTRIES]),
            "an entry of the traced run was seen by RESUME_CHECK alone",
        ),
        (
            lambda: judge([observe("plain", ENTRIES, plain(ENTRIES))], SITES),
            "INSTRUMENTED_RESUME was never hit in the tra",
        ),
        (lambda: judge([observe("plain", (), ())], SITES), "no entry of the calibration's workload was seen"),
        (lambda: judge([], SITES), "no entry"),
    ],
)
def test_a_form_that_must_be_hit_and_is_not_is_refused(without, reason):
    with pytest.raises(CalibrationError, match=reason):
        without()


def test_a_form_that_only_a_jit_needs_may_stay_unhit():
    spare = EntrySite("RESUME_CHECK_JIT", 0x40, is_joined=False)

    calibration = judged(sites=(*SITES, spare))

    assert calibration.never_hit() == (spare,)
    assert calibration.sites[-1].location is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda hits: hits.pop(3),
            "9 entries seen of 10 in the plain run; the first difference is at 3: a start of count",
        ),
        (lambda hits: hits.pop(), "at 9: nothing more, where the workload made a start of leaf"),
        (lambda hits: hits.append(hits[-1]), "at 10: a start of leaf by RESUME_CHECK, where the workload made no more"),
        (lambda hits: hits.insert(0, hit(ALIEN, 0)), "at 0: a resumption of the code at 0x9 by RESUME"),
        (lambda hits: hits.insert(0, hit(ALIEN, 3)), "tells of site 3, but there are 3"),
        (lambda hits: hits.insert(0, hit(ALIEN, -1)), "tells of site -1"),
    ],
)
def test_the_first_difference_is_told(change, reason):
    hits = plain(ENTRIES)
    change(hits)

    with pytest.raises(CalibrationError, match=reason):
        judged(hits)


# Anything that a wrong site, a missing one or a wrong reading of the frame can do to the hits.


@given(st.lists(entries, min_size=1, max_size=30))
def test_hits_without_a_difference_are_accepted(expected):
    hits = [hit(entry, 0) for entry in expected]

    assert judge([observe("plain", expected, hits)], ONE_SITE).entries == len(expected)


@given(st.lists(entries, min_size=1, max_size=30), st.data())
def test_a_missing_hit_is_refused(expected, data):
    hits = [hit(entry, 0) for entry in expected]
    del hits[data.draw(st.integers(0, len(hits) - 1))]

    with pytest.raises(CalibrationError):
        judge([observe("plain", expected, hits)], ONE_SITE)


@given(st.lists(entries, max_size=30), entries, st.data())
def test_a_hit_too_many_is_refused(expected, entry, data):
    hits = [hit(one, 0) for one in expected]
    hits.insert(data.draw(st.integers(0, len(hits))), hit(entry, 0))

    with pytest.raises(CalibrationError):
        judge([observe("plain", expected, hits)], ONE_SITE)


@given(st.lists(entries, min_size=1, max_size=30), st.integers(1, 5), st.data())
def test_shifted_hits_are_refused(expected, by, data):
    shifted = [*expected[by:], *data.draw(st.lists(entries, min_size=by, max_size=by))][: len(expected)]
    hits = [hit(entry, 0) for entry in shifted]

    if shifted == expected:
        assert judge([observe("plain", expected, hits)], ONE_SITE).entries == len(expected)
    else:
        with pytest.raises(CalibrationError, match="the first difference is at"):
            judge([observe("plain", expected, hits)], ONE_SITE)


@given(st.lists(entries, min_size=1, max_size=30), st.data())
def test_hits_with_one_changed_field_are_refused(expected, data):
    hits = [hit(entry, 0) for entry in expected]
    at = data.draw(st.integers(0, len(hits) - 1))
    changed = data.draw(
        st.sampled_from(
            [
                dataclasses.replace(hits[at], code=hits[at].code ^ 8),
                dataclasses.replace(hits[at], is_resumption=not hits[at].is_resumption),
                dataclasses.replace(hits[at], site=7),
                dataclasses.replace(hits[at], locations=0),
            ]
        )
    )
    hits[at] = changed

    with pytest.raises(CalibrationError):
        judge([observe("plain", expected, hits)], ONE_SITE)


@given(st.lists(entries, min_size=1, max_size=30), st.sampled_from([plain, traced]), st.data())
def test_a_joined_site_without_its_opcode_counts_nothing(expected, kind, data):
    hits = kind(expected)
    at = data.draw(st.integers(0, len(hits)))
    hits.insert(at, dataclasses.replace(hits[min(at, len(hits) - 1)], site=RESUME, is_own_opcode=False))
    phase, sites = ("traced", SITES_TRACED) if kind is traced else ("plain", SITES_TRACED[:2])

    assert judge([observe(phase, expected, hits)], sites).entries == len(expected)


@given(st.lists(entries, min_size=1, max_size=30), st.data())
def test_traced_hits_without_one_that_counts_are_refused(expected, data):
    hits = traced(expected)
    del hits[data.draw(st.sampled_from([index for index, one in enumerate(hits) if one.site == INSTRUMENTED]))]

    with pytest.raises(CalibrationError):
        judge([observe("traced", expected, hits)], SITES_TRACED)


@given(st.lists(entries, min_size=2, max_size=30), st.integers(0, len(LOCATIONS) - 1), st.data())
def test_a_location_is_chosen_only_if_each_hit_had_it(expected, common, data):
    others = st.integers(0, EVERYWHERE)
    masks = [data.draw(others) | 1 << common for _ in expected]
    hits = [hit(entry, 0, locations) for entry, locations in zip(expected, masks, strict=True)]
    sites = [EntrySite("RESUME", 0x10, is_joined=False)]

    chosen = judge([observe("plain", expected, hits)], sites).sites[0].location

    assert all(locations >> LOCATIONS.index(chosen) & 1 for locations in masks)
