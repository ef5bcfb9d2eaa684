"""Statistics: boards of numbers with charts, their tables and CSV; the tickets behind a number; what is so now."""

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from polus.base import errors
from polus.desk.statistics import boards, narrowings, origins, present, readings, sheets
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.boards import BOARDS, Board, Line, Number, Table
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.readings import Reading
from polus.desk.statistics.reports import Zone
from polus.desk.statistics.sources import Behind, Part
from polus.store.work import Work
from polus.web import charts, render, routes
from polus.web.pages import shell, wishes
from polus.web.pages.wishes import Wish
from polus.web.visits import Visit

PATH = "/statistics"
MOST_TICKETS = 500
CHANNELS = ("email", "chat", "contact_form", "phone", "sms", "whatsapp", "help-center", "api")


def _with_field(asked: Asked, field: str, choices: Any) -> Asked:
    """The values of one field only; of the first one when none is chosen."""
    known = [number for number, _ in choices["field"]]
    number = int(field) if field.isascii() and field.isdigit() and len(field) < 19 else 0
    number = number if number in known else next(iter(known), 0)
    return Asked(
        asked.begin, asked.end, asked.zone, (*asked.filters, Filter("customFieldId", "one-of", (number,)))
    )


async def overview(visit: Visit) -> Response:
    return await _board(visit, "overview")


async def board(visit: Visit) -> Response:
    return await _board(visit, visit.request.path_params["board"])


def _found(name: str) -> Board:
    if name not in BOARDS:
        raise errors.NotFound
    return BOARDS[name]


async def _board(visit: Visit, name: str) -> Response:
    shown, wanted, _ = _found(name), wishes.wish(visit), visit.gettext
    async with visit.reading() as work:
        choices = await narrowings.choices(work)
        asked = (
            _with_field(wanted.asked, wanted.chosen["field"], choices) if name == "fields" else wanted.asked
        )
    found = await _read(visit, readings.begin(asked, shown, wanted.step))
    async with visit.reading() as work:
        lines = [
            _line(one, told, wanted.step, visit) for one, told in zip(shown.lines, found.lines, strict=True)
        ]
        tables = [
            await _table(work, one, rows, visit) for one, rows in zip(shown.tables, found.tables, strict=True)
        ]
        rankings = await _rankings(work, asked) if name == "automation" else []
        comments = await present.comments(work, asked) if name == "satisfaction" else None
    return await _page(
        visit, "statistics/board.html", name, wanted, title=_(shown.title), about=_(shown.about), choices=choices,
        figures=found.figures, lines=lines, tables=tables, rankings=rankings, comments=comments,
    )  # fmt: skip


async def _read(visit: Visit, reading: Reading) -> readings.Content:
    """A page, by two connections at once: each finishes what it has begun, then the first failure is the page's."""

    async def some() -> None:
        async with visit.reading() as work:
            await readings.read(work, reading)

    for outcome in await asyncio.gather(some(), some(), return_exceptions=True):
        if outcome is not None:
            raise outcome
    return readings.content(reading)


# What rules and macros did: part, its title, what is listed, what is counted, and of which name.
RANKINGS = (
    ("rules", boards.N_("Rules"), boards.N_("Rule"), boards.N_("Runs"), "runs", present.rules),
    ("macros", boards.N_("Macros"), boards.N_("Macro"), boards.N_("Messages"), "messages", present.macros),
    (
        "bots",
        boards.N_("Tickets closed by AI agents"),
        boards.N_("Channel"),
        boards.N_("Tickets"),
        "tickets",
        present.closed_by_bots,
    ),
)


async def _rankings(work: Work, asked: Asked) -> list[dict[str, Any]]:
    shown = []
    for part, title, head, column, count, read in RANKINGS:
        rows = await read(work, asked)
        bars = charts.bars([row[count] for row in rows])
        known = {"part": part, "title": title, "head": head, "column": column, "count": count}
        shown.append({**known, "rows": rows, "bars": bars})
    return shown


async def _page(visit: Visit, template: str, name: str, wanted: Wish, **facts: Any) -> Response:
    menu = [(key, one.title, one.icon) for key, one in BOARDS.items()]
    menu.append(("live", boards.N_("Live"), "activity"))
    known: dict[str, Any] = {"menu": menu, "board": name, "wish": wanted, "periods": wishes.PERIODS}
    known |= {"channels": CHANNELS, "back": None}
    return await shell.page(visit, template, PATH, **known | facts)


def _line(wanted: Line, told: tuple[list[str], list[list[Any]]], step: str, visit: Visit) -> dict[str, Any]:
    begins, values = told
    here = visit.here(view="")
    names = [render.bucket(begin, step, here) for begin in begins]
    return {
        "line": wanted,
        "begins": begins,
        "names": names,
        "values": values,
        "chart": charts.line(names, values),
    }


async def _table(
    work: Work, wanted: Table, rows: list[tuple[Any, list[Any]]], visit: Visit
) -> dict[str, Any]:
    names = await narrowings.names(work, wanted.by, [group for group, _ in rows])
    shown = [(group, _name(visit, names.get(group, group)), values) for group, values in rows]
    return {"table": wanted, "rows": shown, "bars": charts.bars([values[0] for _, values in rows])}


def _name(visit: Visit, group: Any) -> str:
    return visit.gettext("Nobody or nothing") if group is None else str(group)


async def sheet(visit: Visit) -> Response:
    """One part of a board as CSV: `numbers`, `line-0`, `table-0`."""
    name, part = visit.request.path_params["board"], visit.request.path_params["part"]
    shown, wanted, _ = _found(name), wishes.wish(visit), visit.gettext
    kind, _dash, place = part.partition("-")
    parts = {"numbers": (shown,), "line": shown.lines, "table": shown.tables}.get(kind, ())
    ranking = next((one for one in RANKINGS if name == "automation" and one[0] == part), None)
    at = int(place) if place.isascii() and place.isdigit() and len(place) < 3 else 0
    if at >= len(parts) and ranking is None:
        raise errors.NotFound
    async with visit.reading() as work:
        choices = await narrowings.choices(work)
        asked = (
            _with_field(wanted.asked, wanted.chosen["field"], choices) if name == "fields" else wanted.asked
        )
        if ranking is not None:
            _part, _title, head, column, count, read = ranking
            counted = await read(work, asked)
            rows = [[_(head), _(column)], *([row["name"] or f"#{row['id']}", row[count]] for row in counted)]
        elif kind == "numbers":
            found = await boards.figures(work, asked, shown.numbers)
            rows = [
                [_("Number"), _("Value"), _("Before")],
                *([_(one.number.title), one.value, one.before] for one in found),
            ]
        elif kind == "line":
            line = shown.lines[at]
            begins, values = await boards.line(work, asked, line, wanted.step)
            rows = [
                ["date", *(_(one.title) for one in line.numbers)],
                *map(list, zip(begins, *values, strict=True)),
            ]
        else:
            table = await _table(
                work, shown.tables[at], await boards.table(work, asked, shown.tables[at]), visit
            )
            heads = [_(shown.tables[at].head), *(_(one.title) for one in shown.tables[at].numbers)]
            rows = [heads, *([title, *values] for _group, title, values in table["rows"])]
    return _csv(f"{name}-{part}", rows)


async def behind(visit: Visit) -> Response:
    """The tickets behind a number."""
    given, wanted, _ = visit.request.query_params, wishes.wish(visit), visit.gettext
    if given.get("of", "") in ORIGINS:
        return await _origin(visit, given["of"], _part(given).group or "", wanted)
    scope, measure = given.get("scope", ""), given.get("measure", "")
    number = next((one for one in _numbers() if (one.scope, one.measure) == (scope, measure)), None)
    if number is None:
        raise errors.NotFound
    async with visit.reading() as work:
        asked = wanted.asked
        if scope == "ticket-fields":
            asked = _with_field(asked, wanted.chosen["field"], await narrowings.choices(work))
        part = _part(given)
        found = await boards.behind(work, asked, scope, measure, MOST_TICKETS, part, wanted.step)
        about = " · ".join(filter(None, (_period(wanted, visit), await _said(work, part, wanted, visit))))
        rows = await _rows(work, found)
    return await _tickets(visit, wanted, number, about, found, rows)


async def _rows(work: Work, found: Behind) -> list[tuple[Any, Any]]:
    """What is shown of the tickets that are there still, and each one's value."""
    tickets = await narrowings.tickets(work, [ticket for ticket, _value in found.tickets])
    return [(tickets[ticket], value) for ticket, value in found.tickets if ticket in tickets]


async def _tickets(
    visit: Visit, wanted: Wish, number: Number, about: str, found: Behind, rows: list[tuple[Any, Any]]
) -> Response:
    """The page of what is behind a number; without a scope it is no measure."""
    column = number.title if number.scope else COUNTED.get(number.measure, number.title)
    valued = any(value is not None for _ticket, value in rows)
    back = (f"{PATH}/overview{'?' + wanted.query if wanted.query else ''}", visit.gettext("Statistics"))
    return await _page(
        visit, "statistics/tickets.html", "", wanted, back=back,
        title=visit.gettext(number.title), about=about, rows=rows, found=found, column=column if valued else "",
        type="number" if found.counted is not None else number.type,
    )  # fmt: skip


# The parts of pages that are no measures, and what their tickets are headed with.
ORIGINS = {
    **{part: title for part, title, *_rest in RANKINGS},
    "assigned": boards.N_("Assigned"),
    "calls": boards.N_("Calls in queue"),
}
COUNTED = {part: column for part, _title, _head, column, *_rest in RANKINGS}


async def _origin(visit: Visit, part: str, group: str, wanted: Wish) -> Response:
    async with visit.reading() as work:
        found = await origins.behind(work, wanted.asked, part, group, MOST_TICKETS)
        rows = await _rows(work, found)
        about = await _said(work, Part(part, group), wanted, visit) if group else ""
    return await _tickets(visit, wanted, Number(ORIGINS[part], "", part), about, found, rows)


def _part(given: Mapping[str, str]) -> Part:
    by, group, bucket = (given.get(name, "")[:300].replace("\0", "") for name in ("by", "group", "bucket"))
    return Part(by, group if "group" in given else None, bucket)


def _period(wanted: Wish, visit: Visit) -> str:
    """The days that the number is of."""
    here = visit.here(view="")
    return " – ".join(render.bucket(day.isoformat(), "date", here) for day in (wanted.first, wanted.last))


async def _said(work: Work, part: Part, wanted: Wish, visit: Visit) -> str:
    """What is told of a part of a number: whose, and when."""
    said = []
    if part.by:
        number = int(part.group) if part.group and part.group.isdigit() and len(part.group) < 19 else None
        names = await narrowings.names(work, part.by, [number])
        said.append(_name(visit, names.get(number, part.group)))
    if part.bucket:
        said.append(render.bucket(part.bucket, wanted.step, visit.here(view="")))
    return " · ".join(said)


def _numbers() -> list[Number]:
    shown = [number for one in BOARDS.values() for number in one.numbers]
    parts = [part.numbers for one in BOARDS.values() for part in one.lines]
    parts += [part.numbers for one in BOARDS.values() for part in one.tables]
    return shown + [number for numbers in parts for number in numbers]


async def comments(visit: Visit) -> Response:
    """The comments of the board of satisfaction as CSV."""
    wanted, _ = wishes.wish(visit), visit.gettext
    async with visit.reading() as work:
        found = await present.comments(work, wanted.asked)
    rows = [[_("Score"), _("Comment"), _("Ticket"), _("Date")]]
    rows += [[one["score"], one["text"], one["ticket_id"], one["moment"].isoformat()] for one in found]
    return _csv("satisfaction-comments", rows)


def _csv(name: str, rows: list[list[Any]]) -> Response:
    disposition = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(sheets.text(rows), media_type="text/csv; charset=utf-8", headers=disposition)


# The numbers of the present moment: title, name.
PRESENT = (
    (boards.N_("Open tickets"), "open"),
    (boards.N_("Assigned"), "assigned"),
    (boards.N_("Not assigned"), "unassigned"),
    (boards.N_("Agents online"), "online"),
    (boards.N_("Agents away"), "offline"),
    (boards.N_("Calls in queue"), "calls"),
)


async def _live(visit: Visit) -> tuple[dict[str, Any], list[tuple[Number, Any]]]:
    zone = visit.here(view="").zone
    async with visit.reading() as work:
        return await present.now(work), await present.today(work, Zone(zone.key, zone))


async def live(visit: Visit) -> Response:
    """Open now, who is at work, who waits longest, what has happened today."""
    _, here = visit.gettext, visit.here(view="")
    now, today = await _live(visit)
    date = here.now.astimezone(here.zone).date().isoformat()
    return await _page(
        visit, "statistics/live.html", "live", wishes.wish(visit), title=_("Live"), about=_("As it is at this moment."),
        now=now, today=today, numbers=PRESENT, day=f"&from={date}&to={date}",
    )  # fmt: skip


async def live_sheet(visit: Visit) -> Response:
    """One part of it as CSV: `numbers`, `agents`, `longest`."""
    part, _ = visit.request.path_params["part"], visit.gettext
    now, today = await _live(visit)
    numbers = [
        *([_(title), now[name]] for title, name in PRESENT),
        *([_(number.title), value] for number, value in today),
    ]
    agents = [
        [one["name"], _("Online") if one["online"] else _("Away"), _when(one["since"]), one["open"]]
        for one in now["agents"]
    ]
    longest = [[one["subject"], one["id"], one["channel"], _when(one["since"])] for one in now["longest"]]
    parts: dict[str, list[list[Any]]] = {
        "numbers": [[_("Number"), _("Value")], *numbers],
        "agents": [[_("Agent"), _("State"), _("Since"), _("Open tickets")], *agents],
        "longest": [[_("Ticket"), "id", _("Channel"), _("Since")], *longest],
    }
    if part not in parts:
        raise errors.NotFound
    return _csv("live-" + part, parts[part])


def _when(moment: datetime.datetime | None) -> str:
    return moment.isoformat() if moment else ""


ROUTES = (
    routes.get(PATH, overview),
    routes.get(PATH + "/live", live),
    routes.get(PATH + "/live/{part}.csv", live_sheet),
    routes.get(PATH + "/satisfaction/comments.csv", comments),
    routes.get(PATH + "/tickets", behind),
    routes.get(PATH + "/{board}", board),
    routes.get(PATH + "/{board}/{part}.csv", sheet),
)
