"""Cron schedules: what is one, when it is due, and that looking back and ahead agree."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import cron


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOON = at("2026-11-24T12:00:00")


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("*/5 * * * *", "2026-11-24T12:05:00"),
        ("? 14 ? * MON-FRI", "2026-11-24T14:00:00"),
        ("@hourly", "2026-11-24T13:00:00"),
        ("@weekly", "2026-11-29T00:00:00"),
        ("@every 1h30m", "2026-11-24T13:30:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00"),
    ],
)
def test_the_next_time(schedule: str, due: str) -> None:
    assert cron.parse(schedule).next(NOON) == at(due)


def test_a_zone_shifts_the_time() -> None:
    assert cron.parse("0 9 * * *", "Asia/Tokyo").next(NOON) == at("2026-11-25T00:00:00")


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "a b c d e", "@never", "@every", "@every x"),
        *("0 0 L * *", "0 0 * * 5L", "0 0 1W * *", "0 0 * * 1#2", "*/0 * * * *", "0 0 32 * *"),
    ],
)
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(cron.CronError):
        cron.parse(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe", "/etc/localtime"])
def test_what_is_no_zone(zone: str) -> None:
    with pytest.raises(cron.CronError, match="unknown time zone"):
        cron.parse("* * * * *", zone)


SCHEDULES = st.sampled_from(["* * * * *", "*/7 3 * * *", "15 10 1 * *", "@daily", "@every 95s"])
ZONES = st.sampled_from(["", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])


@given(SCHEDULES, ZONES, st.floats(NOON, NOON + 4e7))
def test_what_is_due_next_is_the_latest_once_it_is_there(
    schedule: str, zone: str, now: float
) -> None:
    found = cron.parse(schedule, zone)
    due = found.next(now)
    assert due > now
    assert found.latest(due, now) == due
    assert found.latest(due - 1, now) is None or found.latest(due - 1, now) < due
