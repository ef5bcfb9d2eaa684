"""The clock: wire form, input forms, and turning it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polus.base import clock

MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(MOMENTS)
def test_text_is_read_back(moment: datetime) -> None:
    written = clock.text(moment)
    assert written.endswith("+00:00")
    assert clock.parse(written) == moment
    assert clock.text(clock.parse(written)) == written


@given(MOMENTS)
def test_any_offset_is_the_same_moment(moment: datetime) -> None:
    assert clock.parse(moment.isoformat()) == moment
    assert clock.parse(moment.isoformat().replace("T", " ")) == moment


@given(st.text(max_size=40) | st.from_regex(r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d.{0,12}\Z"))
def test_other_text_is_a_value_error(written: str) -> None:
    try:
        read = clock.parse(written)
    except ValueError:
        return
    assert read.tzinfo is UTC
    assert 1970 <= read.year <= 9999


@pytest.mark.parametrize(
    "written, moment",
    [
        ("2026-08-26T18:47:51.764128+00:00", datetime(2026, 8, 26, 18, 47, 51, 764128, UTC)),
        ("2026-08-26T12:30:00Z", datetime(2026, 8, 26, 12, 30, tzinfo=UTC)),
        ("2026-08-26T12:30", datetime(2026, 8, 26, 12, 30, tzinfo=UTC)),
        ("2026-08-26 12:30:05.5", datetime(2026, 8, 26, 12, 30, 5, 500000, UTC)),
        ("2026-08-26T12:30:00+02:00", datetime(2026, 8, 26, 10, 30, tzinfo=UTC)),
        ("2026-08-26T12:30:00-0530", datetime(2026, 8, 26, 18, 0, tzinfo=UTC)),
        ("2026-08-26", datetime(2026, 8, 26, tzinfo=UTC)),
        ("2026-08-26T12:30:00.123456789Z", datetime(2026, 8, 26, 12, 30, 0, 123456, UTC)),
    ],
)
def test_accepted_forms(written: str, moment: datetime) -> None:
    assert clock.parse(written) == moment


@pytest.mark.parametrize(
    "written",
    [
        "",
        "now",
        "1756212471",
        "2026-13-01",
        "2026-02-30",
        "26-08-2026",
        "2026-08-26T",
        "2026-08-26T25:00",
        "2026-08-26T12:30:61",
        "2026-08-26T12:30:00+24:00",
        "2026-08-26T12:30:00+01:60",
        "2026-08-26Z",
        "1969-12-31T23:59:59",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "0000-01-01",
        "2026-08-26T12:30:00Z ",
        "2026-08-26\n",
        "２０２６-08-26",
    ],
)
def test_refused_forms(written: str) -> None:
    with pytest.raises(ValueError, match="Not a valid datetime"):
        clock.parse(written)


def test_now_is_utc() -> None:
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.now().tzinfo is UTC


def test_the_clock_can_be_turned() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with clock.turned(to=noon):
        assert clock.now() == noon
        with clock.turned(by=timedelta(hours=1)):
            assert clock.now() == noon + timedelta(hours=1)
            with clock.turned(to=noon - timedelta(days=1)):
                assert clock.now() == noon - timedelta(days=1)
        assert clock.now() == noon
    assert clock.now() > datetime(2025, 1, 1, tzinfo=UTC)
    with clock.turned(by=timedelta(days=365)):
        assert clock.now() > datetime.now(UTC) + timedelta(days=364)
