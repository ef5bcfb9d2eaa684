"""Reads a query of reporting and checks it: every name against its scope, every value against its member.

What is wrong is told all at once, with the names that would be right (reference: Statistics 3.5).
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from polus.base import clock, errors, names
from polus.desk.statistics import conditions, scopes
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.reports import Query, Zone
from polus.desk.statistics.scopes import Scope

GRANULARITIES = ("hour", "day", "week", "month")
LONGEST = 366  # days, by the calendar of the zone
TOO_LONG = "Maximum allowed period size is 366 days"
MSG = "Invalid query"
NO_PERIOD = "Filters periodStart and periodEnd are required."
NO_FIELD = "Filter customFieldId is required for scope ticket-fields."
BACKWARDS = "The end of the period must be after its start."
MOST_FILTERS, MOST_VALUES, MOST_DIMENSIONS = 50, 1000, 10
NOT_FLAG = "Not a valid boolean."
TWICE = "May not be given twice."
ONE_VALUE = "Exactly one value is needed."
TWO_VALUES = "Exactly two values are needed."
LARGEST = 2**63 - 1
# In the next one, local time may lie beyond what a datetime holds.
LAST_YEAR = 9998
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?", re.ASCII)

Problems = dict[str, Any]
Given = Mapping[str, Any]


def read(given: Given) -> Query:
    """The checked query. 400 with what is wrong."""
    scope = scopes.table().get(given["scope"])
    if scope is None:
        told = f"Unknown scope '{given['scope']}'. Valid scopes: {', '.join(scopes.table())}."
        raise errors.Invalid({"query": {"scope": [told]}}, MSG)
    problems: Problems = {}
    measures = _chosen("measure", scope, given.get("measures"), scope.measures, problems) or tuple(
        scope.measures
    )
    dimensions = _chosen("dimension", scope, given.get("dimensions"), scope.dimensions, problems)
    if len(dimensions) > MOST_DIMENSIONS:
        problems["dimensions"] = [errors.too_long(MOST_DIMENSIONS)]
    time = _time(scope, given.get("time_dimensions"), problems)
    zone = _zone(given["timezone"], problems)
    begin, end, filters = _filters(scope, given["filters"], zone, problems)
    order = _order(
        scope, given.get("order"), (*measures, *dimensions, *([time[0]] if time else [])), problems
    )
    if problems or begin is None or end is None:
        raise errors.Invalid({"query": problems}, MSG)
    if (end.astimezone(zone.info).replace(tzinfo=None) - begin.astimezone(zone.info).replace(tzinfo=None)) > (
        datetime.timedelta(days=LONGEST)
    ):
        raise errors.Invalid({}, TOO_LONG)
    chosen = tuple(scope.measures[name] for name in measures)
    query = Query(scope, chosen, begin, end, zone, dimensions, time, filters)
    renamed = {time[0]: query.time_key} if time and time[0] not in dimensions else {}
    ordered = tuple((renamed.get(name, name), way) for name, way in order)
    return Query(scope, chosen, begin, end, zone, dimensions, time, filters, ordered)


def _unknown(kind: str, name: Any, scope: Scope, valid: Sequence[str]) -> str:
    return f"Unknown {kind} '{name}' for scope '{scope.name}'. Valid {kind}s: {', '.join(valid) or 'none'}."


def _chosen(
    kind: str,
    scope: Scope,
    given: Sequence[str] | None,
    valid: Mapping[str, Any] | Sequence[str],
    problems: Problems,
) -> tuple[str, ...]:
    told = [_unknown(kind, name, scope, list(valid)) for name in given or () if name not in valid]
    if len(set(given or ())) < len(given or ()):
        told.append(TWICE)
    if told:
        problems[kind + "s"] = told
    return tuple(given or ())


def _time(scope: Scope, given: Sequence[Given] | None, problems: Problems) -> tuple[str, str] | None:
    if not given:
        return None
    told = []
    if len(given) > 1:
        told.append(errors.too_long(1))
    name, granularity = given[0]["dimension"], given[0]["granularity"]
    if name not in scope.times:
        told.append(_unknown("time dimension", name, scope, scope.times))
    if granularity not in GRANULARITIES:
        told.append(f"Unknown granularity '{granularity}'. Valid granularities: {', '.join(GRANULARITIES)}.")
    if told:
        problems["time_dimensions"] = told
    return name, granularity


def _zone(name: str, problems: Problems) -> Zone:
    if name not in names.TIMEZONES:
        problems["timezone"] = [errors.NOT_CHOICE]
        name = "UTC"
    return Zone(name, ZoneInfo(name))


def _order(
    scope: Scope, given: Sequence[Sequence[str]] | None, valid: Sequence[str], problems: Problems
) -> list[tuple[str, str]]:
    told = []
    for pair in given or ():
        if len(pair) != 2 or pair[1] not in ("asc", "desc"):
            told.append('Must be a pair of a name and "asc" or "desc".')
        elif pair[0] not in valid:
            told.append(_unknown("order name", pair[0], scope, valid))
    if told:
        problems["order"] = told
    return [(pair[0], pair[1]) for pair in given or () if len(pair) == 2]


def _filters(
    scope: Scope, given: Sequence[Given], zone: Zone, problems: Problems
) -> tuple[datetime.datetime | None, datetime.datetime | None, tuple[Filter, ...]]:
    if len(given) > MOST_FILTERS:
        problems["filters"] = [errors.too_long(MOST_FILTERS)]
        return None, None, ()
    read: list[Filter] = []
    wrong: Problems = {}
    for place, one in enumerate(given):
        try:
            read += _filter(scope, one, zone)
        except _Wrong as error:
            wrong[str(place)] = error.args[0]
    if wrong:
        problems["filters"] = wrong
        return None, None, ()
    begins = [one.values[0] for one in read if one.member == "periodStart"]
    ends = [one.values[0] for one in read if one.member == "periodEnd"]
    told = []
    if not begins or not ends:
        told.append(NO_PERIOD)
    elif min(ends) <= max(begins):
        told.append(BACKWARDS)
    if scope.name == "ticket-fields" and not any(one.member == "customFieldId" for one in read):
        told.append(NO_FIELD)
    if told:
        problems["filters"] = told
        return None, None, ()
    return max(begins), min(ends), tuple(one for one in read if one.member not in scopes.PERIOD)


class _Wrong(Exception):
    """What is wrong with one filter."""


def _filter(scope: Scope, one: Given, zone: Zone) -> list[Filter]:
    member, values = one["member"], one["values"]
    valid = [*scopes.PERIOD, *scope.members]
    valid += [*(["customFields"] if scope.custom_fields else []), *(["tags"] if scope.tags else [])]
    if member not in valid:
        raise _Wrong([_unknown("member", member, scope, valid)])
    if len(values) > MOST_VALUES:
        raise _Wrong([errors.too_long(MOST_VALUES)])
    if member in ("customFields", "tags"):
        return [_of_ticket(member, value) for value in values]
    operator = one.get("operator")
    if operator is None:
        raise _Wrong({"operator": [errors.REQUIRED]})
    if operator == "all-of" and len(values) == 1:
        operator = "one-of"
    if member in scopes.PERIOD:
        _allow(operator, scopes.PERIOD_OPERATORS[member], member)
        return _period(member, operator, values, zone)
    kind = scope.members[member]
    _allow(operator, scopes.OPERATORS[kind], member)
    return _values(member, kind, operator, values, zone)


def _allow(operator: str, valid: Sequence[str], member: str) -> None:
    if operator not in valid:
        raise _Wrong(
            [f"Operator '{operator}' is not allowed for '{member}'. Valid operators: {', '.join(valid)}."]
        )


def _period(member: str, operator: str, values: Sequence[Any], zone: Zone) -> list[Filter]:
    moments = _moments(values, zone, 2 if operator == "inDateRange" else 1)
    if operator == "inDateRange":
        return [
            Filter("periodStart", "afterDate", (moments[0],)),
            Filter("periodEnd", "beforeDate", (moments[1],)),
        ]
    return [Filter(member, operator, (moments[0],))]


def _values(member: str, kind: str, operator: str, values: Sequence[Any], zone: Zone) -> list[Filter]:
    if operator == "set":
        texts = tuple(str(value).lower() for value in values)
        if texts not in ((), ("true",), ("false",)):
            raise _Wrong([NOT_FLAG])
        return [Filter(member, operator, texts)]
    if not values:
        return []
    if kind == "date":
        return [Filter(member, operator, _moments(values, zone, 2 if operator == "inDateRange" else 1))]
    if kind == "flag":
        return [Filter(member, operator, tuple(dict.fromkeys(map(_flag, values))))]
    reader = _whole if member in conditions.NUMBERS else _text
    read = tuple(reader(value) for value in values)
    if member == "customFieldId" and len(read) != 1:
        raise _Wrong([ONE_VALUE])
    return [Filter(member, operator, read)]


def _of_ticket(member: str, value: Any) -> Filter:
    """One condition on the tags or custom fields that a ticket has now."""
    if not isinstance(value, dict) or not isinstance(value.get("values"), list):
        raise _Wrong([errors.WRONG_TYPE])
    valid = ("one-of", "not-one-of") if member == "customFields" else ("one-of", "not-one-of", "all-of")
    _allow(str(value.get("operator")), valid, member)
    if len(value["values"]) > MOST_VALUES:
        raise _Wrong([errors.too_long(MOST_VALUES)])
    if member == "tags":
        return Filter(member, value["operator"], tuple(map(_whole, value["values"])))
    field_id = _whole(value.get("custom_field_id"))
    return Filter(member, value["operator"], tuple(map(_text, value["values"])), field_id)


def _whole(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
        raise _Wrong([errors.NOT_INTEGER])
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(int(value) if float(value).is_integer() else value)
    if not isinstance(value, str) or "\0" in value:
        raise _Wrong([errors.NOT_STRING])
    return value


def _flag(value: Any) -> str:
    told = str(value).lower()
    if told in ("true", "1", "1.0"):
        return "true"
    if told in ("false", "0", "0.0"):
        return "false"
    raise _Wrong([NOT_FLAG])


def _moments(values: Sequence[Any], zone: Zone, count: int) -> tuple[datetime.datetime, ...]:
    if len(values) != count:
        raise _Wrong([ONE_VALUE if count == 1 else TWO_VALUES])
    return tuple(_moment(value, zone) for value in values)


def _moment(value: Any, zone: Zone) -> datetime.datetime:
    """A bare date, or a time without offset, is local."""
    if not isinstance(value, str):
        raise _Wrong([errors.NOT_DATETIME])
    try:
        moment = clock.parse(value)
        if _LOCAL.fullmatch(value):
            moment = moment.replace(tzinfo=zone.info).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise _Wrong([errors.NOT_DATETIME]) from None
    if moment.year > LAST_YEAR:
        raise _Wrong([errors.NOT_DATETIME])
    return moment
