"""The examples of metrics that only the workspace shows: the figures of its pages, in the shop of `shop`."""

import datetime
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from polus.desk.statistics import present
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.reports import Zone
from polus.store.work import SYSTEM, reading
from tests.statistics import shop

ZONE = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))
MOMENT, BEGIN, END = "2-11:58", "1-23:00", "8-23:00"
# Polus has no help center and hears of no clicks.
NOTHING = "Example: there is no figure, because Polus has no help center of its own and hears of no clicks."
NOW: dict[str, str] = {
    "assigned-open-tickets": "assigned",
    "unassigned-open-tickets": "unassigned",
    "calls-in-queue": "calls",
}
TODAY = {
    "live-tickets-created": "tickets-created",
    "live-tickets-closed": "tickets-closed",
    "live-tickets-replied": "tickets-replied",
    "live-messages-sent": "messages-sent",
}


def _names(agents: list[dict[str, Any]], online: bool) -> str:
    return ", ".join(one["name"] for one in agents if one["online"] is online)


def _since(moment: datetime.datetime | None) -> str:
    return f" since {moment:%-d-%H:%M}" if moment else ""


AGENTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "agents-online": lambda now: f"{now['online']}, {_names(now['agents'], True)}",
    "agents-offline": lambda now: f"{now['offline']}, {_names(now['agents'], False)}",
    "live-open-tickets": lambda now: "; ".join(f"{one['name']} {one['open']}" for one in now["agents"]),
    "live-online-status": lambda now: "; ".join(
        f"{one['name']} {'online' if one['online'] else 'away'}{_since(one['since'])}"
        for one in now["agents"]
    ),
}


async def told(built: shop.Builder, slug: str) -> str:
    """The example of one card."""
    asked = Asked(_at(BEGIN), _at(END), ZONE, ())
    async with reading(built.world.database, built.world.account, SYSTEM) as work:
        if slug == "messages-sent-per-macro":
            rows = await present.macros(work, asked)
            return _shown("; ".join(f"{row['name']} {row['messages']}" for row in rows), "automation")
        if slug == "ai-agent-closed-tickets":
            rows = await present.closed_by_bots(work, asked)
            return _shown("; ".join(f"{row['name']} {row['tickets']}" for row in rows), "automation")
        if slug == "comment-highlights":
            rows = await present.comments(work, asked)
            return _shown("; ".join(f"{row['score']}, “{row['text']}”" for row in rows), "satisfaction")
        work.now = _at(MOMENT)
        if slug in TODAY:
            day = {number.scope: value for number, value in await present.today(work, ZONE)}
            return _shown(str(day[TODAY[slug]]), "live")
        now = await present.now(work)
    if slug in NOW:
        return _shown(str(now[NOW[slug]]), "live")
    return _shown(AGENTS[slug](now), "live") if slug in AGENTS else NOTHING


def _shown(figure: str, page: str) -> str:
    return f"Example, shown by the workspace at `/statistics/{page}`: {figure}."


def _at(time: str) -> datetime.datetime:
    moment = shop.at(time)
    assert moment is not None
    return moment
