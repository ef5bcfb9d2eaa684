"""One promise about one ticket: running, standing still, kept or broken, and what turns one into the other. Pure."""

from datetime import datetime, timedelta

import msgspec

from polus.lang.hours import Hours

FIRST_RESPONSE = "first-response"
RESOLUTION = "resolution"


class Clock(msgspec.Struct, frozen=True):
    """A target of a ticket. It runs until `due`, or stands still with `remaining` seconds (both ends open then)."""

    metric: str
    due: datetime | None
    remaining: int | None = None
    achieved: datetime | None = None
    breached: datetime | None = None

    @property
    def state(self) -> str:
        """`achieved`, `breached` or `pending`, as the statistics say."""
        return "breached" if self.breached else "achieved" if self.achieved else "pending"


class Facts(msgspec.Struct, frozen=True):
    """What a ticket is like now. `responded`: when a user first answered in public; `closed`: when it was closed for
    good, that is not until a moment; `out`: in the trash or spam."""

    responded: datetime | None
    closed: datetime | None
    snoozed: bool
    out: bool


def after(hours: Hours | None, start: datetime, seconds: int) -> datetime:
    """When so many seconds are over: of these hours, or of any where there are none or they never end."""
    found = hours.after(start, seconds) if hours is not None else None
    return found or start + timedelta(seconds=seconds)


def left(hours: Hours | None, start: datetime, due: datetime) -> int:
    """Seconds from `start` to `due`, measured the same way."""
    between = hours.between(start, due) if hours is not None else (due - start).total_seconds()
    return max(0, round(between))


def moved(clock: Clock, facts: Facts, at: datetime, hours: Hours | None) -> Clock:
    """The clock as it must be when the ticket is like that since `at`. The same facts twice change nothing."""
    if clock.breached is not None:
        return clock
    step = _first_response if clock.metric == FIRST_RESPONSE else _resolution
    return step(clock, facts, at, hours)


def _first_response(clock: Clock, facts: Facts, at: datetime, hours: Hours | None) -> Clock:
    if clock.achieved is not None:
        return clock
    if facts.responded is not None:
        return _done(clock, facts.responded, hours)
    # Closed without an answer, there is nobody who waits for one.
    return _running(clock, facts.out or facts.closed is not None, at, hours)


def _resolution(clock: Clock, facts: Facts, at: datetime, hours: Hours | None) -> Clock:
    if facts.closed is not None:
        return clock if clock.achieved else _done(clock, facts.closed, hours)
    if clock.achieved is not None:
        # Open again: what was left then is left now.
        clock = msgspec.structs.replace(clock, achieved=None, due=None)
    return _running(clock, facts.out or facts.snoozed, at, hours)


def _done(clock: Clock, moment: datetime, hours: Hours | None) -> Clock:
    """Kept, when it happened in time or while the clock stood still; `due` is gone, what was left is remembered."""
    if clock.due is None:
        return msgspec.structs.replace(clock, achieved=moment)
    if moment > clock.due:
        return msgspec.structs.replace(clock, breached=clock.due)
    return msgspec.structs.replace(clock, achieved=moment, remaining=left(hours, moment, clock.due))


def _running(clock: Clock, still: bool, at: datetime, hours: Hours | None) -> Clock:
    """Going on, or standing still; broken when it ran out before."""
    if clock.due is None:
        if still:
            return clock
        return msgspec.structs.replace(clock, due=after(hours, at, clock.remaining or 0), remaining=None)
    if at > clock.due:
        return msgspec.structs.replace(clock, breached=clock.due)
    if not still:
        return clock
    return msgspec.structs.replace(clock, due=None, remaining=left(hours, at, clock.due))
