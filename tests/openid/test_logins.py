"""Logging in by a provider: there and back, who is let in as whom, and whose word is not taken."""

import asyncio
import html
import re
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from playwright.async_api import expect

from polus.base import clock, totp
from polus.channels.openid import providers
from polus.desk import invitations, second_factors
from polus.store.work import SYSTEM, writing
from tests.openid.companies import Company, goes_to
from tests.openid.rogues import Rogue
from tests.web.axe import violations
from tests.web.conftest import PASSWORD, Browser, Enter
from tests.web.test_settings import beside, fill
from tests.world import World

ACCESS = "/settings/access"
PLAIN = {"signup_mode": "invite", "google": "1", "microsoft": "1"}
KEY = ECKey.generate_key("P-256", {"kid": "one"})
TENANT = "11111111-2222-3333-4444-555555555555"


def own(company: Company) -> dict[str, str]:
    """A row of the page."""
    return {
        "own.0.name": "Company",
        "own.0.server_metadata_url": company.issuer,
        "own.0.client_id": company.app.id,
        "own.0.client_secret": company.app.secret,
    }


@pytest.fixture
def guest(browser: Browser) -> Browser:
    """Somebody at the door."""
    return Browser(browser.http, browser.url, browser.host)


async def chosen(guest: Browser, key: str, going: str = "", token: str = "") -> str:
    """Where the button leads."""
    given = {"csrf": token or await guest.token("/login"), "provider": key, "next": going}
    return goes_to(await guest.post("/login/with", given))


def refusal(page: str) -> str:
    """What the door says."""
    found = re.search(r'class="banner bad".*?<span>(.*?)</span>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


async def named(shop: World, email: str, role: str = "basic-agent") -> int:
    """A user of that address."""
    given = {"email": email, "name": "Kim", "role": {"name": role}}
    answer = await shop.ada.post("/api/users", given)
    assert answer.status == 201, answer.raw
    return int(answer.json["id"])


async def test_there_and_back(ada: Browser, guest: Browser, shop: World, company: Company) -> None:
    assert "Log in with" not in (await guest.get("/login")).text
    lacking = await fill(ada, ACCESS, PLAIN | own(company) | {"own.0.client_id": ""})
    assert (lacking.status, company.app.secret in lacking.text) == (422, False)
    assert (await fill(ada, ACCESS, PLAIN | own(company))).status == 303
    assert company.app.secret not in (await ada.get(ACCESS)).text
    assert company.app.secret not in str(
        await shop.rows("select data from account_settings where account_id = $1")
    )
    kept = (
        PLAIN
        | own(company)
        | {"own.0.client_secret": "", "own.0.key": "company", "own.0.name": "The Company"}
    )
    assert (await fill(ada, ACCESS, kept)).status == 303
    assert "Log in with The Company" in (await guest.get("/login")).text
    key, email = "sso:company", company.world.ada.email

    async def tried(going: str = "") -> Any:
        return await guest.get(await company.answer(await chosen(guest, key, going)))

    there = await chosen(guest, key)
    question = parse_qs(urlsplit(there).query)
    assert (question["scope"], question["code_challenge_method"]) == (["openid email profile"], ["S256"])
    assert len(question["nonce"][0]) > 20
    back = await company.answer(there)
    # Another browser, even with a cookie of its own, cannot bring this answer, nor can another account's.
    stranger = Browser(ada.http, ada.url, ada.host)
    await chosen(stranger, key)
    for other in (stranger, company.browser):
        assert (await other.get(back)).status == 400
    unproven = await guest.get(back)
    assert refusal(unproven.text).endswith(f"does not vouch that {email} is your address. Your administrator finds in the manual why.")  # fmt: skip
    assert (await guest.get(back)).status == 400, "once"
    assert (await guest.post("/login/with", {"provider": key})).status == 403
    forged = {"csrf": await guest.token("/login"), "provider": "google"}
    assert (await guest.post("/login/with", forged)).status == 404, "not registered"

    await company.world.rows(
        "update users set email_proven_datetime = now() where account_id = $1 returning 1"
    )
    assert refusal((await tried()).text) == f"Nobody in this helpdesk has the address {email}. An administrator can invite you."  # fmt: skip
    user_id = await named(shop, email)
    back = await company.answer(await chosen(guest, key, "/inbox/mine?x=1"))
    cookies = dict(guest.cookies)
    twin = Browser(guest.http, guest.url, guest.host)
    twin.cookies = dict(cookies)
    done, late = sorted(await asyncio.gather(guest.get(back), twin.get(back)), key=lambda reply: reply.status)
    assert late.status == 400, "of two at the same moment one"
    guest.cookies = cookies | {name: morsel.value for name, morsel in done.cookies.items()}
    assert (done.status, done.headers["Location"]) == (303, "/inbox/mine?x=1")
    assert (await guest.get("/inbox/open")).status == 200
    assert ("user-logged-in", "User", user_id, {"provider": key}) in await shop.events()
    [row] = await shop.rows("select user_id, issuer, subject, email from identities where account_id = $1")
    assert tuple(row) == (user_id, company.issuer, str(company.world.ada.user_id), email)
    guest.cookies.clear()
    assert (await tried("https://evil.example")).headers["Location"] == "/inbox"
    # He is known whatever his address is by now, until he has another one here.
    await company.world.rows("update users set email = 'new@elsewhere.example' where account_id = $1 and id = $2 returning 1", company.world.ada.user_id)  # fmt: skip
    guest.cookies.clear()
    assert (await tried()).status == 303
    page = f"/settings/users/{user_id}"
    assert "new@elsewhere.example" in (await ada.get(page)).text
    assert (
        await fill(ada, page, {"name": "Kim", "email": "kim@shop.example", "role": "basic-agent"})
    ).status == 303
    guest.cookies.clear()
    assert refusal((await tried()).text).startswith("Nobody in this helpdesk")
    joins = kept | {"signup_mode": "allowed-domains", "allowed_domains": "elsewhere.example"}
    assert (await fill(ada, ACCESS, joins)).status == 303
    assert (await tried()).status == 303
    [new] = await shop.rows("select id, role, name from users where account_id = $1 and email = 'new@elsewhere.example'")  # fmt: skip
    assert (new["role"], new["name"]) == ("observer-agent", "Ada Agent")
    assert (await fill(ada, f"/settings/users/{new['id']}/forget", {})).status == 303
    assert (await fill(ada, f"/settings/users/{new['id']}/switch", {"active": ""})).status == 303
    guest.cookies.clear()
    assert refusal((await tried()).text).startswith("Nobody in this helpdesk"), (
        "who was switched off does not join again"
    )


async def test_second_factors_and_passwords(
    ada: Browser, guest: Browser, shop: World, company: Company
) -> None:
    await fill(ada, ACCESS, PLAIN | own(company))
    kept = PLAIN | own(company) | {"own.0.client_secret": "", "own.0.key": "company"}
    await company.world.rows("update users set email_proven_datetime = now(), email = $2 where account_id = $1 and id = $3 returning 1", shop.oda.email, company.world.ada.user_id)  # fmt: skip
    secret = second_factors.propose()
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await work.db.execute(
            "update users set two_fa_secret = $3 where account_id = $1 and id = $2",
            shop.account.id,
            shop.oda.user_id,
            second_factors.sealed(work, shop.oda.user_id, secret),
        )
    asked = await guest.get(await company.answer(await chosen(guest, "sso:company", "/inbox/mine")))
    assert (asked.status, "polus" in guest.cookies) == (200, False)
    assert 'name="code"' in asked.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    code = totp.code(secret, int(clock.now().timestamp()) // totp.STEP)
    assert (
        await guest.post("/login", fields | {"code": "000000" if code != "000000" else "111111"})
    ).status == 422
    done = await guest.post("/login", fields | {"code": code})
    assert (done.status, done.headers["Location"]) == (303, "/inbox/mine")
    [*_, last] = await shop.events("user-logged-in")
    assert last[3] == {"provider": "sso:company"}

    assert (await fill(ada, ACCESS, kept | {"spared": "1", "only_providers": "1"})).status == 303
    guest.cookies.clear()
    done = await guest.get(await company.answer(await chosen(guest, "sso:company")))
    assert done.status == 303
    await shop.rows("update users set two_fa_secret = null where account_id = $1 returning 1")
    assert (
        await fill(ada, ACCESS, kept | {"spared": "1", "only_providers": "1", "factors": "1"})
    ).status == 303
    assert (await guest.get("/inbox/open")).status == 200, "a factor is not owed either"
    guest.cookies.clear()
    refused = await guest.log_in(shop.oda.email)
    assert (refused.status, refusal(refused.text)) == (
        422,
        "Here people log in by a provider. Choose yours below.",
    )
    invited = await named(shop, "invited@shop.example")
    link = invitations.PATH + invitations.token(shop.database, shop.account.id, invited)
    given = {"csrf": await guest.token(link), "password": PASSWORD}
    assert (await guest.post(link, given)).headers["Location"] == "/login", "an invitation is no way around"
    assert (await guest.log_in(shop.ada.email)).status == 303, "the owner gets in when the provider is away"


async def test_with_a_browser(enter: Enter, shop: World, company: Company) -> None:
    page = await enter(at=ACCESS)
    await page.get_by_role("button", name="Add a provider").click()
    for label, value in zip(("Name", "Address of the provider (issuer)", "Client ID", "Client secret"), own(company).values(), strict=True):  # fmt: skip
        await page.get_by_label(label, exact=True).fill(value)
    assert await violations(page) == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await company.world.rows("update users set email_proven_datetime = now(), email = $2 where account_id = $1 and id = $3 returning 1", shop.oda.email, company.world.ada.user_id)  # fmt: skip
    await page.context.clear_cookies()
    url = f"http://{company.world.ada.host}/"
    await page.context.add_cookies([{"name": "polus", "value": company.browser.cookies["polus"], "url": url}])
    await page.goto(f"http://{shop.ada.host}/login?next=/settings/profile")
    assert await violations(page) == []
    await page.get_by_role("button", name="Log in with Company").click()
    await page.wait_for_url("**/oauth/authorize*")
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.wait_for_url(f"http://{shop.ada.host}/settings/profile")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Oda Agent")


class Forge:
    """Brings answers of a provider whose tokens say what a test wants."""

    def __init__(self, guest: Browser, rogue: Rogue, key: str, issuer: str = "") -> None:
        self.guest, self.rogue, self.key, self.token = guest, rogue, key, ""
        self.issuer = issuer or rogue.url
        rogue.keys = {"keys": [KEY.as_dict(private=False)]}

    async def tried(self, *, key: Any = KEY, alg: str = "ES256", token: Any = None, **changed: Any) -> Any:
        self.guest.cookies.pop("polus", None)
        if not self.token:
            self.token = await self.guest.token("/login")
        there = parse_qs(urlsplit(await chosen(self.guest, self.key, token=self.token)).query)
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "s1",
            "aud": "c",
            "iat": now,
            "exp": now + 60,
            "nonce": there["nonce"][0],
        }
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        made = (
            jwt.encode({"alg": alg, "kid": "one"}, claims, key, algorithms=[alg]) if token is None else token
        )
        self.rogue.given = {"access_token": "a", "id_token": made}
        reply = await self.guest.get(f"/oauth/callback?code=x&state={there['state'][0]}")
        if reply.status == 303:
            self.token = ""  # the door forgets who came in
            return "in"
        return refusal(reply.text)


async def test_tokens_that_are_not_trusted(ada: Browser, guest: Browser, shop: World, rogue: Rogue) -> None:
    row = {"name": "R", "server_metadata_url": rogue.url, "client_id": "c", "client_secret": "hush"}
    rogue.published = rogue.document(userinfo_endpoint=rogue.url + "/userinfo")
    added = await fill(ada, ACCESS, PLAIN | {f"own.0.{name}": value for name, value in row.items()})
    assert added.status == 303
    forge, me = Forge(guest, rogue, "sso:r"), shop.oda.email
    good = {"email": me, "email_verified": True}
    now = int(clock.now().timestamp())
    shared = OctKey.import_key("hush" * 16)
    for changed, said in (
        ({"key": ECKey.generate_key("P-256")}, "BadSignatureError"),
        ({"key": shared, "alg": "HS256"}, "cannot be trusted"),
        ({"token": "eyJhbGciOiJub25lIn0.e30."}, "cannot be trusted"),
        ({"token": "x"}, "cannot be trusted"),
        ({"token": b64encode(b"[" * 9000).decode() + ".e30.eA"}, "cannot be trusted"),
        ({"token": None, "iss": "https://accounts.google.com"}, "its iss is another"),
        ({"aud": "another"}, "its aud is another"),
        ({"aud": ["c", "d"], "azp": "d"}, "it is for another"),
        ({"nonce": "n"}, "its nonce is another"),
        ({"nonce": None}, "its nonce is another"),
        ({"exp": None}, "MissingClaimError"),
        ({"sub": None}, "MissingClaimError"),
        ({"sub": "x" * 300}, "its subject is none"),
        ({"exp": now - 600}, "do not agree (exp)"),
        ({"iat": now + 600}, "do not agree (iat)"),
        ({"nbf": 1e300}, "do not agree (nbf)"),
        ({"email_verified": False}, "does not vouch that"),
        ({"email_verified": None}, "does not vouch that"),
        ({"email": "no address"}, "does not say which e-mail address"),
        ({"email": "\u212aim@shop.example"}, "does not say which e-mail address"),
        ({"email": {"a": 1}}, "does not say which e-mail address"),
    ):  # fmt: skip
        assert said in await forge.tried(**{**good, **changed}), changed
    for keys, said in (
        ({"keys": "x"}, "its keys cannot be read"),
        ({"keys": [{"kty": "RSA", "n": 5}]}, "its keys cannot be read"),
        ({"keys": [shared.as_dict()]}, "its keys cannot be read"),
        (b'{"a":' * 40_000, "its answer cannot be read"),
        (404, "it answered 404"),
    ):  # fmt: skip
        rogue.keys = keys
        assert said in await forge.tried(**good), keys
    rogue.keys = {"keys": [KEY.as_dict(private=False)]}
    for told, said in (
        ({"sub": "s2", **good}, "it speaks of somebody else"),
        ({"sub": "s1", "email": me}, "does not vouch that"),
    ):
        rogue.told = told
        assert said in await forge.tried(), told
    assert await shop.rows("select 1 from identities where account_id = $1") == []
    assert (await shop.events("user-logged-in"))[-1][2] == shop.ada.user_id, "nobody else"

    rogue.told = {"sub": "s1", **good}
    assert await forge.tried() == "in"
    assert await forge.tried(email=shop.ada.email, email_verified=True) == "in", "he is who he was"
    assert [row["user_id"] for row in await shop.rows("select user_id from identities where account_id = $1")] == [shop.oda.user_id]  # fmt: skip
    second = RSAKey.generate_key(2048, {"kid": "one"})
    rogue.keys = {"keys": [second.as_dict(private=False)]}
    assert await forge.tried(key=second, alg="RS256", email=me) == "in", "with new keys"
    assert "belongs to another person" in await forge.tried(key=second, alg="RS256", sub="s2", **good)


async def test_whose_word_for_an_address_counts(
    ada: Browser, guest: Browser, shop: World, rogue: Rogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = {"token_endpoint": rogue.url + "/token", "jwks_uri": rogue.url + "/keys"}
    monkeypatch.setattr(providers, "GOOGLE", msgspec.structs.replace(providers.GOOGLE, **google))
    monkeypatch.setattr(providers, "MICROSOFT", rogue.url + "/")
    known = {"client_id": "c", "client_secret": "hush"}
    await fill(ada, "/settings/providers/google", known)
    await fill(ada, "/settings/providers/microsoft", known)
    forge = Forge(guest, rogue, "google", providers.GOOGLE.issuer)
    mine = {"email": shop.oda.email, "email_verified": True}
    assert "does not vouch" in await forge.tried(**mine), "another's domain was only seen once"
    assert "does not vouch" in await forge.tried(**mine | {"email_verified": False}, hd="shop.example")
    assert await forge.tried(**mine, hd="shop.example") == "in"
    user = (await shop.ada.get(f"/api/users/{shop.oda.user_id}")).json
    assert user["meta"]["sso"] == "google"

    other = "99999999-2222-3333-4444-555555555555"
    forge = Forge(guest, rogue, "microsoft", f"{rogue.url}/{TENANT}/v2.0")
    sent: dict[str, Any] = {"email": shop.leo.email, "tid": TENANT, "oid": "o1"}
    assert "does not vouch" in await forge.tried(**sent, email_verified=True), (
        "anybody's tenant says anything"
    )
    assert "does not vouch" in await forge.tried(**sent, preferred_username=shop.leo.email, xms_edov=False)
    assert "another tenant" in await forge.tried(**sent | {"tid": other})
    assert "another tenant" in await forge.tried(
        **sent | {"tid": "../common"}, iss=f"{rogue.url}/../common/v2.0"
    )
    assert await forge.tried(**sent, xms_edov=True) == "in"
    await fill(ada, "/settings/providers/microsoft", known | {"tenant": TENANT})
    assert "another tenant" in await forge.tried(
        **sent | {"tid": other}, iss=f"{rogue.url}/{other}/v2.0", xms_edov=True
    )
    assert await forge.tried(preferred_username=shop.bea.email, tid=TENANT, oid="o2") == "in"
    user = (await shop.ada.get(f"/api/users/{shop.bea.user_id}")).json
    assert user["meta"]["sso"] == "office365"
    # Entered as one's own, a tenant's and Google's word is worth what it was.
    rogue.published = rogue.document(issuer=f"{rogue.url}/{TENANT}/v2.0")
    row = {
        "name": "M",
        "server_metadata_url": f"{rogue.url}/{TENANT}/v2.0",
        "client_id": "c",
        "client_secret": "hush",
    }
    added = await fill(ada, ACCESS, PLAIN | {f"own.0.{name}": value for name, value in row.items()})
    assert added.status == 303
    forge = Forge(guest, rogue, "sso:m", f"{rogue.url}/{TENANT}/v2.0")
    assert await forge.tried(sub="p1", email=shop.lia.email) == "in"
    monkeypatch.setattr(providers, "GOOGLE", msgspec.structs.replace(providers.GOOGLE, issuer=forge.issuer))
    monkeypatch.setattr(providers, "MICROSOFT", "https://elsewhere.example/")
    assert "does not vouch" in await forge.tried(**mine | {"sub": "p2"})
    # What is not wanted any more is not offered, and who is on his way is turned back.
    guest.cookies.pop("polus", None)
    there = parse_qs(urlsplit(await chosen(guest, "google")).query)
    assert (await fill(ada, ACCESS, {"signup_mode": "invite", "microsoft": "1"})).status == 303
    late = await guest.get(f"/oauth/callback?code=x&state={there['state'][0]}")
    assert refusal(late.text) == "Logging in by this provider is not offered any more."
    page = (await guest.get("/login")).text
    assert ("Log in with Google" in page, "Log in with Microsoft" in page) == (False, True)
    wrong = await fill(ada, "/settings/providers/microsoft", known | {"tenant": "common"})
    assert beside(wrong.text, "tenant").startswith("Enter the ID of the directory")
