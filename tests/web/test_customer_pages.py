"""The customers' pages: list, search, profile, merge, erase; what they change, and who may."""

import re
from typing import Any

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser


async def fill(browser: Browser, path: str, fields: dict[str, Any]) -> Any:
    return await browser.post(path, {"csrf": await browser.token("/customers")} | fields)


async def test_a_customer_from_first_to_last(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    ticket = await make.ticket(shop, subject="A parcel")
    mia = ticket["customer"]["id"]
    listed = (await browser.get("/customers")).text
    assert f'href="/customers/{mia}"' in listed
    assert f'href="/customers/{mia}"' in (await browser.get("/customers?search=mia")).text
    assert "Nobody like that is known" in (await browser.get("/customers?search=zzz")).text
    profile = (await browser.get(f"/customers/{mia}")).text
    for shown in ("A parcel", f"/inbox/all/{ticket['id']}", "mia@example.com"):
        assert shown in profile, shown

    row = {"channels.0.type": "email", "channels.0.address": "nonsense"}
    wrong = await fill(browser, "/customers/new", {"name": "Max", **row})
    assert wrong.status == 422
    assert "This is not an e-mail address." in wrong.text
    nothing = await fill(browser, "/customers/new", {})
    assert "Write a name or an address." in nothing.text
    row["channels.0.address"] = "max@example.com"
    made = await fill(browser, "/customers/new", {"name": "Max", **row})
    assert made.status == 303
    max_id = int(re.search(r"/customers/(\d+)$", made.headers["location"])[1])  # type: ignore[index]
    taken = row | {"channels.0.address": "mia@example.com"}
    assert (await fill(browser, f"/customers/{max_id}", taken)).status == 422
    more = {"name": "Max M", "language": "fr", "note": "Kind", "channels.1.type": "phone", "channels.1.address": "+33612345678"}  # fmt: skip
    assert (await fill(browser, f"/customers/{max_id}", row | more)).status == 303
    stored = (await shop.ada.get(f"/api/customers/{max_id}")).json
    assert (stored["name"], stored["language"], stored["note"]) == ("Max M", "fr", "Kind")
    assert {channel["type"] for channel in stored["channels"]} == {"email", "phone"}

    lost = await fill(browser, f"/customers/{mia}/join", {"other": "nobody@example.com"})
    assert "This does not exist any more." in lost.text
    same = await fill(browser, f"/customers/{mia}/join", {"other": str(mia)})
    assert "This is the same customer." in same.text
    assert (await fill(browser, f"/customers/{mia}/join", {"other": "MAX@example.com"})).status == 303
    assert (await browser.get(f"/customers/{max_id}")).headers["location"] == f"/customers/{mia}"
    assert len(await shop.events("customer-merged")) == 1
    assert (await fill(browser, f"/customers/{mia}/erase", {})).status == 303
    assert (await browser.get(f"/customers/{mia}")).status == 404


async def test_observers_look_only(browser: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    path = f"/customers/{ticket['customer']['id']}"
    await browser.log_in(shop.oda.email)
    page = (await browser.get(path)).text
    assert "mia@example.com" in page
    assert "Merge" not in page
    for to in (path, path + "/join", path + "/erase", "/customers/new"):
        assert (await fill(browser, to, {"name": "x", "other": "1"})).status == 403, to
