"""All that a ticket's page shows, fetched and arranged for the templates."""

import datetime
import uuid
from typing import Any

import msgspec

from polus.base import clock, html
from polus.channels.texts import deliveries
from polus.desk import composing, files, inbox, mail_signatures, planned, ticket_forms, unfinished, widgets
from polus.desk.composing import Composed
from polus.desk.customers import customers
from polus.desk.rules import whys as rule_whys
from polus.desk.slas import targets
from polus.desk.tickets import drafts, parties, tickets
from polus.desk.voice import orders, recordings
from polus.store.work import Work
from polus.web import chips, choices, render, senders, timelines
from polus.web.render import Here, Wire

OTHERS = 8


async def of(work: Work, here: Here, ticket_id: int) -> dict[str, Any]:
    """The facts of `parts/ticket.html` and `parts/customer.html`; 404, 301."""
    ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
    customer = msgspec.json.decode(await customers.get(work, ticket["customer"]["id"], detail=False))
    history = [msgspec.json.decode(event) for event in await inbox.history(work, ticket_id)]
    others = [
        msgspec.json.decode(other)
        for other in await inbox.others(work, customer["id"], ticket_id, OTHERS + 1)
    ]
    whys = await rule_whys.changes(work, ticket_id)
    begun = await unfinished.get(work, ticket_id)
    people, teams = await inbox.people(work), await inbox.teams(work)
    answering = reply(ticket, here)
    answering["signed"] = await mail_signatures.signs(work, answering["from_address"] or "")
    return {
        "ticket": ticket,
        "selected": ticket_id,
        "timeline": timelines.groups(ticket, history),
        "bodies": timelines.bodies(ticket, work.account.hash),
        "checks": {
            message["id"]: senders.told(message, render.catalogue(here.language).gettext)
            for message in ticket["messages"]
        },
        "files": attached(work, ticket),
        "texts": await texts(work, ticket),
        "names": {
            "users": await _names(work, people, history),
            "teams": {t["id"]: t["name"] for t in teams},
            "rules": {one.rule_id: one.rule for one in whys if one.rule},
        },
        "people": people,
        "teams": teams,
        "snoozes": choices.snoozes(here),
        "languages": choices.languages(here, ticket["language"]),
        "customer": customer,
        "panes": await widgets.shown(work, ticket["customer"], ("ticket",), {"ticket": ticket}),
        # Of this showing of the buttons: pressing one twice is done once.
        "nonce": uuid.uuid4().hex,
        "others": others[:OTHERS],
        "others_more": len(others) > OTHERS,
        "reply": answering,
        "draft": None if begun is None else await drafted(work, here, begun),
        "planned": await planned.of_ticket(work, ticket_id),
        "slas": [msgspec.json.decode(sla) for sla in await targets.of(work, [ticket_id])],
        "calls": await called(work, ticket),
        "callable": await orders.possible(work, customer),
        "errors": {},
        "notice": None,
        "newer": [],
        "forms": await ticket_forms.fields(
            work,
            {"Ticket": ticket.get("custom_fields") or {}, "Customer": customer.get("custom_fields") or {}},
        ),
        "missing": {},
        "wrong": {},
        "whys": whys_of(ticket, whys, here),
        "alike": await inbox.alike(work, customer["id"]),
        "then": "",
    }


async def called(work: Work, ticket: Wire) -> dict[int, Wire]:
    """The calls that the ticket's messages stand for, with where their recordings are heard."""
    spoken = [message["id"] for message in ticket["messages"] if message["channel"] == "phone"]
    found = await recordings.shown(work, spoken) if spoken else {}
    for call in found.values():
        for one in call["recordings"]:
            one["href"] = own(work, one["url"]) if one["url"] else ""
    return found


async def texts(work: Work, ticket: Wire) -> dict[int, str]:
    """How far those messages are that went out as texts."""
    if not any(message["channel"] in drafts.BY_TEXT for message in ticket["messages"]):
        return {}
    return await deliveries.states(work, ticket["id"])


async def drafted(work: Work, here: Here, composed: Composed) -> Wire:
    """What the composer is filled with: the content, its files as they can be opened, its actions in words."""
    found = await files.find(work, composed.files)
    return {
        "mode": composed.mode,
        "channel": composed.channel,
        "sender": composed.sender,
        "sender_address": composed.sender_address,
        "html": html.written(composed.html) if composed.html else "",
        "body": composed.body,
        "to": composed.to,
        "cc": composed.cc,
        "bcc": composed.bcc,
        "files": [composing.attached(url, file) | {"href": own(work, url)} for url, file in found.items()],
        "macros": composed.macros,
        "actions": [
            {"said": chips.said(here, action), "action": msgspec.json.encode(action).decode()}
            for action in composed.actions
        ],
        "about": composed.about,
        "seen": composed.seen,
    }


def whys_of(ticket: Wire, whys: list[rule_whys.Why], here: Here) -> dict[str, str]:
    """Who set what nobody set by hand: by field, and `tag:name` for tags; only what still is as it was set."""
    _ = render.catalogue(here.language).gettext
    now = {
        "status": ticket["status"],
        "priority": ticket["priority"],
        "subject": ticket["subject"],
        "assignee_user_id": ticket["assignee_user_id"],
        "assignee_team_id": ticket["assignee_team_id"],
    } | {f"custom_fields.{key}": entry["value"] for key, entry in (ticket.get("custom_fields") or {}).items()}
    found: dict[str, str] = {}
    for one in whys:
        when = render.long_time(one.datetime, here)
        rule = one.rule or (_("a rule that is gone") if one.rule_id else _("a setting"))
        said = _("Set by %(rule)s, %(when)s") % {"rule": rule, "when": when}
        if one.field == "tags":
            for name in one.new or ():
                found.setdefault(f"tag:{name}", said)
        elif one.field in now and now[one.field] == one.new:
            found.setdefault(one.field, said)
    return found


def own(work: Work, url: str) -> str:
    """Where a file that lies with us is fetched with the agent's session; nothing for others."""
    place = files.placed(work.account, url)
    return "/attachments/" + "/".join(place) if place else ""


def attached(work: Work, ticket: Wire) -> dict[str, str]:
    """Where the attachments that lie with us are fetched with the agent's session, by their wire address."""
    urls = {file["url"] for message in ticket["messages"] for file in message["attachments"] or []}
    return {url: place for url in urls if (place := own(work, url))}


async def _names(work: Work, people: list[Wire], history: list[Wire]) -> dict[int, str]:
    known = {person["id"]: person["name"] for person in people}
    named = {event["user_id"] for event in history}
    named |= {e["data"]["assignee_user_id"] for e in history if e["type"] == "ticket-assigned"}
    return known | await inbox.names(work, {id for id in named if id and id not in known})


def reply(ticket: Wire, here: Here) -> dict[str, Any]:
    """Whether and how the ticket can be answered: `reason` says why not."""
    _ = render.catalogue(here.language).gettext
    option = ticket["reply_options"].get("email")
    integrations = (option or {}).get("integrations") or []
    reason = None
    if option is None:
        reason = _("This customer has no e-mail address to answer to.")
    elif not option["answerable"]:
        reason = _("This customer was deleted.")
    elif not integrations:
        reason = _("No e-mail address of this helpdesk is connected to answer from.")
    channels = composing.channels(ticket)
    if channels:
        reason = None
    last = _last(ticket)
    if (ticket["reply_options"].get(last["channel"] if last else "") or {}).get("reason") == "unsubscribed":
        reason = _("The customer said STOP: no text can be sent to him until he says START.")
    return {
        "answerable": reason is None or bool(channels),
        "channels": channels,
        "reason": reason,
        "to": answered(ticket),
        "from_address": sending(ticket, integrations),
        "senders": integrations if len(integrations) > 1 else [],
        "all": everybody(ticket, integrations),
        "last": max((message["id"] for message in ticket["messages"]), default=0),
        "copies": True,
        "late": _is_late(ticket),
    }


def _last(ticket: Wire) -> Wire | None:
    """What the customer said last."""
    theirs = [message for message in ticket["messages"] if not message["from_agent"]]
    return theirs[-1] if theirs else None


def _is_late(ticket: Wire) -> bool:
    """Whether WhatsApp takes templates alone, because the customer has not written there for a day."""
    for message in reversed(ticket["messages"]):
        if message["channel"] == "whatsapp" and not message["from_agent"]:
            return clock.now() - clock.parse(message["created_datetime"]) > datetime.timedelta(hours=24)
    return "whatsapp" in composing.channels(ticket)


def everybody(ticket: Wire, integrations: list[Wire]) -> str:
    """Whom a reply to all goes to besides the customer: who else the last mail from outside went to, ourselves left out."""
    ours = {str(one["address"] or "").lower() for one in integrations}
    for message in reversed(ticket["messages"]):
        if not message["from_agent"] and message["channel"] == "email":
            source = message["source"]
            copied = [*(source.get("to") or []), *(source.get("cc") or [])]
            known = ours | {answered(ticket).lower()}
            addresses = [str(one.get("address") or "") for one in copied]
            return ", ".join(one for one in dict.fromkeys(addresses) if one and one.lower() not in known)
    return ""


def answered(ticket: Wire) -> str:
    """Where the customer asked last to be answered, or wrote from, else his address."""
    for message in reversed(ticket["messages"]):
        address = parties.answered_at(message)
        if not message["from_agent"] and message["channel"] == "email" and address:
            return address
    return ticket["customer"]["email"] or ""


def untagged(address: str) -> str:
    """An address of ours without its part after a plus."""
    local, at, domain = address.lower().partition("@")
    return local.partition("+")[0] + at + domain


def sending(ticket: Wire, integrations: list[Wire]) -> str | None:
    """The address the answer goes out from, when that is certain: the one the customer wrote to, or the only one."""
    for message in reversed(ticket["messages"]):
        if message["from_agent"] or message["integration_id"] is None:
            continue
        found = [str(one["address"]) for one in integrations if one["id"] == message["integration_id"]]
        if found:
            copied = [*(message["source"].get("to") or []), *(message["source"].get("cc") or [])]
            named = {untagged(str(one.get("address") or "")) for one in copied}
            meta = message["meta"] if isinstance(message["meta"], dict) else {}
            named.add(str(meta.get("delivered_to") or ""))
            return next((one for one in found if one.lower() in named), found[0])
    return str(integrations[0]["address"]) if len(integrations) == 1 else None
