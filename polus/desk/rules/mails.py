"""E-mails of rules that are no answers: to the customer they are messages of the ticket, to others notices and a note."""

from collections.abc import Mapping
from typing import Any

from polus.base import addresses
from polus.desk.actions import Skipped, Wrong
from polus.desk.rules import replies
from polus.desk.rules.acting import Hands
from polus.desk.rules.runs import Run
from polus.desk.rules.sights import Json

# E-mails of rules out of one ticket in a day.
MOST_A_DAY = 20
MOST_RECIPIENTS = 50


async def send(hands: Hands, run: Run, given: Mapping[str, Any]) -> None:
    """`sendEmail`: public when it goes to the customer, else sent beside the ticket and quoted in a note."""
    lists = {name: _addresses(given.get(name)) for name in ("to", "cc", "bcc")}
    if not lists["to"]:
        raise Wrong("no valid address")
    said, subject = replies.body(given), str(given.get("subject") or "")
    await _quota(hands, run)
    if not _own(run.state.ticket["customer"]) & {address.lower() for address in lists["to"]}:
        await _beside(
            hands, run, [one for found in lists.values() for one in found], subject, said["body_text"]
        )
        return
    replies.answered(run, hands.work.now, any_cause=True)
    await replies.pause(hands, run)
    source: Json = {"type": "email"}
    source |= {
        name: [{"name": None, "address": one} for one in found] for name, found in lists.items() if found
    }
    integration = given.get("integration_id")
    await replies.write(
        hands,
        run,
        said,
        channel="email",
        source=source,
        subject=subject or None,
        integration_id=None if integration is None else int(integration),
    )


async def forward(hands: Hands, run: Run, given: Mapping[str, Any]) -> None:
    """`forwardMessage`: the newest public message, below what is said to it."""
    lists = [_addresses(given.get(name)) for name in ("to", "cc", "bcc")]
    if not lists[0]:
        raise Wrong("no valid address")
    public = [one for one in run.state.ticket["messages"] if one["public"]]
    if not public:
        raise Skipped("no message")
    await _quota(hands, run)
    newest, said = public[-1], str(given.get("body_text") or "")
    text = "\n\n".join(part for part in (said, newest["body_text"] or newest["stripped_text"] or "") if part)
    subject = "Fwd: " + (newest["subject"] or run.state.ticket["subject"] or "")
    await _beside(hands, run, [one for found in lists for one in found], subject, text)


async def _quota(hands: Hands, run: Run) -> None:
    if await hands.mailed(run) >= MOST_A_DAY:
        raise Skipped("too many e-mails out of this ticket today")


async def _beside(hands: Hands, run: Run, whom: list[str], subject: str, text: str) -> None:
    for address in dict.fromkeys(whom):
        await hands.notify(address, subject, text)
    head = "To: " + ", ".join(dict.fromkeys(whom)) + "\nSubject: " + subject
    await replies.note(hands, run, {"body_text": head + "\n\n" + text})


def _addresses(given: Any) -> list[str]:
    """The e-mail addresses in a text with commas or a list of such texts; what is none is left out."""
    texts = given if isinstance(given, list) else [given]
    found = [one.strip() for text in texts if isinstance(text, str) for one in text.split(",")]
    return [one for one in dict.fromkeys(found) if addresses.is_email(one)][:MOST_RECIPIENTS]


def _own(customer: Mapping[str, Any]) -> set[str]:
    channels = customer.get("channels") or []
    own = {str(one["address"]).lower() for one in channels if one["type"] == "email"}
    return own | ({customer["email"].lower()} if customer.get("email") else set())
