"""A mailbox is connected by its owner's consent at a provider: there and back, used, renewed, ended; and what goes wrong."""

import contextlib
import html
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import web
from playwright.async_api import expect

from polus.channels.email import probes
from polus.channels.openid import grants, providers
from tests.channels.email import fetching, peers
from tests.channels.email import office as offices
from tests.channels.email.fetching import Post
from tests.channels.email.office import mail
from tests.channels.email.peers import Dovecot, Postfix
from tests.openid.companies import Company, goes_to
from tests.openid.rogues import Rogue
from tests.web.axe import violations
from tests.web.conftest import Browser, Enter
from tests.web.test_settings import beside, fill
from tests.world import World

pytestmark = peers.needs_dovecot
OWN = "/settings/providers/own"
SCOPE = "openid email offline"
TENANT = "aaaaaaaa-2222-3333-4444-555555555555"


@pytest.fixture
async def post(shop: World, dovecot: Dovecot, subscribed: None) -> AsyncIterator[Post]:
    """The shop's address; its mailbox is `support` at Dovecot."""
    yield Post(await offices.opened(shop), dovecot, "support")
    await shop.rows("delete from mail_servers where account_id = $1 returning 1")


def page_of(post: Post, place: str = "mailbox") -> str:
    return f"/settings/channels/{post.office.integration_id}/{place}"


def server(post: Post) -> dict[str, Any]:
    """What is filled in beside the button."""
    return {
        "host": "127.0.0.1", "port": post.dovecot.imap, "security": "none", "username": post.user,
        "folders": "INBOX", "auth": "password", "connect": "own",
    }  # fmt: skip


@contextlib.asynccontextmanager
async def asked(post: Post, whose: Any) -> AsyncIterator[None]:
    """Dovecot asks `whose(token)` in whose name a token is."""

    async def info(request: web.Request) -> web.Response:
        user = await whose(request.query["access_token"])
        return web.json_response({"user": user, "active": "yes" if user else "no"})

    app = web.Application()
    app.router.add_get("/tokeninfo", info)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", post.dovecot.tokens).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def outcome(post: Post, way: str = "in") -> str:
    found = await probes.test(
        post.world.database, post.world.account, post.office.integration_id, way, "h.example"
    )
    return str(found or "")


async def test_there_and_back(ada: Browser, shop: World, company: Company, post: Post) -> None:
    path, secret = page_of(post), company.app.secret
    assert "Register Polus at Google" in (await ada.get(path)).text
    given = {
        "name": "Company",
        "issuer": company.issuer + "/",
        "client_id": company.app.id,
        "mail_scope": SCOPE,
    }
    lacking = await fill(ada, OWN, given)
    assert beside(lacking.text, "client_secret") == "This is needed."
    assert (await fill(ada, OWN, given | {"client_secret": secret})).status == 303
    assert secret not in (await ada.get(OWN)).text
    assert shop.account.base_url + "/oauth/callback" in (await ada.get(OWN)).text
    kept = str([dict(row) for row in await shop.rows("select * from registrations where account_id = $1")])
    assert secret not in kept + str(await shop.events())
    assert company.app.id not in (await company.browser.get(OWN)).text, "another helpdesk has its own"
    assert "This is needed." in (await fill(ada, path, server(post) | {"host": ""})).text

    there = goes_to(await fill(ada, path, server(post)))
    question = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
    assert {
        "code_challenge_method": "S256",
        "login_hint": "support",
        "scope": SCOPE,
    }.items() <= question.items()
    assert await shop.rows("select 1 from mail_servers where account_id = $1") == [], (
        "nothing before a consent"
    )
    back = await company.answer(there)
    # Only the browser that left comes back, only to its own account, and once.
    stranger = Browser(ada.http, ada.url, ada.host)
    assert (await stranger.get(back)).status == 400
    await stranger.log_in(shop.ada.email)
    assert (await stranger.get(back)).status == 400
    assert (await company.browser.get(back)).status == 400
    done = await ada.get(back)
    assert (done.status, done.headers["Location"]) == (303, path)
    assert (await ada.get(back)).status == 400
    page = (await ada.get(path)).text
    assert "Connected with Company. Press Test" in page
    assert await shop.rows("select 1 from consents where account_id = $1") == []
    [*_, (_, _, _, told)] = await shop.events("integration-updated")
    assert told["mail_in_provider"] == [None, "own"]
    # What was filled in may change, but not where the consent is shown.
    kept_too = {**server(post), "auth": "oauth2", "connect": "", "folders": "INBOX\nOrders"}
    elsewhere = await fill(ada, path, kept_too | {"host": "localhost"})
    assert beside(elsewhere.text, "auth") == "For another server or user name press Connect again."
    post.put(mail(), into="Orders")
    assert (await fill(ada, path, kept_too)).status == 303

    async def whose(token: str) -> str:
        reply = await company.browser.get("/oauth/userinfo", Authorization="Bearer " + token)
        return post.user if reply.status == 200 else ""

    async with asked(post, whose):
        async with fetching.worker(shop, receives=False):
            await post.looked()
            post.put(mail(message_id="<1@customer.example>"))
            await post.fetched(1)
        before = await post.folder()
        # The provider's token is over: another is had for the refresh token.
        await shop.rows("update mail_servers set access_until = now() where account_id = $1 returning 1")
        assert await outcome(post) == ""
        assert (await fill(ada, path + "/disconnect", {})).status == 303
        assert "The consent has ended at the provider, too." in (await ada.get(path)).text
        assert await company.world.rows("select 1 from oauth_tokens where account_id = $1") == []
        assert await outcome(post) == "The mailbox is not connected to its provider any more. Press Connect."
        assert (
            await ada.get(await company.answer(goes_to(await fill(ada, path, server(post)))))
        ).status == 303
        assert await outcome(post) == ""
        assert (await post.folder())["last_uid"] == before["last_uid"], "it goes on where it was"
        # The consent may be taken away at the provider at any time.
        await company.world.rows("delete from app_connections where account_id = $1 returning 1")
        said = await outcome(post)
        assert "takes the consent to this mailbox no more. Connect it again. It says: invalid_grant" in said
        denied = await company.answer(goes_to(await fill(ada, path, server(post))), "deny")
        assert (await ada.get(denied)).status == 303
        assert "says that you did not consent: access_denied" in (await ada.get(path)).text
        assert (await fill(ada, OWN + "/remove", {})).status == 303
        assert "The registration at this provider was removed or replaced." in await outcome(post)


async def test_with_a_browser(enter: Enter, shop: World, company: Company, post: Post) -> None:
    page = await enter(at=OWN)
    for label, value in {
        "Name": "Company",
        "Address of the provider (issuer)": company.issuer,
        "Client ID": company.app.id,
        "Client secret": company.app.secret,
        "Scopes for mail": SCOPE,
    }.items():
        await page.get_by_label(label, exact=True).fill(value)
    assert await violations(page) == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text(company.app.id)).to_be_visible()
    assert await violations(page) == []
    url = f"http://{company.world.ada.host}/"
    await page.context.add_cookies([{"name": "polus", "value": company.browser.cookies["polus"], "url": url}])
    await page.goto(f"http://{shop.ada.host}{page_of(post)}")
    await page.get_by_label("Name of the server").fill("127.0.0.1")
    await page.get_by_label("Port").fill(str(post.dovecot.imap))
    await page.get_by_label("Encryption").select_option("none")
    await page.get_by_role("button", name="Connect with Company").click()
    await page.wait_for_url("**/oauth/authorize*")
    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(page.get_by_text("Connected with Company. Press Test")).to_be_visible()
    assert page.url == f"http://{shop.ada.host}{page_of(post)}"
    assert await violations(page) == []


async def registered(ada: Browser, rogue: Rogue, **changed: str) -> Any:
    given = {
        "name": "R",
        "issuer": rogue.url,
        "client_id": "c",
        "client_secret": "hush",
        "mail_scope": "mail",
    }
    return await fill(ada, OWN, given | changed)


async def test_documents_that_are_none(
    ada: Browser, shop: World, rogue: Rogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for published, said in (
        (b"<html>", "its document cannot be read"),
        (b"\xff", "its document cannot be read"),
        (b"[" * 300_000, "its document cannot be read"),
        ({"issuer": rogue.url}, "its document cannot be read"),
        (302, "it answered 302"),
        (500, "it answered 500"),
        (rogue.document(issuer="https://accounts.google.com"), "its document is about https://accounts.google.com"),
        (rogue.document(token_endpoint="http://10.0.0.1/token"), "does not begin with https://"),
        (rogue.document(authorization_endpoint="javascript:alert(1)"), "an address in its document is none"),
    ):  # fmt: skip
        rogue.published = published
        reply = await registered(ada, rogue)
        assert (reply.status, said in html.unescape(reply.text)) == (422, True), (said, reply.text)
    rogue.published, rogue.slow = None, "/.well-known/openid-configuration"
    with monkeypatch.context() as impatient:
        impatient.setattr(providers, "SECONDS", 0.2)
        assert "no answer within 0.2 seconds" in (await registered(ada, rogue)).text
    rogue.slow = ""
    for issuer, said in (
        ("http://10.0.0.1/", "The host must resolve to public addresses."),
        ("ftp://a.example", "Not a valid URL."),
        ("http://nowhere.invalid", "could not be asked"),
    ):
        assert said in (await registered(ada, rogue, issuer=issuer)).text
    assert await shop.rows("select 1 from registrations where account_id = $1") == []
    assert (await registered(ada, rogue)).status == 303
    moved = await registered(ada, rogue, client_secret="", issuer=rogue.url.replace("127.0.0.1", "localhost"))
    assert moved.status == 422, "the secret goes to no other"
    assert (await fill(ada, "/settings/providers/nobody", {})).status == 404
    ada.cookies.clear()
    await ada.log_in(shop.oda.email)
    assert (await ada.get(OWN)).status == 403


async def test_answers_that_give_nothing(
    ada: Browser, shop: World, rogue: Rogue, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    rogue.published = rogue.document(authorization_response_iss_parameter_supported=True)
    await registered(ada, rogue)
    path, token = page_of(post), await ada.token("/settings")

    async def tried(**answer: str) -> str:
        there = goes_to(await ada.post(path, {"csrf": token, **server(post)}))
        state = parse_qs(urlsplit(there).query)["state"][0]
        query = {"state": state, "iss": rogue.url} | (answer or {"code": "x"})
        assert (await ada.get("/oauth/callback?" + urlencode(query))).status == 303
        found = re.search(r'class="banner[^>]*>.*?<span>(.*?)</span>', (await ada.get(path)).text, re.DOTALL)
        assert found
        return html.unescape(found[1])

    good = {"access_token": "a1", "refresh_token": "r1", "expires_in": 3600}
    for status, given, said in (
        (400, {"error": "invalid_grant"}, "takes the consent to this mailbox no more"),
        (401, {"error": "invalid_client", "error_description": "no"}, "does not accept the client ID and secret."),
        (401, b"<b>", "does not accept the client ID and secret."),
        (503, b"", "could not be asked: it answered 503"),
        (200, b"{", "gives no access token: it answered 200"),
        (200, b'{"x":' * 10_000, "gives no access token: it answered 200"),
        (400, b'{"error":' * 7_000, "gives no access token: it answered 400"),
        (200, good | {"access_token": "a\x01b\r\n"}, "its answer cannot be read"),
        (200, good | {"refresh_token": "x" * 20_000}, "its answer cannot be read"),
        (200, good | {"more": "x" * 70_000}, "its answer is too long"),
        (200, good | {"token_type": "mac"}, "a token of the kind mac"),
        (200, good | {"refresh_token": None}, "gives no refresh token"),
        (200, good | {"scope": "openid"}, "leave every box ticked: mail"),
        (400, {"error": "<script>\n\x00", "error_description": "y" * 5000}, "gives no access token: <script> "),
    ):  # fmt: skip
        rogue.status, rogue.given = status, given
        assert said in await tried(), said
    rogue.status, rogue.given = 200, good
    assert "the answer came from somebody else" in await tried(code="x", iss="https://evil.example")
    assert "its answer cannot be read" in await tried(state_="")
    assert "gives no access token: server_error: <b>" in await tried(
        error="server_error", error_description="<b>"
    )
    rogue.slow = "/token"
    with monkeypatch.context() as impatient:
        impatient.setattr(grants, "SECONDS", 0.2)
        assert "no answer within 0.2 seconds" in await tried()
    rogue.slow = ""
    assert await shop.rows("select 1 from mail_servers where account_id = $1") == []
    for state in ("", "x" * 10_000, "a%00b"):
        assert (await ada.get("/oauth/callback?code=x&state=" + state)).status == 400
    there = goes_to(await fill(ada, path, server(post)))
    await shop.rows("update consents set expires_datetime = now() where account_id = $1 returning 1")
    late = parse_qs(urlsplit(there).query)["state"][0]
    assert (await ada.get(f"/oauth/callback?code=x&iss={rogue.url}&state={late}")).status == 400

    # Refresh tokens that are replaced at each use, and what a provider may say about time.
    assert "Connected with R." in await tried()
    async with asked(post, _anybodys(post.user)):
        for number, lasts in enumerate((1e400, "nonsense", -5, None), 2):
            await shop.rows("update mail_servers set access_until = now() where account_id = $1 returning 1")
            told = "1e999" if lasts == 1e400 else lasts
            rogue.given = good | {
                "access_token": f"a{number}",
                "refresh_token": f"r{number}",
                "expires_in": told,
            }
            assert await outcome(post) == ""
            assert rogue.asked[-1]["refresh_token"] == f"r{number - 1}"
            assert rogue.asked[-1] == rogue.asked[-1] | {
                "client_secret": "hush",
                "grant_type": "refresh_token",
            }
        rogue.status, rogue.given = 400, {"error": "invalid_grant", "error_description": "Ended."}
        await shop.rows("update mail_servers set access_until = now() where account_id = $1 returning 1")
        assert (await fill(ada, path + "/test", {})).status == 303
        page = (await ada.get(path)).text
        assert page.count("takes the consent to this mailbox no more") == 2, "now, and as its state"


@peers.needs_postfix
async def test_answers_go_out_with_the_same_consent(
    ada: Browser, rogue: Rogue, post: Post, postfix: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(post.dovecot.folder / "cert.pem"))
    await registered(ada, rogue)
    rogue.given = {"access_token": "a1", "refresh_token": "r1", "expires_in": 3600}
    for place, fields in (
        ("mailbox", server(post)),
        ("sending", server(post) | {"host": "localhost", "port": postfix.submission, "security": "starttls"}),
    ):
        state = parse_qs(urlsplit(goes_to(await fill(ada, page_of(post, place), fields))).query)["state"][0]
        done = await ada.get(f"/oauth/callback?code=x&state={state}")
        assert done.headers["Location"] == page_of(post, place)
    async with asked(post, _anybodys(post.user)):
        assert await outcome(post, "out") == ""
        same = {"host": "localhost", "port": postfix.submission, "security": "starttls", "auth": "same"}
        assert (await fill(ada, page_of(post, "sending"), same)).status == 303
        assert await outcome(post, "out") == ""
        assert (await fill(ada, page_of(post) + "/disconnect", {})).status == 303
        assert "Press Connect." in await outcome(post, "out")


def _anybodys(user: str) -> Any:
    async def whose(token: str) -> str:
        return user

    return whose


async def test_google_and_microsoft(ada: Browser, shop: World, post: Post) -> None:
    path, known = page_of(post), {"client_id": "shop-1", "client_secret": "hush"}
    assert (await fill(ada, "/settings/providers/google", known)).status == 303
    wrong = await fill(ada, "/settings/providers/microsoft", known | {"tenant": "common"})
    assert beside(wrong.text, "tenant").startswith("Enter the ID of the directory")
    assert (
        await fill(ada, "/settings/providers/microsoft", known | {"tenant": TENANT.upper()})
    ).status == 303
    page = (await ada.get(path)).text
    assert "Connect with Google" in page
    assert "Connect with Microsoft" in page
    filled = {
        "connect": "google",
        "username": post.office.address,
        "host": "evil.example",
        "folders": "INBOX",
    }
    google = goes_to(await fill(ada, path, filled))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(google).query).items()}
    assert google.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert asked["scope"] == "https://mail.google.com/"
    assert (asked["access_type"], asked["prompt"], asked["client_id"]) == ("offline", "consent", "shop-1")
    microsoft = goes_to(await fill(ada, page_of(post, "sending"), filled | {"connect": "microsoft"}))
    assert microsoft.startswith("https://login.microsoftonline.com/" + TENANT + "/oauth2/v2.0/authorize?")
    assert "SMTP.Send+offline_access" in microsoft
    assert (await fill(ada, path, filled | {"connect": "own"})).status == 404
    again = await ada.post(path, {"csrf": await ada.token("/settings"), **filled}, HX_Request="true")
    assert (again.status, again.headers["HX-Redirect"].split("?")[0]) == (204, google.split("?")[0])
