"""The clock of one promise: kept, broken, standing still, going on."""

from datetime import UTC, datetime

import msgspec
import pytest

from polus.desk.slas import clocks
from polus.desk.slas.clocks import FIRST_RESPONSE, RESOLUTION, Clock, Facts
from polus.lang import hours

OFFICE = hours.parse(
    {"timezone": "UTC", "business_hours": [{"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}]}
)
OPEN = Facts(responded=None, closed=None, snoozed=False, out=False)


def at(clock: str, day: int = 4) -> datetime:
    """A moment of a week of March 2026; the fourth is a Wednesday."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{clock}").replace(tzinfo=UTC)


def moved(clock: Clock, moment: datetime, **facts: object) -> Clock:
    found = clocks.moved(clock, msgspec.structs.replace(OPEN, **facts), moment, OFFICE)
    assert clocks.moved(found, msgspec.structs.replace(OPEN, **facts), moment, OFFICE) == found
    return found


def test_an_answer_in_time_and_one_that_is_late() -> None:
    clock = Clock(FIRST_RESPONSE, at("12:00"))
    assert moved(clock, at("11:00"), responded=at("11:00")).state == "achieved"
    assert moved(clock, at("12:00"), responded=at("12:00")).state == "achieved"
    late = moved(clock, at("12:01"), responded=at("12:01"))
    assert (late.state, late.breached) == ("breached", at("12:00"))
    assert moved(clock, at("12:00")) == clock
    assert moved(clock, at("12:01")).breached == at("12:00")
    # Found out later: what counts is when it was answered.
    assert moved(clock, at("13:00"), responded=at("11:59")).state == "achieved"


def test_what_is_broken_stays_so_and_an_answer_is_not_taken_back() -> None:
    broken = Clock(RESOLUTION, at("12:00"), breached=at("12:00"))
    assert moved(broken, at("13:00"), closed=at("13:00")) == broken
    kept = moved(Clock(FIRST_RESPONSE, at("12:00")), at("10:00"), responded=at("10:00"))
    assert moved(kept, at("11:00"), snoozed=True) == kept


def test_a_snoozed_ticket_does_not_run_and_loses_no_business_hours_to_the_night() -> None:
    clock = Clock(RESOLUTION, at("16:00"))
    still = moved(clock, at("15:00"), snoozed=True)
    assert (still.due, still.remaining, still.state) == (None, 3600, "pending")
    assert moved(still, at("10:00", 5)).due == at("11:00", 5)
    # Half an hour is left today, the other half comes on Monday.
    assert moved(still, at("16:30", 6)).due == at("09:30", 9)
    assert moved(Clock(FIRST_RESPONSE, at("16:00")), at("15:00"), snoozed=True).due == at("16:00")


def test_reopening_takes_back_a_resolution_and_gives_the_time_that_was_left() -> None:
    kept = moved(Clock(RESOLUTION, at("16:00")), at("14:00"), closed=at("14:00"))
    assert (kept.state, kept.achieved, kept.remaining) == ("achieved", at("14:00"), 7200)
    again = moved(kept, at("09:00", 5))
    assert (again.state, again.due) == ("pending", at("11:00", 5))
    assert moved(again, at("11:30", 5), closed=at("11:30", 5)).breached == at("11:00", 5)


@pytest.mark.parametrize("metric", [FIRST_RESPONSE, RESOLUTION])
def test_in_the_trash_nothing_runs(metric: str) -> None:
    still = moved(Clock(metric, at("12:00")), at("11:00"), out=True)
    assert (still.due, still.remaining) == (None, 3600)
    assert moved(still, at("15:00")).due == at("16:00")
    assert moved(Clock(metric, at("12:00")), at("12:30"), out=True).state == "breached"


def test_closed_without_an_answer_nobody_waits_for_one() -> None:
    still = moved(Clock(FIRST_RESPONSE, at("12:00")), at("11:00"), closed=at("11:00"))
    assert (still.state, still.due) == ("pending", None)
    assert moved(still, at("13:00")).due == at("14:00")
    assert moved(still, at("13:00"), responded=at("13:00")).state == "achieved"


def test_without_hours_all_hours_count() -> None:
    assert clocks.after(None, at("16:00"), 7200) == at("18:00")
    never = hours.parse({"timezone": "UTC", "business_hours": []})
    assert clocks.after(never, at("16:00"), 7200) == at("18:00")
    assert clocks.left(None, at("16:00"), at("18:00")) == 7200
    assert clocks.left(None, at("18:00"), at("16:00")) == 0
