"""What was proven of a build is remembered for that build, and nothing that a file's content can break."""

import dataclasses
import json
import os
import sys

import pytest

from pyxhon.cpython.calibration import CalibratedSite, Calibration, EntrySite
from pyxhon.cpython.calibration_cache import calibrate_cached, calibration_from_json, calibration_to_json
from pyxhon.errors import CalibrationError
from pyxhon.target.elf import open_image

SITES = (EntrySite("RESUME", 0x1234, is_joined=True), EntrySite("RESUME_CHECK_JIT", 0x2345, is_joined=False))
PROVEN = Calibration((CalibratedSite(SITES[0], (3, 2, 1), "rbx"), CalibratedSite(SITES[1], (0, 0, 0), None)), 6)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def image():
    with open_image(os.path.realpath(sys.executable)) as image:
        yield image


def must_not_calibrate():
    pytest.fail("it was calibrated again")


def changed(**fields):
    content = json.loads(calibration_to_json(PROVEN))
    return json.dumps({**content, **fields})


def test_a_calibration_survives_the_way_through_json():
    assert calibration_from_json(calibration_to_json(PROVEN), SITES) == PROVEN


def test_the_second_time_nothing_is_calibrated(image):
    first = calibrate_cached(image, SITES, lambda: PROVEN, is_believed=True)

    second = calibrate_cached(image, SITES, must_not_calibrate, is_believed=True)

    assert first == second == PROVEN


def test_what_others_could_have_changed_is_not_remembered(image, cache):
    calibrate_cached(image, SITES, lambda: PROVEN, is_believed=False)

    assert not any(cache.iterdir())


def test_what_is_known_holds_also_where_it_would_not_be_remembered(image):
    calibrate_cached(image, SITES, lambda: PROVEN, is_believed=True)

    assert calibrate_cached(image, SITES, must_not_calibrate, is_believed=False) == PROVEN


def test_a_refusal_is_not_remembered(image, cache):
    def refuse():
        raise CalibrationError("it differs")

    with pytest.raises(CalibrationError):
        calibrate_cached(image, SITES, refuse, is_believed=True)

    assert not any(cache.iterdir())


def test_other_sites_are_calibrated_for_themselves(image):
    calibrate_cached(image, SITES, lambda: PROVEN, is_believed=True)
    moved = (dataclasses.replace(SITES[0], address=0x1238), SITES[1])
    other = dataclasses.replace(PROVEN, sites=(dataclasses.replace(PROVEN.sites[0], site=moved[0]), PROVEN.sites[1]))

    assert calibrate_cached(image, moved, lambda: other, is_believed=True) == other


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"sites": 1}', "\0", "9" * 10_000])
def test_damaged_content_is_ignored(content):
    assert calibration_from_json(content, SITES) is None


ONE, OTHER = json.loads(calibration_to_json(PROVEN))["sites"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entries", 5),
        ("entries", 6.0),
        ("entries", True),
        ("entries", -6),
        ("entries", "6"),
        ("sites", []),
        ("sites", [ONE]),
        ("sites", [OTHER, ONE]),
        ("sites", [ONE, OTHER, OTHER]),
        ("sites", [ONE[:4], OTHER]),
        ("sites", [["RESUME_CHECK", *ONE[1:]], OTHER]),
        ("sites", [["RESUME", 0x1238, *ONE[2:]], OTHER]),
        ("sites", [["RESUME", 4660.0, *ONE[2:]], OTHER]),
        ("sites", [["RESUME", 0x1234, 1, *ONE[3:]], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 3], "rbx"], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 4, -1], "rbx"], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 2, True], "rbx"], OTHER]),
        ("sites", [["RESUME", 0x1234, True, 6, "rbx"], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 2, 1], "rsp"], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 2, 1], "rsp+512"], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 2, 1], ["rbx"]], OTHER]),
        ("sites", [["RESUME", 0x1234, True, [3, 2, 1], None], OTHER]),
        ("sites", [ONE, ["RESUME_CHECK_JIT", 0x2345, False, [0, 0, 0], "rbx"]]),
    ],
)
def test_a_field_of_another_kind_is_ignored(field, value):
    assert calibration_from_json(changed(**{field: value}), SITES) is None


def test_a_calibration_without_entries_proves_nothing():
    nothing = Calibration(tuple(CalibratedSite(site, (0, 0, 0), None) for site in SITES), 0)

    assert calibration_from_json(calibration_to_json(nothing), SITES) is None
