"""What must be refused, and how: at the consent page, at the token endpoint, by the API. Nothing refused leaves a trace."""

import asyncio
import datetime
import hashlib
import io
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from polus.base import clock, log
from polus.desk.apps import connections, tokens
from polus.store.work import writing
from tests import installs
from tests.installs import CALLBACK, App
from tests.web.conftest import Browser, Reply
from tests.world import World

VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
GRANT = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}


def at(app: App, **changed: str | None) -> str:
    """An authorize address; None leaves a parameter out."""
    asked = {
        "response_type": "code",
        "client_id": app.id,
        "redirect_uri": CALLBACK,
        "scope": "tags:read",
        "state": "xyz",
    }
    return "/oauth/authorize?" + urlencode({k: v for k, v in (asked | changed).items() if v is not None})


@pytest.fixture
async def ada(browser: Browser, shop: World) -> Browser:
    """An administrator's browser."""
    assert (await browser.log_in(shop.ada.email)).status == 303
    return browser


async def press(browser: Browser, address: str, decision: str = "allow") -> Reply:
    given = {"csrf": await browser.token(), "request": urlsplit(address).query, "decision": decision}
    return await browser.post("/oauth/authorize", given)


def told(reply: Reply) -> dict[str, str]:
    """The parameters that the app gets back."""
    place = str(reply.headers["Location"])
    assert place.startswith(CALLBACK + "?"), place
    return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}


async def token(
    browser: Browser, app: App, form: Any, basic: bool = True, query: str = "", **headers: str
) -> Any:
    """Status and body of a call of the token endpoint."""
    sent = ({"Authorization": app.basic} if basic else {}) | headers
    reply = await browser.send("POST", "/oauth/token" + query, form, **sent)
    assert reply.headers["Cache-Control"] == "no-store"
    return reply.status, json.loads(reply.text)


async def connection_rows(shop: World) -> list[Any]:
    return await shop.rows("select 1 from app_connections where account_id = $1")


async def test_the_question_and_its_answers(ada: Browser, shop: World) -> None:
    app = await installs.register(shop, tagline="Follows parcels <b>")
    page = await ada.get(at(app, scope="tickets:read tickets:read offline"))
    assert (page.status, page.text.count("Read tickets, messages, views, files and calls.")) == (200, 1)
    for words in (
        "Connect Parcel Tracker?",
        "Follows parcels &lt;b&gt;",
        "app.example",
        "nobody has reviewed",
    ):
        assert words in page.text
    policy = page.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "script-src" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "<script" not in page.text

    denied = await press(ada, at(app), "deny")
    assert (denied.status, told(denied)["error"], told(denied)["state"]) == (303, "access_denied", "xyz")
    assert await connection_rows(shop) == []

    granted = told(await press(ada, at(app, scope="tickets:read tags:read")))
    assert set(granted) == {"code", "state"}
    again = await ada.get(at(app, scope="tags:read"))
    assert (again.status, set(told(again))) == (302, {"code", "state"}), "a subset is not asked again"
    assert (await ada.get(at(app, scope="tags:read", prompt="consent"))).status == 200
    assert (await ada.get(at(app, scope="tags:read tags:write"))).status == 200, "more is"
    quiet = await ada.get(at(app, scope="tags:write", prompt="none"))
    assert told(quiet)["error"] == "consent_required"
    [event] = await shop.events("app-connected")
    assert event[3] == {"app_id": app.id, "name": "Parcel Tracker", "scopes": ["tags:read", "tickets:read"]}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'é"\\'}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "tags:read everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
    ],
)
async def test_errors_go_back_to_the_app(
    ada: Browser, shop: World, changed: dict[str, str | None], error: str
) -> None:
    app = await installs.register(shop)
    for reply in (await ada.get(at(app, **changed)), await press(ada, at(app, **changed))):
        said = told(reply)
        assert (reply.status in (302, 303), said["error"], said["state"]) == (True, error, "xyz")
        assert said.get("error_description")
    assert await connection_rows(shop) == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "0" * 24},
        {"client_id": "x\0' or 1=1"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?a=b"},
        {"redirect_uri": "https://app.example.evil.example/oauth/callback"},
        {"redirect_uri": "https://app.example@evil.example/oauth/callback"},
        {"redirect_uri": 'javascript:alert("é")'},
        {"redirect_uri": "//evil.example"},
    ],
)
async def test_nobody_is_sent_where_it_is_not_safe(
    ada: Browser, shop: World, changed: dict[str, str | None]
) -> None:
    app = await installs.register(shop)
    for reply in (await ada.get(at(app, **changed)), await press(ada, at(app, **changed))):
        assert (reply.status, "Location" in reply.headers) == (400, False)
        assert "This app cannot be connected" in reply.text
        assert "evil" not in reply.text
    repeated = await ada.get(at(app) + "&redirect_uri=https%3A%2F%2Fevil.example")
    assert (repeated.status, "Location" in repeated.headers) == (400, False)


async def test_who_may_consent(ada: Browser, browser: Browser, shop: World, other: World) -> None:
    app, foreign = await installs.register(shop), await installs.register(other)
    assert (await ada.get(at(foreign))).status == 400, "a draft is known in its writer's account only"
    given = {"csrf": await ada.token(), "request": urlsplit(at(app)).query, "decision": "allow"}
    for forged in (given | {"csrf": "x" * 43}, {k: v for k, v in given.items() if k != "csrf"}):
        assert (await ada.post("/oauth/authorize", forged)).status == 403
    assert (await ada.post("/oauth/authorize", given, Origin="https://evil.example")).status == 403
    ada.cookies.clear()
    assert told(await ada.get(at(app, prompt="none")))["error"] == "login_required"
    asked = await ada.get(at(app))
    assert asked.headers["Location"] == "/login?next=" + urlencode({"": at(app)})[1:]
    assert (await browser.log_in(shop.oda.email)).status == 303
    page = await browser.get(at(app))
    assert (page.status, "Only an administrator" in page.text, ">Connect<" in page.text) == (403, True, False)
    assert (await press(browser, at(app))).status == 403
    assert told(await press(browser, at(app), "deny"))["error"] == "access_denied"
    assert told(await browser.get(at(app, prompt="none")))["error"] == "access_denied"
    assert await connection_rows(shop) == []


async def test_the_forms_of_a_token_request(browser: Browser, shop: World) -> None:
    app = await installs.register(shop)
    secret = {"client_id": app.id, "client_secret": app.secret}
    made = [await installs.code(shop, app, "tags:read") for _ in range(4)]
    sent: list[Any] = [GRANT | {"code": code} for code in made]
    status, body = await token(browser, app, sent[0])
    assert (status, set(body)) == (200, {"access_token", "token_type", "expires_in", "scope"})
    assert (await token(browser, app, sent[1] | secret, basic=False))[0] == 200
    as_json = json.dumps(sent[2] | secret | {"scope": None}).encode()
    assert (await token(browser, app, as_json, basic=False, Content_Type="application/json"))[0] == 200
    assert (await token(browser, app, None, basic=False, query="?" + urlencode(sent[3] | secret)))[0] == 200
    for form, error in (
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "pass\\word"}, "unsupported_grant_type"),
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        (b"\xff\xfe", "invalid_request"),
        (b'{"grant_type": ["x"]}', "invalid_request"),
    ):
        status, body = await token(browser, app, form)
        assert (status, body["error"]) == (400, error), form
    assert (await token(browser, app, b"a" * 70_000))[0] == 413
    assert (await browser.get("/oauth/token")).status == 405


async def test_clients_that_are_not_who_they_say(browser: Browser, shop: World, other: World) -> None:
    app, second = await installs.register(shop), await installs.register(shop)
    form = GRANT | {"code": await installs.code(shop, app, "tags:read")}
    for wrong in (
        App(app.id, "0" * 64),
        App("0" * 24, app.secret),
        App(app.id, ""),
        await installs.register(other),
        App(app.id, second.secret),
    ):
        status, body = await token(browser, wrong, form)
        assert (status, body["error"]) == (401, "invalid_client")
        in_body = form | {"client_id": wrong.id, "client_secret": wrong.secret}
        assert (await token(browser, wrong, in_body, basic=False))[0] == 401
    junk = "Basic " + b64encode(b"\xff\xfe:\xff").decode()
    assert (await token(browser, app, form, basic=False, Authorization=junk))[0] == 401
    status, body = await token(browser, second, form)
    assert (status, body["error"]) == (400, "invalid_grant"), "a code of another app"
    assert (await token(browser, app, form))[0] == 200, "none of this used the code up"


async def test_a_code_is_good_once_and_for_five_minutes(browser: Browser, shop: World) -> None:
    app = await installs.register(shop)
    form = GRANT | {"code": await installs.code(shop, app, "tags:read offline")}
    for wrong in ({"redirect_uri": CALLBACK + "2"}, {"redirect_uri": ""}, {"code": "x" * 48}):
        status, body = await token(browser, app, form | wrong)
        assert (status, body["error"]) == (400, "invalid_grant")
    status, body = await token(browser, app, form)
    assert status == 200
    program = installs.bearer(shop, body["access_token"])
    assert (await program.get("/api/tags")).status == 200
    assert (await token(browser, app, form))[1]["error"] == "invalid_grant"
    assert (await program.get("/api/tags")).status == 401, (
        "the code came twice, so its tokens are not trusted"
    )
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert (await token(browser, app, refresh))[1]["error"] == "invalid_grant"
    assert [event[0] for event in await shop.events("app-code-reused")] == ["app-code-reused"]

    late = GRANT | {"code": await installs.code(shop, app, "tags:read")}
    await shop.rows("update oauth_codes set expires_datetime = now() where account_id = $1 returning 1")
    assert (await token(browser, app, late))[1]["error"] == "invalid_grant"


async def test_two_that_bring_one_code_at_once(browser: Browser, shop: World) -> None:
    app = await installs.register(shop)
    form = GRANT | {"code": await installs.code(shop, app, "tags:read")}
    answers = await asyncio.gather(*(token(browser, app, form) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400]
    [body] = [body for status, body in answers if status == 200]
    assert (await installs.bearer(shop, body["access_token"]).get("/api/tags")).status == 401


async def test_pkce(browser: Browser, shop: World) -> None:
    app = await installs.register(shop)
    more = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    form = GRANT | {"code": await installs.code(shop, app, "tags:read", **more)}
    for wrong, error in (
        ({"code_verifier": "x" * 50}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({}, "invalid_request"),
    ):
        status, body = await token(browser, app, form | wrong)
        assert (status, body["error"]) == (400, error)
    assert (await token(browser, app, form | {"code_verifier": VERIFIER}))[0] == 200
    without = GRANT | {"code": await installs.code(shop, app, "tags:read"), "code_verifier": VERIFIER}
    assert (await token(browser, app, without))[1]["error"] == "invalid_request"


async def test_refreshing_never_gives_more(browser: Browser, shop: World) -> None:
    app = await installs.register(shop)
    body = await installs.connect(shop, app, "tags:read offline openid")
    assert len(body["refresh_token"]) == 48
    assert "refresh_token" not in await installs.connect(shop, app, "tags:read")
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    for _ in range(2):
        status, again = await token(browser, app, refresh | {"client_id": app.id, "redirect_uri": CALLBACK})
        assert (status, again["scope"], "refresh_token" in again) == (200, "tags:read offline openid", False)
    assert (await token(browser, app, refresh | {"scope": "tags:write"}))[1]["error"] == "invalid_scope"
    status, narrow = await token(browser, app, refresh | {"scope": "openid"})
    assert (status, narrow["scope"]) == (200, "openid")
    assert (await installs.bearer(shop, narrow["access_token"]).get("/api/tags")).status == 403
    swapped = {"grant_type": "refresh_token", "refresh_token": body["access_token"]}
    assert (await token(browser, app, swapped))[1]["error"] == "invalid_grant"
    assert (await installs.bearer(shop, body["refresh_token"]).get("/api/tags")).status == 401
    second = await installs.register(shop)
    assert (await token(browser, second, refresh))[1]["error"] == "invalid_grant"
    await shop.rows(
        "update users set active = false where account_id = $1 and id = $2 returning 1", shop.ada.user_id
    )
    assert (await token(browser, app, refresh))[1]["error"] == "invalid_grant"


async def test_tokens_of_elsewhere_and_of_yesterday(shop: World, other: World) -> None:
    app = await installs.register(shop)
    good = (await installs.connect(shop, app, "tags:read"))["access_token"]
    theirs = (await installs.connect(other, await installs.register(other), "tags:read"))["access_token"]
    assert (await installs.bearer(shop, good).get("/api/tags")).status == 200
    head, body, signature = good.split(".")
    for wrong in (theirs, good + "x", f"{head}.{body}.", f"eyJhbGciOiJub25lIn0.{body}.", "é", ""):
        refused = await installs.bearer(shop, wrong).get("/api/tags")
        assert (refused.status, refused.json) == (401, {"error": {"msg": "Unauthorized."}})
    assert signature
    # Remembered by the door, and over all the same once its day is over.
    with clock.turned(by=datetime.timedelta(days=1, seconds=1)):
        late = (await installs.connect(shop, app, "tags:read"))["access_token"]
    assert (await installs.bearer(shop, late).get("/api/tags")).status == 200
    await shop.rows(
        "update oauth_tokens set expires_datetime = now() - interval '1 s' where account_id = $1 returning 1"
    )
    shop.database.ring(("credentials", shop.account.id))
    assert (await installs.bearer(shop, late).get("/api/tags")).status == 401


async def test_disconnecting_ends_everything(browser: Browser, shop: World) -> None:
    app = await installs.register(shop)
    body = await installs.connect(shop, app, "tags:read offline integrations:write")
    pending = GRANT | {"code": await installs.code(shop, app, "tags:read")}
    program = installs.bearer(shop, body["access_token"])
    hook = {"name": "Stock", "type": "http", "http": {"url": "https://93.184.216.34/", "triggers": {}}}
    made = (await program.post("/api/integrations", hook)).json
    assert made["application_id"] == app.id
    template = {"type": "wrapper", "widgets": []}
    widget = {"type": "http", "integration_id": made["id"], "template": template}
    shown = (await program.post("/api/widgets", widget)).json
    async with writing(shop.database, shop.account, installs.admin(shop)) as work:
        await connections.disconnect(work, app.id)
    assert (await program.get("/api/tags")).status == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert (await token(browser, app, refresh))[1]["error"] == "invalid_grant"
    assert (await token(browser, app, pending))[1]["error"] == "invalid_grant"
    left = (await shop.ada.get(f"/api/integrations/{made['id']}")).json
    assert left["deactivated_datetime"] is not None
    assert (await shop.ada.get(f"/api/widgets/{shown['id']}")).json["deactivated_datetime"] is not None
    kinds = [event[0] for event in await shop.events()]
    assert kinds[-3:] == ["widget-updated", "integration-deactivated", "app-disconnected"]
    assert [event[0] for event in await shop.events("app-connected")] == ["app-connected"] * 1
    told_of = json.dumps([event[3] for event in await shop.events()])
    for secret in (app.secret, body["access_token"], body["refresh_token"], pending["code"]):
        assert secret not in told_of


async def test_revocation_and_userinfo(browser: Browser, shop: World) -> None:
    app, second = await installs.register(shop), await installs.register(shop)
    body = await installs.connect(shop, app, "tags:read offline")
    for given, who, expected in (
        ({"token": "unknown"}, app, (200, None)),
        ({"token": body["access_token"], "token_type_hint": "anything"}, second, (400, "invalid_grant")),
        ({}, app, (400, "invalid_request")),
        ({"token": body["access_token"]}, App(app.id, "no"), (401, "invalid_client")),
        ({"token": body["access_token"], "token_type_hint": "refresh_token"}, app, (200, None)),
    ):
        reply = await browser.send("POST", "/oauth/revoke", given, Authorization=who.basic)
        assert (reply.status, json.loads(reply.text).get("error")) == expected
    assert (await installs.bearer(shop, body["access_token"]).get("/api/tags")).status == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    status, again = await token(browser, app, refresh)
    assert status == 200, "an access token goes alone"
    poor = await browser.get("/oauth/userinfo", Authorization="Bearer " + again["access_token"])
    assert (poor.status, "insufficient_scope" in poor.headers["WWW-Authenticate"]) == (403, True)
    nobody = await browser.get("/oauth/userinfo")
    assert (nobody.status, "invalid_token" in nobody.headers["WWW-Authenticate"]) == (401, True)


async def test_what_is_stored(shop: World) -> None:
    app = await installs.register(shop)
    code = await installs.code(shop, app, "tags:read")
    body = await installs.connect(shop, app, "tags:read offline")
    stored = ""
    for table in ("apps", "oauth_codes", "oauth_tokens", "app_connections", "events"):
        rows = await shop.rows(f"select t::text from {table} t where account_id = $1")
        stored += "".join(row[0] for row in rows)
    for secret in (app.secret, code, body["access_token"], body["refresh_token"]):
        assert secret not in stored
        assert secret.encode().hex() not in stored
    # Once they are over they go.
    async with shop.database.pool.acquire() as db, db.transaction():
        assert await tokens.remove_expired(db, clock.now() + datetime.timedelta(days=2)) == 0
    assert await shop.rows("select 1 from oauth_codes where account_id = $1") == []
    left = await shop.rows("select kind from oauth_tokens where account_id = $1")
    assert [row["kind"] for row in left] == ["refresh"]
    async with shop.database.pool.acquire() as db:
        assert "PRIVATE" not in str(await db.fetch("select sealed from signing_keys"))


async def test_nothing_of_it_is_logged(
    browser: Browser, shop: World, caplog: pytest.LogCaptureFixture, stream: io.StringIO
) -> None:
    app = await installs.register(shop)
    code = await installs.code(shop, app, "tags:read offline")
    with caplog.at_level(logging.DEBUG):
        status, body = await token(browser, app, GRANT | {"code": code})
        assert status == 200
        refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
        await token(browser, app, refresh | {"client_id": app.id, "client_secret": app.secret}, basic=False)
        await token(
            browser, app, None, basic=False, query="?" + urlencode(refresh | {"client_secret": app.secret})
        )
        await installs.bearer(shop, body["access_token"]).get("/api/tags")
        await browser.get("/oauth/userinfo?access_token=" + body["access_token"])
    log.flush()
    written = stream.getvalue() + caplog.text
    assert "/oauth/token" in written
    for secret in (app.secret, code, body["access_token"], body["refresh_token"]):
        assert secret not in written
