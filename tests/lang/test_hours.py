"""Business hours as a measure of time: sums and ends agree, minute by minute, with whether it is open."""

from datetime import UTC, datetime, timedelta

import pytest

from polus.lang import hours

MINUTE = timedelta(minutes=1)
WEEKDAYS = {"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}
LUNCH = [
    {"days": "1,2,3,4,5", "from_time": "08:30", "to_time": "12:00"},
    {"days": "1,2,3,4,5,6", "from_time": "11:30", "to_time": "13:00"},
    {"days": "1,3,5", "from_time": "14:00", "to_time": "24:00"},
]
NIGHT = [
    {"days": "6,7", "from_time": "22:00", "to_time": "06:00"},
    {"days": "1", "from_time": "24:00", "to_time": "03:00"},
]
ALWAYS = {"days": "1,2,3,4,5,6,7", "from_time": "00:00", "to_time": "00:00"}


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def made(zone: str, spans: object) -> hours.Hours:
    return hours.parse({"timezone": zone, "business_hours": spans})


# Weeks in which clocks are put forward or back: at night, at midnight, by half an hour, at one minute past midnight.
@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Paris", "2026-03-27"),
        ("Europe/Paris", "2026-10-23"),
        ("America/New_York", "2026-10-30"),
        ("America/Sao_Paulo", "2018-11-02"),
        ("America/Havana", "2026-10-30"),
        ("Australia/Lord_Howe", "2026-04-03"),
        ("America/St_Johns", "2010-11-05"),
        ("Asia/Kathmandu", "2026-06-05"),
    ],
)
@pytest.mark.parametrize("spans", [WEEKDAYS, LUNCH, NIGHT, ALWAYS])
def test_the_sum_of_open_minutes_is_what_lies_between(zone: str, start: str, spans: object) -> None:
    found, begin = made(zone, spans), at(start) + 7 * MINUTE
    end = begin + timedelta(days=4, hours=5)
    open_, moment = [], begin
    while moment < end:
        if found.contains(moment):
            open_.append(moment)
        moment += MINUTE
    assert found.between(begin, end) == len(open_) * 60
    for count in (1, 61, len(open_) // 2, len(open_)):
        if 0 < count <= len(open_):
            assert found.after(begin, count * 60) == open_[count - 1] + MINUTE


def test_over_the_weekend_a_target_waits_for_monday() -> None:
    friday = at("2026-03-06T16:30")
    assert made("UTC", WEEKDAYS).after(friday, 3600) == at("2026-03-09T09:30")
    assert made("UTC", WEEKDAYS).after(at("2026-03-07T12:00"), 0.5) == at("2026-03-09T09:00:00.500000")
    assert made("UTC", WEEKDAYS).between(friday, at("2026-03-09T10:00")) == 5400
    assert made("UTC", WEEKDAYS).between(at("2026-03-09T10:00"), friday) == 0


def test_an_hour_that_is_skipped_is_no_business_hour_and_one_that_comes_twice_is_two() -> None:
    night = {"days": "7", "from_time": "01:00", "to_time": "04:00"}
    paris = made("Europe/Paris", night)
    assert paris.between(at("2026-03-28T12:00"), at("2026-03-29T12:00")) == 2 * 3600
    assert paris.between(at("2026-10-24T12:00"), at("2026-10-25T12:00")) == 4 * 3600


def test_a_shop_that_never_opens_never_ends() -> None:
    closed = made("UTC", [])
    assert closed.after(at("2026-03-06"), 60) is None
    assert closed.between(at("2026-03-06"), at("2027-03-06")) == 0


def test_ninety_days_of_one_hour_a_week_are_found() -> None:
    rare = made("Europe/Paris", {"days": "3", "from_time": "09:00", "to_time": "10:00"})
    end = rare.after(at("2026-03-04"), 90 * 24 * 3600)
    assert end is not None
    assert rare.between(at("2026-03-04"), end) == 90 * 24 * 3600
