"""Card numbers are blotted out before anything is stored, on every channel, unless the account wants them kept."""

import json
from typing import Any

import pytest

from polus.channels.email import journal
from polus.desk import letter_settings
from polus.desk.letter_settings import LetterSettings
from polus.store.work import SYSTEM, writing
from tests import make
from tests.channels.email import office as offices
from tests.channels.email.office import Office, mail
from tests.world import World

CARD, LEFT = "4111 1111 1111 1111", "**** **** **** 1111"
# Every text of the account that may hold words.
STORED = """
select (select json_agg(m)::text from (select * from messages where account_id = $1) m) || (
  select json_agg(t)::text from (select * from tickets where account_id = $1) t) || coalesce((
  select json_agg(f)::text from (select * from files where account_id = $1) f), '') || coalesce((
  select json_agg(e)::text from (select * from events where account_id = $1) e), '')
"""


@pytest.fixture
async def office(world: World) -> Office:
    return await offices.opened(world)


async def stored(world: World) -> str:
    (row,) = await world.rows(STORED)
    return str(row[0])


async def test_a_mail_leaves_no_card_number_behind(office: Office) -> None:
    raw = mail(
        f"I paid with {CARD}, exp 12/27.\n\n> my old card 5555555555554444\n-- \nJane 378282246310005",
        html="<p>I paid with <b>4111 1111</b>&nbsp;1111 1111</p><p>Order 4111111111111111</p>",
        subject=f"My card {CARD}",
        thread_topic=f"My card {CARD}",
        message_id="<4111111111111111@customer.example>",
        files=[("card 4111111111111111.txt", "text/plain", b"nothing")],
    )
    row = await office.deliver(raw)
    assert row["state"] == "delivered"
    assert row["raw"] == b""
    message = await office.message(row)
    assert message["subject"] == f"My card {LEFT}"
    assert f"I paid with {LEFT}" in message["body_text"]
    assert "************4444" in message["body_text"]
    assert "<b>**** ****</b>" in message["body_html"]
    assert "Order 4111111111111111" in message["body_html"]
    assert message["attachments"][0]["name"] == "card ************1111.txt"
    assert message["message_id"] == "<4111111111111111@customer.example>"
    assert message["meta"]["card_numbers_removed"] is True
    assert message["headers"]["Subject"] == f"My card {LEFT}"
    ticket = await office.ticket(row["ticket_id"])
    assert ticket["subject"] == f"My card {LEFT}"
    (excerpt,) = await office.world.rows("select excerpt from tickets where account_id = $1")
    assert LEFT in excerpt[0]
    told = (
        (await stored(office.world))
        .replace("4111111111111111@customer", "")
        .replace("Order 4111111111111111", "")
    )
    for number in (CARD, "4111111111111111", "5555555555554444", "378282246310005"):
        assert number not in told
    # A copy that comes later leaves nothing either, and there is nothing to be processed again.
    again = await office.deliver(raw)
    assert (again["state"], again["raw"]) == ("duplicate", b"")
    assert await journal.replay(office.world.database, row["id"]) is None


async def test_other_channels_notes_answers_and_corrections(world: World) -> None:
    sent = make.mail(f"Charge {CARD} please", channel="chat", via="chat", source={"type": "chat", "from": {"name": "Mia", "address": "x"}, "to": []})  # fmt: skip
    ticket = await make.ticket(world, messages=[sent], subject=f"Card {CARD}")
    assert ticket["subject"] == f"Card {LEFT}"
    path = f"/api/tickets/{ticket['id']}/messages"
    note = {"channel": "internal-note", "from_agent": True, "body_text": f"He says {CARD}"}
    made = (await world.leo.post(path, note)).json
    assert made["body_text"] == f"He says {LEFT}"
    changed = {
        "channel": "internal-note",
        "from_agent": True,
        "body_text": "No, 3782 822463 10005",
        "body_html": f"<p>{CARD}</p>",
    }
    answer = await world.leo.put(f"{path}/{made['id']}", changed)
    assert answer.status == 202
    assert (answer.json["body_text"], answer.json["body_html"]) == ("No, **** ****** *0005", f"<p>{LEFT}</p>")
    answer = await world.leo.put(f"/api/tickets/{ticket['id']}", {"subject": f"Again {CARD}"})
    assert answer.json["subject"] == f"Again {LEFT}"
    assert "1111 1111 1111" not in await stored(world)


async def test_an_account_may_keep_them_and_that_is_in_the_audit_log(office: Office) -> None:
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await letter_settings.put(work, LetterSettings(redact_cards=False))
    row = await office.deliver(mail(f"Card {CARD}", subject="Paid"))
    message = await office.message(row)
    assert (message["body_text"], message["meta"]) == (f"Card {CARD}", None)
    assert CARD.encode() in row["raw"]
    (event,) = await office.world.events("account-updated")
    assert event[3] == {"redact_cards": [True, False]}


async def test_order_numbers_stay(office: Office) -> None:
    told = "Order 4111111111111111, EAN 4006381333931, call +4915112345678"
    row = await office.deliver(mail(told, subject="Order #4111111111111111"))
    message: Any = await office.message(row)
    assert message["body_text"] == told
    assert message["subject"] == "Order #4111111111111111"
    assert row["raw"] != b""
    assert "card_numbers_removed" not in json.dumps(message["meta"])
