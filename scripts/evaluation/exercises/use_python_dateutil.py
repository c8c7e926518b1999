"""python-dateutil: dates parsed, recurring, relative, and in time zones of the system and of its own."""

import datetime

from dateutil import easter, parser, relativedelta, rrule, tz


def main():
    """Parse, repeat, convert."""
    texts = ("2026-02-03T04:05:06Z", "3 February 2026 4:05:06 UTC", "Tue, 3 Feb 2026 04:05:06 +0000")
    for _ in range(1000):
        for text in texts:
            assert parser.parse(text) == datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=tz.UTC)
    start = datetime.datetime(2026, 1, 31)
    assert start + relativedelta.relativedelta(months=1) == datetime.datetime(2026, 2, 28)
    for _ in range(20):
        days = list(rrule.rrule(rrule.MONTHLY, dtstart=start, count=200, byweekday=rrule.FR(-1)))
        assert all(day.weekday() == 4 for day in days)
    assert easter.easter(2026) == datetime.date(2026, 4, 5)
    zone = tz.gettz("Europe/Rome")
    assert datetime.datetime(2026, 7, 1, tzinfo=zone).utcoffset() == datetime.timedelta(hours=2)
    assert tz.tzlocal().utcoffset(start) is not None


if __name__ == "__main__":
    main()
