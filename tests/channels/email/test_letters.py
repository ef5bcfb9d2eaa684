"""What our own mails say of themselves: the alias they come from, the signature under them, the key that signed them."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import dkim
import pytest

from polus.base import errors
from polus.base.resolver import Resolver
from polus.channels.email import dkim_signing, journal
from polus.desk import aliases, composing, domain_keys, integrations, mail_signatures, notices
from polus.desk.composing import Composed, Follows
from polus.desk.mail_signatures import Signature
from polus.store.work import SYSTEM, Actor, writing
from tests.channels.email import names
from tests.channels.email.names import Zone
from tests.channels.email.office import Office, mail
from tests.channels.email.test_sending import Exit, exit, office, sink  # noqa: F401

PAIR = domain_keys.made()
HTML = "<p><b>{{current_user.name}}</b>, Ada &amp; Co<script>x</script><br>Ticket {{ticket.id}}</p>"


@pytest.fixture
async def zone() -> AsyncIterator[Zone]:
    async with names.serving() as zone:
        yield zone


def actor(office: Office) -> Actor:  # noqa: F811
    return Actor("user", office.world.leo.user_id, "agent")


async def written(office: Office, ticket_id: int, **content: Any) -> Any:  # noqa: F811
    """What an agent writes in the workspace; the message as the API tells it."""
    async with writing(office.world.database, office.world.account, actor(office)) as work:
        composed = Composed(**{"to": "jane@customer.example", "body": "On its way.", **content})
        message_id = await composing.send(work, ticket_id, composed, Follows())
    answer = await office.world.ada.get(f"/api/tickets/{ticket_id}/messages/{message_id}")
    return answer.json


async def aliased(office: Office, name: str = "") -> str:  # noqa: F811
    address = f"sales@{office.world.account.domain}.example"
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await aliases.add(work, office.integration_id, address, name)
    return address


async def test_mail_to_an_alias_arrives_and_is_answered_from_it(exit: Exit) -> None:  # noqa: F811
    office = exit.office  # noqa: F811
    alias = await aliased(office, "Sales")
    box = await journal.mailbox(office.world.database, "Sales+7@" + alias.partition("@")[2])
    assert box is not None
    assert box.integration_id == office.integration_id
    row = await office.deliver(mail(to=alias, message_id="<1@customer.example>"), to=alias)
    sent = await office.answer(row["ticket_id"])
    assert sent["source"]["from"] == {"name": "Sales", "address": alias}
    assert sent["integration_id"] == office.integration_id
    await exit.work()
    taken = exit.only
    assert taken.mail["From"] == f"Sales <{alias}>"
    assert taken.mail["Reply-To"].startswith("Sales <sales+t")
    # The customer's answer to that goes to the same ticket and is answered from there again, although it is tagged.
    again = await office.deliver(
        mail("And now?", to=taken.sender, message_id="<2@customer.example>"), to=taken.sender
    )
    assert again["ticket_id"] == row["ticket_id"]
    assert (await office.answer(row["ticket_id"]))["source"]["from"]["address"] == alias
    # Our own mail is known as ours under either name.
    assert (await office.deliver(taken.raw, to=alias))["state"] == "loop"
    options = (await office.ticket(row["ticket_id"]))["reply_options"]["email"]["integrations"]
    assert [one["address"] for one in options] == [office.address, alias]


async def test_what_came_to_the_alias_by_a_blind_copy(office: Office) -> None:  # noqa: F811
    alias = await aliased(office)
    row = await office.deliver(mail(to="friends@customer.example"), to=alias)
    assert (await office.message(row))["meta"] == {"delivered_to": alias}
    assert (await office.answer(row["ticket_id"]))["source"]["from"] == {"name": "Support", "address": alias}
    chosen = await written(
        office, row["ticket_id"], sender=office.integration_id, sender_address=office.address
    )
    assert chosen["source"]["from"]["address"] == office.address


async def test_an_address_belongs_to_one(office: Office) -> None:  # noqa: F811
    alias = await aliased(office)
    world = office.world
    for taken in (alias, office.address, alias.upper()):
        async with writing(world.database, world.account, SYSTEM) as work:
            with pytest.raises(errors.Conflict):
                await aliases.add(work, office.integration_id, taken)
    async with writing(world.database, world.account, SYSTEM) as work:
        with pytest.raises(errors.Conflict):
            await integrations.add_email(work, alias, "Sales")
        for wrong in ("nobody", "a+b@x.example"):
            with pytest.raises(errors.Invalid):
                await aliases.add(work, office.integration_id, wrong)
        with pytest.raises(errors.NotFound):
            await aliases.add(work, office.integration_id + 1_000_000, "x@x.example")
        (row,) = await aliases.of(work, office.integration_id)
        await aliases.remove(work, office.integration_id, row["id"])
    assert await journal.mailbox(world.database, alias) is None
    assert [event[3] for event in await world.events("integration-updated")] == [
        {"aliases": [None, alias]},
        {"aliases": [alias, None]},
    ]


async def sign(office: Office, address: str = "", **more: Any) -> None:  # noqa: F811
    new = Signature(**{"enabled": True, "body_html": HTML, **more})
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await mail_signatures.put(work, office.integration_id, address or office.address, new)


async def test_a_signature_stands_under_what_people_write(exit: Exit) -> None:  # noqa: F811
    office = exit.office  # noqa: F811
    await sign(office)
    row = await office.deliver(mail(to=office.address))
    ticket_id = row["ticket_id"]
    message = await written(office, ticket_id)
    signed = f"On its way.\n\n-- \nLeo Agent, Ada & Co\nTicket {ticket_id}"
    assert message["body_text"] == signed
    assert message["stripped_text"] == "On its way."
    assert "<b>Leo Agent</b>, Ada &amp; Co" in message["body_html"]
    assert "script" not in message["body_html"]
    await exit.work()
    assert exit.only.text().replace("\r\n", "\n").rstrip() == signed
    assert exit.only.text("html").count("<b>Leo Agent</b>") == 1
    # Sent once more it is not signed once more; nor is it when somebody wrote it himself.
    failed = {"channel": "email", "from_agent": True, "sent_datetime": None, "failed_datetime": None}
    path = f"/api/tickets/{ticket_id}/messages/{message['id']}"
    again = (await office.world.ada.put(path, failed)).json
    assert again["body_text"] == signed
    own = await written(office, ticket_id, body=f"Hi.\n\nLeo Agent, Ada & Co\nTicket {ticket_id}")
    assert own["body_text"].count("Leo Agent") == 1
    # Programs say what they say, and notes are nobody's letter.
    assert (await office.answer(ticket_id))["body_text"] == "On its way."
    assert (await written(office, ticket_id, mode="note"))["body_text"] == "On its way."


async def test_each_address_has_its_own_signature(office: Office) -> None:  # noqa: F811
    alias = await aliased(office)
    await sign(office)
    row = await office.deliver(mail(to=alias), to=alias)
    assert "Ada & Co" in (await written(office, row["ticket_id"]))["body_text"]
    await sign(office, alias, body_html="", body_text="Sales team")
    message = await written(office, row["ticket_id"])
    assert message["body_text"] == "On its way.\n\n-- \nSales team"
    assert message["body_html"].endswith("<div>-- <br>Sales team</div>")
    await sign(office, alias, enabled=False)
    assert (await written(office, row["ticket_id"]))["body_text"] == "On its way."


async def test_a_forward_is_signed_above_what_is_forwarded(office: Office) -> None:  # noqa: F811
    await sign(office, body_html="Leo of the shop")
    row = await office.deliver(mail("Please look into this.", to=office.address))
    message = await written(
        office, row["ticket_id"], mode="forward", body="See below.", to="boss@shop.example"
    )
    assert message["body_text"].startswith(
        "See below.\n\n-- \nLeo of the shop\n\n---------- Forwarded message"
    )
    assert message["body_html"].index("Leo of the shop") < message["body_html"].index(
        "Please look into this."
    )


async def key(office: Office, domain: str) -> int:  # noqa: F811
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        return await domain_keys.add(work, domain, PAIR)


async def test_mails_are_signed_once_the_key_is_published(
    exit: Exit,  # noqa: F811
    zone: Zone,
) -> None:
    office = exit.office  # noqa: F811
    database, account = office.world.database, office.world.account
    domain = office.address.partition("@")[2]
    key_id = await key(office, domain)
    (stored,) = await office.world.rows("select * from domain_keys where account_id = $1")
    assert "PRIVATE" not in stored["private_key"]
    record = domain_keys.record(domain, stored["selector"], stored["public_key"])
    resolver = names.resolver(zone)
    row = await office.deliver(mail(to=office.address, subject="Où est ma commande ?"))

    async def look() -> str:
        found = await asyncio.to_thread(
            dkim_signing.look, resolver, domain, stored["selector"], stored["public_key"]
        )
        async with writing(database, account, SYSTEM) as work:
            await domain_keys.checked(work, key_id, found)
        return found

    assert await look() == "missing"
    await office.answer(row["ticket_id"])
    await exit.work()
    assert exit.sink.taken.pop().mail["DKIM-Signature"] is None
    resolver = names.resolver(zone)
    zone.text(record.name, record.value)
    assert await look() == "published"
    await office.answer(row["ticket_id"], "Voilà, 4 € de moins.", body_html="<p>Voilà,   4 € de moins.</p>")
    async with writing(database, account, SYSTEM) as work:
        await notices.add(work, "boss@shop.example", "Test", "Hello")
    await exit.work()
    assert len(exit.sink.taken) == 2
    for taken in exit.sink.taken:
        found = dkim.DKIM(taken.raw)
        assert found.verify(dnsfunc=lambda name, timeout=0: record.value.encode())
        assert (found.domain, found.selector) == (domain.encode(), stored["selector"].encode())
        assert {b"from", b"to", b"subject", b"date", b"message-id", b"content-type"} <= set(
            found.include_headers
        )
        assert found.include_headers.count(b"from") == 2
        assert not dkim.verify(
            taken.raw.replace(b"Subject:", b"Subject: x", 1),
            dnsfunc=lambda name, timeout=0: record.value.encode(),
        )
    # Gone from the DNS: not signed any more, rather than signed by what nobody can check.
    zone.records.clear()
    resolver = names.resolver(zone)
    assert await look() == "missing"
    async with writing(database, account, SYSTEM) as work:
        assert await domain_keys.signing(work, domain) is None
        await domain_keys.checked(work, key_id, "published")
        await domain_keys.checked(work, key_id, "unanswered")
        assert await domain_keys.signing(work, domain) is not None
        with pytest.raises(errors.Invalid):
            await domain_keys.add(work, "bank.example", PAIR)
        await domain_keys.remove(work, key_id)
        assert await domain_keys.signing(work, domain) is None
    told = [event[3] for event in await office.world.events("account-updated")]
    assert told == [{"domain_key": [None, record.name]}, {"domain_key": [record.name, None]}]


def test_a_second_attempt_has_the_same_bytes() -> None:
    date = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    raw = mail(subject="Hello").replace(b"\n", b"\r\n")
    once = dkim_signing.sign(raw, "customer.example", "s1", PAIR.private, date)
    assert once == dkim_signing.sign(raw, "customer.example", "s1", PAIR.private, date)
    assert f"t={int(date.timestamp())}".encode() in once


async def test_what_the_dns_says_of_a_key(zone: Zone) -> None:
    zone.text(
        "s1._domainkey.shop.example", "v=DKIM1; k=rsa; p=" + PAIR.public[:200] + " " + PAIR.public[200:]
    )
    zone.text("s2._domainkey.shop.example", "v=DKIM1; p=AAAA")
    resolver = names.resolver(zone)

    async def look(selector: str, at: Resolver = resolver) -> str:
        return await asyncio.to_thread(dkim_signing.look, at, "shop.example", selector, PAIR.public)

    assert [await look(one) for one in ("s1", "s2", "s3")] == ["published", "different", "missing"]
