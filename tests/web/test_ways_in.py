"""Ways in beside the password: the forgotten password, the second factor and its recovery codes, sessions elsewhere."""

import re
from typing import Any

from polus.base import clock, totp
from polus.base.crypto import Signer
from tests import world as worlds
from tests.web.conftest import PASSWORD, Browser, addressed

NEW = "another horse battery"


async def fill(browser: Browser, path: str, fields: dict[str, Any], at: str = "/settings") -> Any:
    return await browser.post(path, {"csrf": await browser.token(at)} | fields)


async def mailed(shop: worlds.World) -> list[str]:
    """The links that were sent."""
    rows = await shop.rows("select body_text from notices where account_id = $1 order by id")
    return [re.search(r"https?://\S+(/login/reset/\S+)", row["body_text"])[1] for row in rows]  # type: ignore[index]


async def test_a_forgotten_password(browser: Browser, shop: worlds.World) -> None:
    other = Browser(browser.http, browser.url, browser.host)
    await other.log_in(shop.ada.email)
    page = "/login/forgotten"
    nowhere = [
        await fill(browser, page, {"email": one}, page) for one in ("nobody@shop.example", shop.ada.email)
    ]
    assert [one.text.count("cannot send mail yet") for one in nowhere] == [1, 1], "no address to send from"
    assert await mailed(shop) == []
    await addressed(shop)
    assert page in (await browser.get("/login")).text
    unknown = await fill(browser, page, {"email": "nobody@shop.example"}, page)
    known = await fill(browser, page, {"email": shop.ada.email.upper()}, page)
    assert (unknown.status, known.status) == (200, 200)
    assert unknown.text.count("mailbox") == known.text.count("mailbox") == 1, "nobody learns who is known"
    [link] = await mailed(shop)
    assert (await fill(browser, page, {"email": "nonsense"}, page)).status == 422
    assert (await browser.post(page, {"email": shop.ada.email})).status == 403, "not by others' forms"

    assert shop.ada.email in (await browser.get(link)).text
    short = await fill(browser, link, {"password": "short"}, link)
    assert short.status == 422
    assert "At least 10 characters are needed." in short.text
    assert (await fill(browser, link, {"password": NEW}, link)).status == 200
    assert "polus" not in browser.cookies, "it does not log in"
    assert (await other.get("/inbox/open")).status == 303, "all sessions end"
    for used in (link, link[:-3] + "abc", "/login/reset/nonsense"):
        assert (await browser.get(used)).status == 410
    assert (await browser.log_in(shop.ada.email, PASSWORD)).status == 422
    assert (await browser.log_in(shop.ada.email, NEW)).status == 303
    kinds = [kind for kind, *_ in await shop.events("user-password-reset", "user-password-changed")]
    assert kinds == ["user-password-reset", "user-password-changed"]


async def test_links_are_sent_so_often_and_work_an_hour(browser: Browser, shop: worlds.World) -> None:
    page = "/login/forgotten"
    await addressed(shop)
    statuses = [(await fill(browser, page, {"email": shop.ada.email}, page)).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    link = (await mailed(shop))[0]
    signer = Signer(shop.database.secret_key, "password reset")
    said = signer.read(link.rsplit("/", 1)[1])
    assert said
    assert (await browser.get("/login/reset/" + signer.sign(said, 60))).status == 200
    assert (await browser.get("/login/reset/" + signer.sign(said, -1))).status == 410


def code(secret: str, step: int = 0) -> str:
    return totp.code(secret, int(clock.now().timestamp()) // totp.STEP + step)


async def test_the_second_factor(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    page = "/settings/two-factor"
    first = (await browser.get(page)).text
    secret = re.search(r'name="secret" value="(\w+)"', first)[1]  # type: ignore[index]
    assert "<svg" in first.split('class="qr"')[1]
    wrong = await fill(browser, page, {"secret": secret, "code": "000000"})
    assert wrong.status == 422
    assert secret in wrong.text, "the same key stays in the app"
    done = await fill(browser, page, {"secret": secret, "code": code(secret)})
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", done.text)
    assert len(set(codes)) == 10
    assert codes[0] not in (await browser.get(page)).text, "shown once"
    [[stored]] = await shop.rows("select two_fa_secret from users where account_id = $1 and id = $2", shop.ada.user_id)  # fmt: skip
    assert secret not in stored
    assert (await shop.ada.get("/api/users/0")).json["has_2fa_enabled"] is True
    # At the door: a code of the app, or a recovery code, each once. Its clock may be ahead of ours.
    newer = code(secret, 1)
    for given, status in ((codes[0].upper().replace("-", " "), 303), (codes[0], 422), (newer, 303), (newer, 422)):  # fmt: skip
        door = Browser(browser.http, browser.url, browser.host)
        asked = await door.log_in(shop.ada.email)
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
        assert (await door.post("/login", fields | {"code": given})).status == status, given
    assert "9 recovery codes are left." in (await browser.get(page)).text
    assert (await fill(browser, page + "/codes", {"password": "wrong"})).status == 422
    renewed = await fill(browser, page + "/codes", {"password": PASSWORD})
    assert codes[1] not in renewed.text
    assert (await fill(browser, page + "/off", {"password": "wrong"})).status == 422
    assert (await fill(browser, page + "/off", {"password": PASSWORD})).status == 303
    assert await shop.rows("select 1 from recovery_codes where account_id = $1") == []
    assert [data for *_, data in await shop.events("user-2fa-changed")] == [{"enabled": [False, True]}, {"enabled": [True, False]}]  # fmt: skip


async def test_sessions_elsewhere(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    other = Browser(browser.http, browser.url, browser.host)
    token = await other.token("/login")
    fields = {"csrf": token, "email": shop.ada.email, "password": PASSWORD}
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    await other.post("/login", fields, User_Agent=agent)
    page = (await browser.get("/settings/profile")).text
    assert "Firefox · Linux" in page
    assert (await fill(browser, "/settings/profile/sessions", {})).status == 303
    assert (await other.get("/inbox/open")).status == 303
    assert (await browser.get("/inbox/open")).status == 200


async def test_the_profile(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    page = "/settings/profile"
    fields = {"name": "Ada L", "bio": "Ada, your shop", "language": "en", "timezone": "Asia/Tokyo"}
    assert (await fill(browser, page, fields | {"timezone": "Mars/Base"})).status == 422
    assert (await fill(browser, page, fields)).status == 303
    me = (await shop.ada.get("/api/users/0")).json
    assert (me["name"], me["bio"], me["timezone"]) == ("Ada L", "Ada, your shop", "Asia/Tokyo")
    wrong = await fill(browser, page + "/secrets", {"new_password": NEW, "old_password": "wrong"})
    assert wrong.status == 422
    assert "Not the current password." in wrong.text
    assert "too short" not in wrong.text
    assert (
        await fill(browser, page + "/secrets", {"new_password": NEW, "old_password": PASSWORD})
    ).status == 303
    assert (await browser.get("/inbox/open")).status == 200, "who changed it stays"
    email = {"email": "ada@new.example", "old_password": NEW}
    assert (await fill(browser, page + "/secrets", email)).status == 303
    [[stored]] = await shop.rows(
        "select email from users where account_id = $1 and id = $2", shop.ada.user_id
    )
    assert stored == "ada@new.example"


async def test_availability(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    assert (await fill(browser, "/availability", {"available": ""})).status == 303
    [[available]] = await shop.rows("select available from user_presence where account_id = $1 and user_id = $2", shop.ada.user_id)  # fmt: skip
    assert available is False


async def test_who_may_join_and_a_second_factor_for_all(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    page = "/settings/access"
    fields = {"signup_mode": "allowed-domains", "allowed_domains": "", "google": "1", "microsoft": "1"}
    assert "at least one domain" in (await fill(browser, page, fields)).text
    assert "Write domains such as" in (await fill(browser, page, fields | {"allowed_domains": "a b"})).text
    before = (await shop.ada.get("/api/account/settings", type="access")).json["data"][0]["data"]
    assert (await fill(browser, page, fields | {"allowed_domains": "Shop.example, @b.example"})).status == 303
    held = (await shop.ada.get("/api/account/settings", type="access")).json["data"][0]["data"]
    assert held == before | {
        "signup_mode": "allowed-domains",
        "allowed_domains": ["shop.example", "b.example"],
    }

    await addressed(shop)
    guest = Browser(browser.http, browser.url, browser.host)
    assert "/login/join" in (await guest.get("/login")).text
    for email in ("new@elsewhere.example", "Nora.New@shop.example", "nora.new@shop.example"):
        said = await fill(guest, "/login/forgotten", {"email": email}, "/login/join")
        assert said.text.count("mailbox") == 1, "nobody learns who may"
    rows = await shop.rows("select email, name, role, password_hash from users where account_id = $1 and email like '%new%'")  # fmt: skip
    assert [tuple(row) for row in rows] == [("nora.new@shop.example", "nora.new", "observer-agent", None)]
    assert [kind for kind, *_ in await shop.events("user-created", "user-invited")][-3:] == ["user-created", "user-invited", "user-invited"]  # fmt: skip

    assert (await fill(browser, page, {"signup_mode": "invite", "factors": "1"})).status == 303
    assert (await browser.get("/inbox/open")).headers["Location"] == "/settings/two-factor"
    assert (await browser.get("/inbox/open/list", hx_request="true")).status == 401
    setup = (await browser.get("/settings/two-factor")).text
    assert "everybody uses a second factor" in setup
    secret = re.search(r'name="secret" value="(\w+)"', setup)[1]  # type: ignore[index]
    turned = {"secret": secret, "code": code(secret)}
    assert (await fill(browser, "/settings/two-factor", turned, "/settings/two-factor")).status == 200
    assert (await browser.get("/inbox/open")).status == 200
    assert "/login/join" not in (await guest.get("/login")).text
    assert (await shop.leo.get("/api/tickets")).status == 200, "programs go on"
