"""How channels fare: on the page, in figures, in `polus check`; what comes, what goes, what waits, what fails."""

import re
from datetime import timedelta

import aiohttp

from polus import checks
from polus.base import clock
from polus.channels import states
from polus.channels.chat import chats
from polus.health import Doctor
from polus.store.work import SYSTEM, reading, writing
from polus.web.pages import channel_states
from polus.web.site import Site
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser

PATH = "/settings/channel-states"
ADD = """
insert into integrations (account_id, type, name, meta, http, created_datetime, updated_datetime)
values ($1, $2, $3, '{}', $4, now(), now()) returning id
"""
MAIL = """
insert into mails (account_id, integration_id, envelope_from, envelope_to, raw, size, state, reason, due_datetime, received_datetime)
values ($1, $2, 'mia@example.com', '{}', '', 0, $3, $4, now() + interval '1 hour', $5) returning id
"""
DELIVERY = """
insert into deliveries (account_id, message_id, recipients, created_datetime, due_datetime, error)
values ($1, $2, '{}', now() - interval '20 minutes', now() + interval '1 hour', 'The relay does not answer.') returning message_id
"""
CALL = """
insert into http_deliveries (account_id, integration_id, trigger, document_id, created_datetime, sent_datetime, state, status, error)
values ($1, $2, 'ticket-created', 1, now(), now(), $3, $4, $5) returning id
"""


async def found(shop: worlds.World) -> dict[str, states.State]:
    async with reading(shop.database, shop.account, SYSTEM) as work:
        return {state.address or state.name: state for state in await states.of_account(work)}


def words(known: dict[str, states.State]) -> dict[str, str]:
    return {name: state.word(clock.now()) for name, state in known.items()}


async def test_each_channel_tells_how_it_fares(shop: worlds.World, browser: Browser) -> None:
    await browser.log_in(shop.ada.email)
    assert "No channel yet" in (await browser.get(PATH)).text
    address = f"help@{shop.account.domain}.example"
    email_id = await make.address(shop, address)
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await chats.add(work, "Shop chat")
    (hook,) = await shop.rows(ADD, "http", "Orders <b>", '{"url": "https://x.example"}')
    assert words(await found(shop)) == {address: "new", "Shop chat": "new", "Orders <b>": "new"}

    # A mail came in, an answer went out.
    ticket = await make.ticket(shop, messages=[make.mail(integration_id=email_id)])
    answer = (await shop.leo.post(f"/api/tickets/{ticket['id']}/messages", make.answer())).json
    await shop.rows(
        "update messages set sent_datetime = now() where account_id = $1 and id = $2 returning id",
        answer["id"],
    )
    known = await found(shop)
    assert (words(known)[address], known[address].heard.latest is not None) == ("well", True)
    assert known[address].said.latest is not None

    # Another answer waits for the relay, and for too long.
    later = (await shop.leo.post(f"/api/tickets/{ticket['id']}/messages", make.answer())).json
    await shop.rows(DELIVERY, later["id"])
    known = await found(shop)
    assert words(known)[address] == "late"
    assert known[address].said.error == "The relay does not answer."
    # It failed for good: that is newer than what worked.
    await shop.rows("delete from deliveries where account_id = $1 returning message_id")
    await shop.rows(
        "update messages set failed_datetime = now() + interval '1 second', last_sending_error = $3"
        " where account_id = $1 and id = $2 returning id",
        later["id"], '{"error": "<p>550 No such <b>mailbox</b>.</p>"}',
    )  # fmt: skip
    known = await found(shop)
    assert (words(known)[address], known[address].said.error) == ("failing", "550 No such mailbox.")

    await shop.rows(CALL, hook["id"], "failed", 500, None)
    known = await found(shop)
    assert words(known)["Orders <b>"] == "failing"
    assert known["Orders <b>"].said.error == "The answer was 500."
    text = (await browser.get(PATH)).text
    assert "550 No such mailbox." in text
    assert "Orders &lt;b&gt;" in text
    assert text.index("Fails") < text.index("Nothing yet"), "what needs somebody stands first"
    assert re.findall(r'action="(/settings/[^"]+/test)"', text) == [
        f"/settings/channels/{email_id}/test",
        f"/settings/integrations/{hook['id']}/test",
    ]
    await shop.rows(CALL, hook["id"], "delivered", 200, None)
    assert words(await found(shop))["Orders <b>"] == "well"
    await shop.rows(
        "update integrations set deactivated_datetime = now() where account_id = $1 and id = $2 returning id",
        hook["id"],
    )
    assert words(await found(shop))["Orders <b>"] == "off"


async def test_mails_that_lie_or_are_parked(
    shop: worlds.World, http: aiohttp.ClientSession, house: tuple[str, Site]
) -> None:
    address = f"help@{shop.account.domain}.example"
    email_id = await make.address(shop, address)
    (mail,) = await shop.rows(MAIL, email_id, "received", None, clock.now() - timedelta(minutes=16))
    assert words(await found(shop)) == {address: "late"}
    await shop.rows("delete from mails where account_id = $1 and id = $2 returning id", mail["id"])
    await shop.rows(MAIL, email_id, "parked", "nothing in it", clock.now())
    known = await found(shop)
    assert (words(known)[address], known[address].heard.error) == ("failing", "nothing in it")
    # Another account sees none of it.
    other = await worlds.make(shop.database, http, house[0])
    assert await found(other) == {}
    async with shop.database.pool.acquire() as db:
        (told,) = [one for one in await checks.channels(db) if address in one.sentence]
    assert (told.level, told.code) == ("warning", "channel-failing")
    assert "nothing in it" in told.sentence


async def test_lag_in_health_and_figures(shop: worlds.World) -> None:
    # What other tests left waiting is not this test's.
    for table in ("mails", "text_arrivals", "shop_arrivals"):
        await shop.rows(f"delete from {table} where $1 > 0 and state = 'received' returning 1")
    email_id = await make.address(shop)
    late = clock.now() - timedelta(minutes=20)
    (mail,) = await shop.rows(MAIL, email_id, "received", None, late)
    await shop.rows(
        "update mails set due_datetime = $3 where account_id = $1 and id = $2 returning id", mail["id"], late
    )
    try:
        doctor = Doctor(shop.database, None)
        assert (await doctor.look()).channels is False
        told = (await doctor.figures()).decode()
    finally:
        await shop.rows("delete from mails where account_id = $1 and id = $2 returning id", mail["id"])
    lag = re.search(r'polus_channel_lag_seconds{channel="email",direction="in"} (\d+)', told)
    assert lag
    assert int(lag[1]) >= 1200
    for channel, direction in (("email", "out"), ("chat", "out"), ("http", "out"), ("shops", "in")):
        assert f'polus_channel_lag_seconds{{channel="{channel}",direction="{direction}"}}' in told
    assert (await Doctor(shop.database, None).look()).channels is True


def test_only_administrators_see_it() -> None:
    assert {at.role for at in channel_states.ROUTES} == {"admin"}


async def test_asking_costs_the_same_however_much_there_is(shop: worlds.World) -> None:
    """Each answer comes from an index: no table that grows is read from end to end."""
    async with shop.database.pool.acquire() as db, db.transaction():
        await db.execute("set local enable_seqscan = off")
        for statement, given in ((states.STATES, ([shop.account.id], 1000)), (states.LAGS, ())):
            plan = "\n".join(row[0] for row in await db.fetch("explain " + statement, *given))
            scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
            assert scanned <= {"shops"}, plan
