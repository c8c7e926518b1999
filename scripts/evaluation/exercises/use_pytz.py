"""pytz: time zones loaded, and moments converted across changes of summer time."""

import datetime

import pytz


def main():
    """Load every zone and convert."""
    moment = datetime.datetime(2026, 3, 29, 1, 30, tzinfo=pytz.utc)
    seen = set()
    for name in pytz.common_timezones:
        zone = pytz.timezone(name)
        for hours in range(0, 8760, 200):
            local = (moment + datetime.timedelta(hours=hours)).astimezone(zone)
            assert zone.normalize(local) == moment + datetime.timedelta(hours=hours)
            seen.add(local.utcoffset())
    assert len(seen) > 30
    rome = pytz.timezone("Europe/Rome")
    try:
        rome.localize(datetime.datetime(2026, 3, 29, 2, 30), is_dst=None)
    except pytz.NonExistentTimeError:
        return
    raise AssertionError("that moment does not exist")


if __name__ == "__main__":
    main()
