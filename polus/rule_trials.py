"""`polus rules try`: a rule, stored or in a file, run over history; nothing is changed."""

import asyncio
import gc
import time
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from polus import commands, founding, screen
from polus.base import clock, errors, wire
from polus.base.settings import Settings
from polus.desk.rules import rules, trials
from polus.desk.rules.rules import TRIGGERS
from polus.desk.rules.trials import Cast, Draft, Row
from polus.lang import durations
from polus.store.work import SYSTEM, looking, reading

MOST_SHOWN = 200
ON = "ticket-created,ticket-message-created"


class Told(msgspec.Struct):
    """What a trial came to."""

    chains: int = 0
    tickets: set[int] = msgspec.field(default_factory=set)
    rows: list[Row] = msgspec.field(default_factory=list)
    seconds: float = 0.0

    @property
    def touched(self) -> int:
        return len({row.ticket_id for row in self.rows if row.actions})


async def run(settings: Settings, domain: str, what: str, on: str | None, since: str, as_json: bool) -> None:
    """Play the history and tell what the rule would have done."""
    draft = await asyncio.to_thread(_draft, what, on)
    try:
        length = durations.parse(since)
    except ValueError as wrong:
        raise errors.one("--since", str(wrong)) from None
    # What a trial makes has no cycles, and looking for some costs it a quarter of its time.
    gc.set_threshold(200_000, 50, 50)
    async with founding.current(settings) as database:
        account = await commands.only_account(database, domain)
        async with looking(database, account, SYSTEM) as work:
            given, told, begun = await trials.cast(work, [draft]), Told(), time.monotonic()
            async for part in trials.play(work, given, work.now - length, work.now):
                told.chains += part.chains
                told.tickets |= part.tickets
                told.rows += part.rows
            told.seconds = time.monotonic() - begun
    if as_json:
        _say_json(given, told)
    else:
        _say(given, told)


async def list_(settings: Settings, domain: str, as_json: bool) -> None:
    """The rules in their order."""
    async with founding.current(settings) as database:
        account = await commands.only_account(database, domain)
        async with reading(database, account, SYSTEM) as work:
            rows = await rules.overview(work)
    if as_json:
        screen.say(wire.encode(wire.told(rows)))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Number", "Priority", "Name", "Triggers", "State"):
        table.add_column(title, overflow="fold")
    for row in rows:
        state = "on" if row["deactivated_datetime"] is None else "off"
        reason = f": {row['deactivation_reason']}" if row["deactivation_reason"] else ""
        table.add_row(
            str(row["id"]), str(row["priority"]), row["name"], row["event_types"] or "", state + reason
        )
    Console().print(table)


def _draft(what: str, on: str | None) -> Draft:
    """The rule of that number, or the one in that file."""
    triggers = on.split(",") if on else None
    unknown = [name for name in triggers or () if name not in TRIGGERS]
    if unknown:
        raise errors.one("--on", f"Unknown trigger {unknown[0]}; there are {', '.join(TRIGGERS)}.")
    if what.isascii() and what.isdigit():
        return Draft(id=int(what), event_types=triggers)
    file = Path(what)
    try:
        return Draft(name=file.stem, code=file.read_text(), event_types=triggers or ON.split(","))
    except (OSError, UnicodeDecodeError):
        raise errors.one(what, "Neither the number of a rule nor a file that can be read.") from None


def _say_json(given: Cast, told: Told) -> None:
    rows = [
        {
            **msgspec.structs.asdict(row),
            "conflicts": [
                {**msgspec.structs.asdict(one), "rule_name": given.names.get(one.rule_id, "")}
                for one in row.conflicts
            ],
        }
        for row in told.rows
    ]
    meta = {
        "examined_chains": told.chains,
        "examined_tickets": len(told.tickets),
        "touched_tickets": told.touched,
        "seconds": round(told.seconds, 3),
    }
    screen.say(wire.encode(wire.told({"data": rows, "meta": meta})))


def _say(given: Cast, told: Told) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("When", "Ticket", "Trigger", "Would do", "Did", "Conflicts"):
        table.add_column(title, overflow="fold")
    for row in told.rows[:MOST_SHOWN]:
        table.add_row(
            clock.text(row.datetime)[:16].replace("T", " "),
            f"{row.ticket_id} {row.subject or ''}"[:60],
            row.event_type,
            "\n".join(map(_action, row.actions)) or "nothing" + _why(row),
            "the same" if not row.changed else "\n".join(map(_action, row.live_actions)) or "nothing",
            "\n".join(_conflict(one, given) for one in row.conflicts),
        )
    if told.rows:
        Console().print(table)
    if len(told.rows) > MOST_SHOWN:
        screen.say(f"… and {len(told.rows) - MOST_SHOWN} more; --json has them all.")
    rate = len(told.tickets) / max(told.seconds, 0.001)
    screen.say(
        f"{told.touched} of {len(told.tickets)} tickets would have been touched;"
        f" {sum(bool(row.conflicts) for row in told.rows)} times another rule wanted otherwise."
        f" ({told.chains} causes, {rate:,.0f} tickets a second. Nothing was changed.)"
    )
    approximate = sorted({path for row in told.rows for path in row.approximate})
    if approximate:
        screen.say("Taken as they are today, for no history is kept of them: " + ", ".join(approximate))


def _why(row: Row) -> str:
    return "" if row.status in ("silent", "success") else f" ({row.status})"


def _action(action: Any) -> str:
    said = ", ".join(f"{key} {_short(value)}" for key, value in action["arguments"].items())
    reason = f" [{action['status']}: {action['reason']}]" if action["status"] != "success" else ""
    return f"{action['name']} {said}{reason}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else wire.encode(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _conflict(one: Any, given: Cast) -> str:
    other = given.names.get(one.rule_id) or f"rule {one.rule_id}"
    if one.kind == "reply":
        return f"{other} answers as well"
    if one.kind == "tag":
        return f"tag {one.field}: {one.ours}, {one.theirs} by {other}"
    return f"{one.field}: {_short(one.ours)}, {_short(one.theirs)} by {other}"
