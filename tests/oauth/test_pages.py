"""The settings' pages about apps, keys and usage: what their forms do, who may, what is shown once and never again."""

import io
import json
import re
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from PIL import Image
from playwright.async_api import expect

from polus.base import errors
from polus.desk.apps import apps, reviews
from polus.store.work import SYSTEM, Account, Actor, writing
from tests import installs
from tests import world as worlds
from tests.installs import App
from tests.web.conftest import Browser, Enter
from tests.world import World

DEVELOPERS = "/settings/developers"
FIELDS = {
    "name": "Parcel <Tracker>",
    "tagline": "Where parcels are",
    "description": "Shows where a customer's parcels are.",
    "app_url": "https://app.example/start?from=polus",
    "redirect_urls": "https://app.example/cb\nhttps://app.example/other",
}


@pytest.fixture
async def ada(browser: Browser, shop: World) -> Browser:
    assert (await browser.log_in(shop.ada.email)).status == 303
    return browser


async def fill(browser: Browser, path: str, **fields: Any) -> Any:
    token = await browser.token("/settings")
    form = aiohttp.FormData([("csrf", token)])
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            form.add_field(name, one, **({"filename": "a.png"} if isinstance(one, bytes) else {}))
    return await browser.send("POST", path, form)


def beside(page: str, field: str) -> str:
    found = re.search(rf'id="e-{re.escape(field)}".*?<span>(.*?)</span>', page, re.DOTALL)
    return found[1] if found else ""


async def newest(shop: World) -> Any:
    return (await shop.rows("select v.* from app_versions v join apps a on a.id = v.app_id where a.account_id = $1 order by v.number desc"))[0]  # fmt: skip


async def reviewer(shop: World) -> Any:
    """A transaction of an administrator of the installation's first account."""
    async with shop.database.pool.acquire() as db:
        row = await db.fetchrow(
            "select * from accounts where deactivated_datetime is null order by id limit 1"
        )
    account = Account(row["id"], row["domain"], row["hash"], "")
    return writing(shop.database, account, Actor("user", 1, "admin"))


async def test_an_app_from_draft_to_everybody(ada: Browser, shop: World, other: World) -> None:
    wrong = await fill(ada, DEVELOPERS + "/new", **FIELDS | {"redirect_urls": "http://app.example/cb\njavascript:alert(1)", "app_url": "x", "name": ""})  # fmt: skip
    assert wrong.status == 422
    assert beside(wrong.text, "redirect_urls").startswith("http://app.example/cb: Must begin with https://")
    assert beside(wrong.text, "app_url")
    assert beside(wrong.text, "name") == "This is needed."

    made = await fill(ada, DEVELOPERS + "/new", **FIELDS)
    secret = re.search(r'id="client-secret">([0-9a-f]{64})<', made.text)
    app_id = re.search(r"<code>([0-9a-f]{24})</code>", made.text)
    assert made.status == 200
    assert secret
    assert app_id
    assert "Parcel &lt;Tracker&gt;" in made.text
    at = f"{DEVELOPERS}/{app_id[1]}"
    page = (await ada.get(at)).text
    assert secret[1] not in page
    assert 'href="https://app.example/start?from=polus&amp;account=' + shop.account.domain in page

    picture = io.BytesIO()
    Image.new("RGB", (600, 400), "red").save(picture, "PNG")
    assert (await fill(ada, at, **FIELDS, icon=b"<svg onload=alert(1)>")).status == 422
    assert (await fill(ada, at, **FIELDS, icon=picture.getvalue())).status == 303
    icon = await ada.get(f"/apps/{app_id[1]}/icon")
    assert (icon.status, icon.headers["Content-Type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(icon.raw)) as image:
        assert image.size[0] == 128

    rotated = await fill(ada, at + "/secret")
    second = re.search(r'id="client-secret">([0-9a-f]{64})<', rotated.text)
    assert second
    assert second[1] != secret[1]
    old = await installs.exchange(
        shop, App(app_id[1], secret[1]), grant_type="refresh_token", refresh_token="x"
    )
    new = await installs.exchange(
        shop, App(app_id[1], second[1]), grant_type="refresh_token", refresh_token="x"
    )
    assert (old.body["error"], new.body["error"]) == ("invalid_client", "invalid_grant")

    refused = await fill(ada, at + "/submit", checklist=["scopes"], test_instructions="")
    assert beside(refused.text, "checklist").startswith("Every point")
    assert beside(refused.text, "test_instructions") == "This is needed."
    handed = {
        "checklist": list(reviews.CHECKLIST),
        "test_instructions": "Press Connect.",
        "test_account": "u / p",
    }
    assert (await fill(ada, at + "/submit", **handed)).status == 303
    assert (await newest(shop))["status"] == "submitted"
    locked = await fill(ada, at, **FIELDS)
    assert (locked.status, "being reviewed" in locked.text) == (422, True)

    async with await reviewer(shop) as work:
        [waiting] = [row for row in await reviews.waiting(work) if row["id"] == app_id[1]]
        assert (waiting["test_account"], waiting["domain"]) == ("u / p", shop.account.domain)
        await reviews.send_back(work, app_id[1], "Say how one <leaves>.")
    assert "Say how one &lt;leaves&gt;." in (await ada.get(at)).text
    assert (await ada.get("/settings/apps/gallery")).text.count("Parcel &lt;Tracker&gt;") == 0
    assert (await fill(ada, at + "/submit", **handed)).status == 303
    async with await reviewer(shop) as work:
        await reviews.approve(work, app_id[1])
    assert "Parcel &lt;Tracker&gt;" in (await ada.get("/settings/apps/gallery")).text

    # Others see the approved version; the writer alone what comes after it.
    assert (await fill(ada, at, **FIELDS | {"redirect_urls": "https://new.example/cb"})).status == 303
    assert ((await newest(shop))["number"], (await newest(shop))["status"]) == (2, "draft")
    async with writing(other.database, other.account, installs.admin(other)) as work:
        theirs = await apps.visible(work, app_id[1])
        assert (theirs["version"], list(theirs["redirect_urls"])) == (1, FIELDS["redirect_urls"].split())
        assert await reviews.is_reviewer(work) is False
    async with writing(shop.database, shop.account, installs.admin(shop)) as work:
        assert (await apps.visible(work, app_id[1]))["version"] == 2
    undeletable = await fill(ada, at + "/delete")
    assert undeletable.status == 303
    assert await shop.rows("select 1 from apps where account_id = $1")
    kinds = [event[0].removeprefix("app-") for event in await shop.events()]
    order = "registered updated secret-rotated submitted returned submitted approved updated"
    assert [kind for kind in kinds if kind in order.split()] == order.split()
    told = json.dumps([event[3] for event in await shop.events()])
    assert secret[1] not in told
    assert second[1] not in told
    assert "u / p" not in told


async def test_who_sees_whose_apps(browser: Browser, shop: World, other: World) -> None:
    theirs = await installs.register(other)
    assert (await browser.log_in(shop.ada.email)).status == 303
    for path in (f"{DEVELOPERS}/{theirs.id}", f"/apps/{theirs.id}/icon"):
        assert (await browser.get(path)).status == 404
    for path in ("", "/secret", "/submit", "/withdraw", "/delete"):
        assert (await fill(browser, f"{DEVELOPERS}/{theirs.id}{path}", **FIELDS)).status == 404, path
    assert (await fill(browser, f"/settings/apps/{theirs.id}/disconnect")).status == 404
    assert (await browser.get(DEVELOPERS + "/reviews")).status == 403
    for verb in ("approve", "send-back"):
        assert (await fill(browser, f"{DEVELOPERS}/reviews/{theirs.id}/{verb}", reason="no")).status == 403
    browser.cookies.clear()
    assert (await browser.log_in(shop.oda.email)).status == 303
    for path in ("/settings/apps", "/settings/apps/gallery", DEVELOPERS, DEVELOPERS + "/new", "/settings/api-keys", "/settings/api-usage"):  # fmt: skip
        assert (await browser.get(path)).status == 403, path


async def test_keys_are_made_shown_once_and_taken_away(ada: Browser, shop: World) -> None:
    made = await fill(ada, "/settings/api-keys", name="Import", user_id=str(shop.lia.user_id))
    key = re.search(r'id="api-key">([0-9a-f]{64})<', made.text)
    assert made.status == 200
    assert key
    assert shop.lia.email in made.text
    page = (await ada.get("/settings/api-keys")).text
    assert key[1] not in page
    assert "Import" in page
    program = worlds.Client(
        shop.lia.http, shop.lia.url, shop.lia.host, shop.lia.email, key[1], shop.lia.user_id
    )
    assert (await program.get("/api/users/0")).json["id"] == shop.lia.user_id
    for wrong in ({"user_id": "9999999"}, {"user_id": "x"}, {"name": "n" * 81, "user_id": "1"}):
        assert (await fill(ada, "/settings/api-keys", **wrong)).status == 422
    [[key_id]] = await shop.rows("select id from api_keys where account_id = $1 and name = 'Import'")
    assert (await fill(ada, f"/settings/api-keys/{key_id}/delete")).status == 303
    assert (await program.get("/api/users/0")).status == 401
    assert (await fill(ada, f"/settings/api-keys/{key_id}/delete")).status == 404
    assert [event[:3] for event in await shop.events("api-key-created", "api-key-deleted")] == [
        ("api-key-created", "User", shop.lia.user_id),
        ("api-key-deleted", "User", shop.lia.user_id),
    ]
    await shop.rows(
        "insert into api_usage values ($1, 'app:' || $2::text, current_date, 1200, 3, now()) returning 1",
        (await installs.register(shop, name="Busy")).id,
    )
    usage = (await ada.get("/settings/api-usage")).text
    for words in ("Busy", "1,200", ">3<"):
        assert words in usage
    for window, there in (("10", [10]), ("1", [10]), ("20", [20])):
        assert (await fill(ada, "/settings/api-usage", window=window)).status == 303
        assert [row[0] for row in await shop.rows("select api_window from accounts where id = $1")] == there


async def test_preview_in_a_browser(enter: Enter, shop: World) -> None:
    """An app on this computer is registered, installed and thrown out again, by a person in Chromium."""
    code: list[str] = []

    async def start(request: web.Request) -> web.Response:
        base = f"http://{request.query['account']}.localhost:{shop.ada.host.rsplit(':', 1)[1]}"
        asked = (
            f"response_type=code&client_id={app_id}&redirect_uri={address}/cb&scope=tags:read+openid&state=7"
        )
        raise web.HTTPFound(f"{base}/oauth/authorize?{asked}")

    async def back(request: web.Request) -> web.Response:
        code.append(request.query["code"])
        raise web.HTTPFound(f"{address}/ready")

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><link rel=icon href='data:,'><h1>Ready</h1>", content_type="text/html"
        )

    running = web.Application()
    running.add_routes([web.get("/", start), web.get("/cb", back), web.get("/ready", ready)])
    runner = web.AppRunner(running)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://app.localhost:{runner.addresses[0][1]}"

    page = await enter(at=DEVELOPERS)
    await page.get_by_role("link", name="Register an app").first.click()
    await page.get_by_label("Name", exact=True).fill("Tracker")
    await page.get_by_label("App URL").fill(address + "/")
    await page.get_by_label("Redirect URLs").fill(address + "/cb")
    await page.get_by_role("button", name="Register").click()
    secret = await page.locator("#client-secret").inner_text()
    app_id = await page.locator(".facts code").first.inner_text()
    await page.get_by_role("link", name="Preview").click()
    await expect(page.get_by_role("heading", name="Connect Tracker?")).to_be_visible()
    await expect(page.locator(".scopes li")).to_have_count(2)
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("heading", name="Ready")).to_be_visible()
    answer = await installs.exchange(shop, App(app_id, secret), grant_type="authorization_code", code=code[0], redirect_uri=address + "/cb")  # fmt: skip
    program = installs.bearer(shop, answer.body["access_token"])
    assert (await program.get("/api/tags")).status == 200
    await page.goto(f"http://{shop.ada.host}/settings/apps")
    await expect(page.locator(".app-card")).to_contain_text("Tracker")
    await page.get_by_text("What it may do (2)").click()
    await expect(page.locator(".app-card")).to_contain_text("Read tags.")
    await page.locator("summary", has_text="Disconnect").click()
    await page.get_by_role("button", name="Disconnect it").click()
    await expect(page.locator(".page-notice[role=status]")).to_contain_text("The app is disconnected.")
    assert (await program.get("/api/tags")).status == 401
    await runner.cleanup()


async def test_an_app_is_recalled_from_everybody_but_its_writer(shop: World, other: World) -> None:
    app = await installs.register(shop, description="Finds parcels.")
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await reviews.submit(work, app.id, checklist=reviews.CHECKLIST, instructions="Press Connect.")
        await reviews.approve(work, app.id)
    here, there = [await installs.connect(world, app, "tags:read offline") for world in (shop, other)]
    programs = [
        installs.bearer(world, body["access_token"]) for world, body in ((shop, here), (other, there))
    ]
    assert [(await program.get("/api/tags")).status for program in programs] == [200, 200]
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await reviews.recall(work, app.id, "It spies.")
    assert [(await program.get("/api/tags")).status for program in programs] == [200, 401]
    assert [event[0] for event in await other.events("app-disconnected")] == ["app-disconnected"]
    assert [event[0] for event in await shop.events("app-recalled")] == ["app-recalled"]
    gone = await installs.exchange(
        other, app, grant_type="refresh_token", refresh_token=there["refresh_token"]
    )
    assert gone.body["error"] == "invalid_client", "it is nobody there any more"
    async with writing(shop.database, shop.account, installs.admin(shop)) as work:
        with pytest.raises(errors.Forbidden):
            await reviews.recall(work, app.id, "Not theirs to say.")
        await apps.update(work, app.id, {"name": "Better", "app_url": "https://app.example/", "redirect_urls": installs.CALLBACK})  # fmt: skip
        assert ((await apps.get(work, app.id))["status"], (await apps.get(work, app.id))["version"]) == (
            "draft",
            2,
        )


async def test_verbs_of_the_installation(shop: World) -> None:
    app = await installs.register(shop)
    async with writing(shop.database, shop.account, SYSTEM) as work:
        assert await reviews.is_reviewer(work)
        for verb in (reviews.approve(work, app.id), reviews.send_back(work, app.id, "No.")):
            with pytest.raises(errors.Conflict):
                await verb
