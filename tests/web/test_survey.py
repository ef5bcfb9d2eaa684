"""The page of a survey's link, as customers without script see it."""

import datetime

from polus.base import clock
from polus.desk import surveying
from polus.store.work import SYSTEM, writing
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser

DAY = datetime.timedelta(days=1)


async def _path(shop: worlds.World, **ticket: object) -> str:
    made = await make.ticket(shop, **ticket)
    body = {"ticket_id": made["id"], "customer_id": made["customer"]["id"]}
    survey = await shop.lia.post("/api/satisfaction-surveys", body)
    async with writing(shop.database, shop.account, SYSTEM) as work:
        return surveying.link(work, survey.json["id"]).removeprefix(shop.account.base_url)


async def test_a_customer_rates_comments_and_changes_his_mind(browser: Browser, shop: worlds.World) -> None:
    path = await _path(shop)
    page = await browser.get(path)
    assert page.status == 200
    assert "How did we do?" in page.text
    assert page.text.count('type="radio"') == 5
    assert " checked" not in page.text
    assert 'value="4" checked' in (await browser.get(path + "?score=4")).text
    assert await shop.events("satisfaction-survey-responded") == []
    nothing = await browser.send("POST", path, {"comment": "<b>Fine</b>"})
    assert (nothing.status, "Please choose" in nothing.text) == (422, True)
    assert "&lt;b&gt;Fine" in nothing.text
    thanks = await browser.send("POST", path, {"score": "4", "comment": "Fine"})
    assert (thanks.status, "Thank you!" in thanks.text) == (200, True)
    await browser.send("POST", path, {"score": "2", "comment": ""})
    rows = await shop.rows(
        "select score, body_text, scored_datetime from satisfaction_surveys where account_id = $1"
    )
    assert (rows[0]["score"], rows[0]["body_text"]) == (2, None)
    told = await shop.events("satisfaction-survey-responded")
    assert [event[3]["score"] for event in told] == [4]
    again = await browser.get(path)
    assert "Thank you!" in again.text
    assert 'value="2" checked' in again.text
    with clock.turned(by=DAY * 8):
        late = await _late(shop, path)
    assert late is False


async def _late(shop: worlds.World, path: str) -> bool:
    async with writing(shop.database, shop.account, SYSTEM) as work:
        found = await surveying.asked(work, path.rpartition("/")[2])
    assert found is not None
    return found.open


async def test_french_pages_wrong_links_and_other_sites(browser: Browser, shop: worlds.World) -> None:
    french = await browser.get(await _path(shop, language="fr"))
    assert '<html lang="fr"' in french.text
    assert "Comment avons-nous répondu ?" in french.text
    path = await _path(shop)
    for wrong in (path[:-2] + "AA", surveying.PATH + "nonsense"):
        page = await browser.get(wrong)
        assert (page.status, "does not work any more" in page.text) == (410, True)
        assert (await browser.send("POST", wrong, {"score": "5"})).status == 410
    foreign = await browser.send("POST", path, {"score": "1"}, **{"sec-fetch-site": "cross-site"})
    assert foreign.status == 403
    assert (
        await shop.rows("select 1 from satisfaction_surveys where account_id = $1 and score is not null")
        == []
    )


async def test_guessing_is_slowed_down(browser: Browser, shop: worlds.World) -> None:
    path = await _path(shop)
    await shop.rows(
        "insert into buckets (key, level, at) select 'survey 127.0.0.1', 30 + $1 * 0, now()"
        " on conflict (key) do update set level = 30, at = now() returning 1"
    )
    try:
        page = await browser.get(path)
        assert (page.status, "Too many attempts" in page.text) == (429, True)
    finally:
        await shop.rows("delete from buckets where key = 'survey 127.0.0.1' and $1 > 0 returning 1")
