"""The journal over its life: real and hostile mails all end in a named state, old ones go, parked ones stay."""

import datetime
import os
from collections import Counter

import pytest

from polus.base import clock
from polus.channels.email import journal
from tests.channels.email import office as offices
from tests.channels.email import samples
from tests.channels.email.office import Office, mail
from tests.world import World

STATES = {"delivered", "duplicate", "bounce", "loop", "ignored", "parked"}


@pytest.fixture
async def office(world: World) -> Office:
    return await offices.opened(world)


@pytest.mark.thorough
async def test_every_mail_that_others_wrote_ends_in_a_named_state(office: Office) -> None:
    ended = {}
    for path in samples.all_paths():
        row = await office.deliver(path.read_bytes(), sender="relay@elsewhere.example")
        ended[path.name] = (row["state"], row["reason"])
        assert row["state"] in STATES, (path, row["reason"])
        if row["state"] == "delivered":
            # It can be read back through the API, whatever is in it.
            assert (await office.message(row))["message_id"]
        if row["state"] == "parked":
            assert row["reason"].startswith("no mail"), (path, row["reason"])
    states = Counter(state for state, _ in ended.values())
    assert len(ended) >= 60
    assert states["delivered"] >= 60
    files = await office.world.rows("select referenced_datetime from files where account_id = $1")
    assert all(row["referenced_datetime"] for row in files)


async def test_nonsense_ends_in_a_named_state_too(office: Office) -> None:
    whole = mail(html="<p>x</p>", files=[("a.txt", "text/plain", b"a")], message_id="<n@x.example>")
    broken = [whole[:cut] for cut in range(0, len(whole), max(1, len(whole) // 25))]
    broken += [os.urandom(2_000) for _ in range(5)]
    broken += [b"From: a@b.example\r\n" + os.urandom(500), b"\x00" * 100, b"From: \xff\xfe@\r\n\r\n\xff"]
    for raw in broken:
        row = await office.deliver(raw, sender="")
        assert row["state"] in STATES, raw[:200]


async def test_settled_mails_go_after_90_days_and_parked_ones_stay(office: Office) -> None:
    await office.deliver(mail())
    await office.deliver(b"nonsense")
    waiting = await office.write(mail("Not yet"))
    left = "select id, state from mails where account_id = $1 order by id"
    for days, states in ((89, ["delivered", "parked", "received"]), (91, ["parked", "received"])):
        now = clock.now() + datetime.timedelta(days=days)
        async with office.world.database.pool.acquire() as db:
            while await journal.remove_old(db, now):
                pass
        assert [row["state"] for row in await office.world.rows(left)] == states
    assert await journal.replay(office.world.database, waiting) is None
