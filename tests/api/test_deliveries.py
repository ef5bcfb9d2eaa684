"""`/api/_polus/integrations/{id}/deliveries`, `…/replay`, `…/test`."""

import datetime
from collections.abc import AsyncIterator

import pytest

from polus.base import clock
from tests import make
from tests.channels.http import receiver as receivers
from tests.channels.http.receiver import Shop
from tests.world import World


@pytest.fixture
async def shop(world: World, subscribed: None) -> AsyncIterator[Shop]:
    async with receivers.opened(world) as made:
        yield made


async def test_the_log_shows_what_was_called_and_what_came_back(shop: Shop) -> None:
    ada = shop.world.ada
    headers = {"Authorization": "Bearer very-secret-1", "X-Shop": "north"}
    integration_id = await shop.connect("ticket-created", headers=headers)
    path = f"/api/_polus/integrations/{integration_id}"
    shop.receiver.body = b'{"you sent": "Bearer very-secret-1"}'
    for status in (200, 404):
        shop.receiver.status = status
        await make.ticket(shop.world)
        await shop.run()
    listed = (await ada.get(path + "/deliveries")).json
    assert [(one["state"], one["status"], one["attempts"]) for one in listed["data"]] == [
        ("failed", 404, 1),
        ("delivered", 200, 1),
    ]
    only = await ada.get(path + "/deliveries", state="failed", limit=1)
    assert [one["id"] for one in only.json["data"]] == [listed["data"][0]["id"]]
    one = await ada.get(f"{path}/deliveries/{listed['data'][1]['id']}")
    assert one.json["request"]["headers"]["Authorization"] == "***"
    assert one.json["request"]["headers"]["X-Polus-Delivery"] == one.json["delivery_id"]
    assert one.json["request"]["url"] == shop.receiver.url + "/hook"
    assert one.json["answer"] == '{"you sent": "***"}'
    assert [attempt["status"] for attempt in one.json["history"]] == [200]
    assert b"very-secret-1" not in one.raw
    for missing in (f"{path}/deliveries/0", "/api/_polus/integrations/0/deliveries"):
        assert (await ada.get(missing)).status == 404
    assert (await shop.world.leo.get(path + "/deliveries")).status == 403


async def test_deliveries_are_sent_again_with_their_ids(shop: Shop) -> None:
    ada = shop.world.ada
    integration_id = await shop.connect("ticket-created")
    path = f"/api/_polus/integrations/{integration_id}"
    shop.receiver.status = 404
    for _ in range(3):
        await make.ticket(shop.world)
    await shop.run()
    shop.receiver.status = 200
    ids = [row["id"] for row in await shop.rows("id")]
    one = await ada.post(path + "/replay", {"ids": ids[:1]})
    assert (one.status, one.json) == (202, {"replayed": 1})
    # What waits already is left alone.
    assert (await ada.post(path + "/replay", {"ids": ids[:1]})).json == {"replayed": 0}
    await shop.call()
    since = (clock.now() - datetime.timedelta(hours=1)).isoformat()
    rest = await ada.post(path + "/replay", {"from_datetime": since, "state": "failed"})
    assert rest.json == {"replayed": 2}
    await shop.call()
    got = [shown.headers["X-Polus-Delivery"] for shown in shop.receiver.got]
    assert sorted(got[:3]) == sorted(got[3:])
    assert [shown.headers["X-Polus-Attempt"] for shown in shop.receiver.got] == ["1"] * 3 + ["2"] * 3
    assert {row["state"] for row in await shop.rows("state")} == {"delivered"}
    for wrong in ({}, {"ids": ids, "from_datetime": since}, {"ids": []}, {"state": "failed"}):
        assert (await ada.post(path + "/replay", wrong)).status == 400


async def test_an_integration_is_tested(shop: Shop) -> None:
    ada = shop.world.ada
    integration_id = await shop.connect()
    path = f"/api/_polus/integrations/{integration_id}/test"
    assert (await ada.post(path)).json["error"]["data"] == {"ticket_id": ["There is no ticket to test with."]}
    first, second = await make.ticket(shop.world), await make.ticket(shop.world)
    made = await ada.post(path)
    assert (made.status, made.json["state"], made.json["trigger"]) == (202, "waiting", "test")
    assert (await ada.post(path, {"ticket_id": first["id"]})).json["ticket_id"] == first["id"]
    await shop.call()
    assert [got.json["ticket"]["id"] for got in shop.receiver.got] == [second["id"], first["id"]]
    assert shop.receiver.got[0].headers["X-Polus-Event"] == "test"
    off = {"deactivated_datetime": "2026-01-02T03:04:05Z"}
    await ada.put(f"/api/integrations/{integration_id}", off)
    assert (await ada.post(path)).status == 400
    mail = await make.address(shop.world)
    assert (await ada.post(f"/api/_polus/integrations/{mail}/test")).status == 400
