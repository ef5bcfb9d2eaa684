"""Lays a ticket's messages and events out in the order of time, and decides how each message's body is shown.

Pure: wire-shaped facts in, entries for `parts/ticket.html` out. Says nothing in words; the templates do.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from polus.web.render import SHOWN_TEXT, Wire

KEPT_FIRST = 1
KEPT_LAST = 6
FOLD_FROM = 12
"""A longer thread shows its first and last messages; the middle opens on demand."""

SILENT = {
    "ticket-updated",
    "ticket-created",
    "ticket-message-created",
    "ticket-message-updated",
    "ticket-message-failed",
    "ticket-message-summary-created",
    "action-executed",
    "call-recording",
    "completed-phone-call",
    "declined-phone-call",
    "incoming-phone-call",
    "missed-phone-call",
    "outgoing-phone-call",
    "phone-call-answered",
    "phone-call-dial-failed",
    "voicemail-recording",
}
"""Events that the thread shows in another way, or that repeat a more telling one."""

RICH = re.compile(
    r"<(?!/?(?:html|head|body|meta|title|p|br|div|span|wbr)\b|!)[a-z]|\sstyle\s*=|\sbgcolor\s*=", re.I
)
REMOTE = re.compile(r"""<img\b[^<>]*?\bsrc\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]*)""", re.I)


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    message: Wire | None = None
    events: list[Wire] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    entries: list[Entry]
    folded: bool = False

    @property
    def count(self) -> int:
        return sum(entry.kind == "message" for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Body:
    """How a message is shown: in a frame (HTML with a look of its own) or as text."""

    frame: str = ""
    remote: bool = False
    folded: bool = False
    text: str = ""
    rest: str = ""
    clipped: bool = False


def groups(ticket: Wire, events: list[Wire]) -> list[Group]:
    told = [event for event in events if event["type"] not in SILENT or called(event)]
    stream = [(m["created_datetime"], 1, m["id"], m) for m in ticket["messages"]]
    stream += [(e["created_datetime"], 0, e["id"], e) for e in told]
    stream.sort(key=lambda entry: entry[:3])
    return folded([entry for kind, run in groupby(stream, lambda s: s[1]) for entry in entries(kind, run)])


def called(event: Wire) -> bool:
    """Whether somebody's action called the outside: of actions this alone is told, for nothing else shows it."""
    return event["type"] == "action-executed" and (event["data"] or {}).get("name") == "http"


def entries(kind: int, run: Iterable[tuple[str, int, int, Wire]]) -> list[Entry]:
    things = [thing for *_, thing in run]
    return [Entry("message", message=m) for m in things] if kind else [Entry("events", events=things)]


def folded(stream: list[Entry]) -> list[Group]:
    places = [n for n, entry in enumerate(stream) if entry.kind == "message"]
    if len(places) < FOLD_FROM:
        return [Group(stream)] if stream else []
    start, end = places[KEPT_FIRST], places[-KEPT_LAST]
    return [Group(stream[:start]), Group(stream[start:end], folded=True), Group(stream[end:])]


def bodies(ticket: Wire, account_hash: str) -> dict[int, Body]:
    """By message id. `account_hash` stands in the addresses of files that lie with us."""
    return {message["id"]: body(ticket["id"], message, account_hash) for message in ticket["messages"]}


def body(ticket_id: int, message: Wire, account_hash: str) -> Body:
    text = message["body_text"] or ""
    html = message["body_html"] or ""
    if html and (not text or RICH.search(html)):
        shown = message["stripped_html"] or html
        return Body(
            frame=f"/tickets/{ticket_id}/messages/{message['id']}/html",
            remote=any(f"/download/{account_hash}/" not in picture for picture in REMOTE.findall(shown)),
            folded=len(shown) < len(html),
        )
    short = message["stripped_text"] or text
    return Body(
        text=short[:SHOWN_TEXT],
        rest=rest(text, short)[:SHOWN_TEXT],
        clipped=len(short) > SHOWN_TEXT or len(text) - len(short) > SHOWN_TEXT,
    )


def rest(text: str, short: str) -> str:
    """What the folding left out: the quoted history and the signature."""
    if text.strip() == short.strip():
        return ""
    lead, found, tail = text.partition(short.strip())
    return tail.strip() if found and not lead.strip() else text.strip()
