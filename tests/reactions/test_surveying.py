"""Surveys: planned when a ticket is closed, sent once when due, taken back when it is re-opened."""

import asyncio
import datetime
from typing import Any

import pytest

from polus.base import clock
from polus.desk import surveying
from polus.desk.accounts import Book
from polus.due import Due
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store import work as works
from polus.store.queue import Queue
from polus.store.work import SYSTEM, Subscription, writing
from tests import make
from tests.world import World

SURVEYS = [reaction for reaction in table.REACTIONS if reaction.name == "surveys"]
HOUR = datetime.timedelta(hours=1)
NOTICES = "select recipient, subject, body_text, body_html, ticket_id from notices where account_id = $1 order by id"


@pytest.fixture(autouse=True)
def _subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    for reaction in SURVEYS:
        for kind in reaction.on:
            monkeypatch.setitem(works.subscriptions, kind, (Subscription(reaction.name),))


async def _react(world: World) -> None:
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Outbox(world.database, SURVEYS, book).lane()).drain()


async def _send(world: World, *, after: datetime.timedelta = HOUR * 3, workers: int = 1) -> None:
    with clock.turned(by=after):
        lanes = [
            Queue(
                world.database,
                Due(world.database, Book(world.database, "https://help.example"), "surveys").lane(),
            )
            for _ in range(workers)
        ]
        await asyncio.gather(*(lane.drain() for lane in lanes))


async def _closed(world: World, **more: Any) -> dict[str, Any]:
    ticket = await make.ticket(world, **more)
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"status": "closed"})
    await _react(world)
    return ticket


async def _set(world: World, **data: Any) -> None:
    rows = await world.rows(
        "select id from account_settings where account_id = $1 and type = 'satisfaction-surveys'"
    )
    body = {"type": "satisfaction-surveys", "data": data}
    assert (await world.ada.put(f"/api/account/settings/{rows[0]['id']}", body)).status == 200


async def _survey(world: World, ticket_id: int) -> Any:
    listed = (await world.oda.get("/api/satisfaction-surveys", ticket_id=ticket_id)).json["data"]
    return listed[0] if listed else None


async def test_a_closed_tickets_customer_is_asked_once_after_the_interval(world: World) -> None:
    ticket = await _closed(world)
    planned = await _survey(world, ticket["id"])
    closed = (await world.oda.get(f"/api/tickets/{ticket['id']}")).json["closed_datetime"]
    due = datetime.datetime.fromisoformat(closed) + HOUR * 2
    assert datetime.datetime.fromisoformat(planned["should_send_datetime"]) == due
    await _send(world, after=HOUR)
    assert await world.rows(NOTICES) == []
    await _send(world, workers=3)
    await _send(world)
    (mail,) = await world.rows(NOTICES)
    assert (mail["recipient"], mail["subject"], mail["ticket_id"]) == (
        "mia@example.com", "How did we do?", ticket["id"],
    )  # fmt: skip
    assert mail["body_text"].startswith("Hi Mia,\n")
    link = mail["body_text"].split()[-1]
    assert surveying.PATH in link
    assert f'<a href="{link}">' in mail["body_html"]
    sent = await _survey(world, ticket["id"])
    assert sent["sent_datetime"] is not None
    told = await world.events("satisfaction-survey-sent")
    assert [(e[2], e[3]) for e in told] == [(planned["id"], {"ticket_id": ticket["id"], "score": None})]
    # Closed again, it is not asked again.
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"status": "open"})
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"status": "closed"})
    await _react(world)
    await _send(world)
    assert len(await world.rows(NOTICES)) == 1


async def test_reopening_takes_back_what_was_planned(world: World) -> None:
    ticket = await _closed(world)
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"status": "open"})
    await _react(world)
    assert await _survey(world, ticket["id"]) is None
    told = await world.events("ticket-satisfaction-survey-skipped")
    assert [(e[2], e[3]) for e in told] == [(ticket["id"], {"reason": "reopened"})]
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"status": "closed"})
    await _react(world)
    assert await _survey(world, ticket["id"]) is not None


async def test_who_is_not_asked(world: World) -> None:
    await _set(world, send_survey_for_chat=False)
    machine = make.mail(headers={"Auto-Submitted": "auto-replied"})
    phone = {"channel": "phone", "from_agent": False, "body_text": "Ring", "via": "phone"}
    tickets = [
        await _closed(world, channel="chat"),
        await _closed(world, channel="sms"),
        await _closed(world, spam=True),
        await _closed(world, imported=True),
        await _closed(world, messages=[machine]),
        await _closed(
            world, messages=[phone], customer={"name": "Nobody", "external_id": "n"}, channel="email"
        ),
    ]
    snoozed = await make.ticket(world)
    later = (clock.now() + HOUR * 48).isoformat()
    await world.lia.put(f"/api/tickets/{snoozed['id']}", {"snooze_datetime": later})
    await _react(world)
    for ticket in [*tickets, snoozed]:
        assert await _survey(world, ticket["id"]) is None
    assert await _survey(world, (await _closed(world))["id"]) is not None


async def test_what_is_not_wanted_any_more_when_it_is_due_is_not_sent(world: World) -> None:
    ticket = await _closed(world)
    body = {"ticket_id": (await make.ticket(world, customer={"external_id": "mute", "name": "Mute"}, messages=[
        {"channel": "phone", "from_agent": False, "body_text": "Ring", "via": "phone"}]))["id"]}  # fmt: skip
    body["customer_id"] = (await world.oda.get(f"/api/tickets/{body['ticket_id']}")).json["customer"]["id"]
    foreign = await world.lia.post(
        "/api/satisfaction-surveys", {**body, "should_send_datetime": clock.now().isoformat()}
    )
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"trashed_datetime": clock.now().isoformat()})
    await _send(world)
    assert await world.rows(NOTICES) == []
    assert await _survey(world, ticket["id"]) is None
    kept = (await world.oda.get(f"/api/satisfaction-surveys/{foreign.json['id']}")).json
    assert (kept["sent_datetime"], kept["should_send_datetime"]) == (None, None)
    assert len(await world.events("ticket-satisfaction-survey-skipped")) == 2


async def test_french_customers_get_french_words_unless_the_shop_has_its_own(world: World) -> None:
    await _closed(world, language="fr")
    await _send(world)
    (mail,) = await world.rows(NOTICES)
    assert mail["subject"] == "Votre avis nous intéresse"
    assert mail["body_text"].startswith("Bonjour Mia,")
    await _set(world, survey_email_text="{{ticket.customer.name}} {{nothing.at.all}}!", survey_email_html="<b>{{ticket.subject}}</b>")  # fmt: skip
    await _closed(world, language="fr", subject="1 < 2")
    await _send(world)
    own = (await world.rows(NOTICES))[-1]
    assert (own["body_text"], own["body_html"]) == ("Mia Meyer !", "<b>1 &lt; 2</b>")


async def test_a_link_is_for_one_survey_of_one_account(world: World, other: World) -> None:
    ticket = await _closed(world)
    survey = await _survey(world, ticket["id"])
    async with writing(world.database, world.account, SYSTEM) as work:
        token = surveying.link(work, survey["id"]).rpartition("/")[2]
        found = await surveying.asked(work, token)
        assert found is not None
        assert (found.id, found.open) == (survey["id"], True)
        assert await surveying.asked(work, token[:-2] + "AA") is None
    async with writing(other.database, other.account, SYSTEM) as work:
        assert await surveying.asked(work, token) is None
    with clock.turned(by=HOUR * 24 * 61):
        async with writing(world.database, world.account, SYSTEM) as work:
            assert await surveying.asked(work, token) is None
