"""Remembers what was proven of a build, so that it is calibrated once.

The key is that of the sites' cache: build ID and content of the file, and the code that proves.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from pyxhon.cache import prune_cached, read_cached, write_cached
from pyxhon.cpython.calibration import LOCATIONS, PHASES, CalibratedSite, Calibration, EntrySite
from pyxhon.cpython.calibration_run import workload_text
from pyxhon.cpython.exit_calibration import CalibratedExit, ExitCalibration, ExitSite
from pyxhon.cpython.sites_cache import digest_image
from pyxhon.target.elf import ElfImage

_PREFIX: Final = "calibration-"
_MAX_REMEMBERED: Final = 64
_MAX_BYTES: Final = 1 << 16
_MAX_COUNT: Final = 1 << 31
_JUDGES: Final = ("calibration", "calibration_run", "calibration_cache", "exit_calibration")
_EXIT_PREFIX: Final = "exits-"
_MAX_OFFSET: Final = 1 << 10


def calibrate_cached(
    image: ElfImage,
    sites: Sequence[EntrySite],
    calibrate: Callable[[], Calibration],
    *,
    by: str = "",
    is_believed: bool,
) -> Calibration:
    """Give what is known of these sites of a file, else calibrate; CalibrationError comes from there and is not kept.

    `by` stands for the probes that observe. It is kept only where `is_believed` (see `is_ours_alone`): in somebody
    else's surroundings a build may be made to look otherwise than it is, which must not decide about others.
    """
    known = known_calibration(image, sites, by=by)
    if known is not None:
        return known
    calibration = calibrate()
    if is_believed:
        write_cached(_name(image, sites, by), calibration_to_json(calibration).encode())
        prune_cached(_PREFIX, _MAX_REMEMBERED)
    return calibration


def known_calibration(image: ElfImage, sites: Sequence[EntrySite], *, by: str = "") -> Calibration | None:
    """Give what is remembered of these sites of a file."""
    content = read_cached(_name(image, sites, by))
    return None if content is None or len(content) > _MAX_BYTES else calibration_from_json(content, sites)


def _name(image: ElfImage, sites: Sequence[EntrySite], by: str) -> str:
    return f"{_PREFIX}{image.build_id or 'none'}-{digest_image(image, (tuple(sites), by, _judges_digest()))}.json"


def calibrate_exits_cached(
    image: ElfImage,
    sites: Sequence[ExitSite],
    calibrate: Callable[[], ExitCalibration],
    *,
    by: str,
    is_believed: bool,
) -> ExitCalibration:
    """Give what is known of these exits, likewise."""
    sites = tuple(sites)
    name = f"{_EXIT_PREFIX}{image.build_id or 'none'}-{digest_image(image, (sites, by, _judges_digest()))}.json"
    content = read_cached(name)
    known = None if content is None or len(content) > _MAX_BYTES else exits_from_json(content, sites)
    if known is not None:
        return known
    calibration = calibrate()
    if is_believed:
        write_cached(name, exits_to_json(calibration).encode())
        prune_cached(_EXIT_PREFIX, _MAX_REMEMBERED)
    return calibration


def exits_to_json(calibration: ExitCalibration) -> str:
    """Render a calibration of exits as one JSON object."""
    sites = [[one.site.kind, one.site.address, one.location] for one in calibration.sites]
    return json.dumps({"exits": calibration.exits, "exception": calibration.exception, "sites": sites})


def exits_from_json(text: str | bytes, sites: Sequence[ExitSite]) -> ExitCalibration | None:
    """Read a calibration of exits back; None unless it is whole and of some of these sites."""
    try:
        content = json.loads(text)
        exception, exits = content["exception"], _count(content["exits"])
        proven = tuple(
            CalibratedExit(ExitSite(kind, address), location) for kind, address, location in content["sites"]
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_offset = exception is None or (type(exception) is int and 0 <= exception < _MAX_OFFSET)
    has_drop = any(one.site.kind == "exit_drop" for one in proven)
    is_whole = all(one.site in sites and one.location in LOCATIONS for one in proven)
    is_good = proven and exits and is_offset and is_whole and has_drop == (exception is not None)
    return ExitCalibration(proven, exception, exits) if is_good else None


def calibration_to_json(calibration: Calibration) -> str:
    """Render a calibration as one JSON object."""
    sites = [
        [one.site.form, one.site.address, one.site.is_joined, list(one.hits), one.location] for one in calibration.sites
    ]
    return json.dumps({"entries": calibration.entries, "sites": sites})


def calibration_from_json(text: str | bytes, sites: Sequence[EntrySite]) -> Calibration | None:
    """Read a calibration back; None unless it is one of exactly these sites, whole and free of contradictions."""
    try:
        content = json.loads(text)
        calibrated = tuple(_site(*fields) for fields in content["sites"])
        entries = _count(content["entries"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if tuple(one.site for one in calibrated) != tuple(sites) or entries != sum(sum(one.hits) for one in calibrated):
        return None
    return Calibration(calibrated, entries) if entries else None


def _site(form: Any, address: Any, is_joined: Any, hits: Any, location: Any) -> CalibratedSite:
    if not isinstance(form, str) or not isinstance(is_joined, bool) or type(address) is not int:
        raise TypeError(form)
    counts = tuple(_count(number) for number in hits)
    if len(counts) != len(PHASES) or (location is None) != (not any(counts)):
        raise ValueError(hits)
    if location is not None and location not in LOCATIONS:
        raise ValueError(location)
    return CalibratedSite(EntrySite(form, address, is_joined), counts, location)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MAX_COUNT:
        raise ValueError(value)
    return value


@cache
def _judges_digest() -> str:
    digest = hashlib.sha256(workload_text().encode())
    for name in _JUDGES:
        with open(os.path.join(os.path.dirname(__file__), f"{name}.py"), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()
