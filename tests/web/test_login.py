"""The door: logging in and out, the brake on guessing, cookies, forged forms, walls between shops."""

import re
from typing import Any

import pytest

from polus.base import clock, totp
from polus.desk import second_factors
from polus.store.work import SYSTEM, writing
from polus.web.site import Site
from tests import world as worlds
from tests.web.conftest import PASSWORD, Browser


async def test_the_right_password_opens(browser: Browser, shop: worlds.World) -> None:
    answer = await browser.log_in(shop.ada.email.upper(), next="/inbox/mine?x=1")
    assert (answer.status, answer.headers["location"]) == (303, "/inbox/mine?x=1")
    cookie = answer.cookies["polus"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("lax", "/", "")
    assert (await browser.get("/login")).headers["location"] == "/inbox"
    [session] = await shop.rows("select * from sessions where account_id = $1")
    assert session["user_id"] == shop.ada.user_id
    assert cookie.value.encode() not in session["hash"]
    assert ("user-logged-in", "User", shop.ada.user_id, None) in await shop.events()


async def test_wrong_ones_do_not_and_look_alike(browser: Browser, shop: worlds.World) -> None:
    wrong = await browser.log_in(shop.ada.email, "not this")
    unknown = await browser.log_in("nobody@shop.example", "not this")
    without = await browser.log_in(shop.leo.email, "leo has no password")
    assert [wrong.status, unknown.status, without.status] == [422] * 3
    assert all("The e-mail address or the password is wrong." in a.text for a in (wrong, unknown, without))
    assert f'value="{shop.ada.email}"' in wrong.text
    assert "not this" not in wrong.text
    assert await shop.rows("select * from sessions where account_id = $1") == []


async def test_missing_fields_are_told_beside_them(browser: Browser) -> None:
    answer = await browser.log_in("", "")
    assert answer.status == 422
    assert 'id="e-email"' in answer.text
    assert "Please enter your password." in answer.text


async def test_guessing_is_braked_per_address(browser: Browser, shop: worlds.World) -> None:
    statuses = [(await browser.log_in(shop.ada.email, f"guess {n}")).status for n in range(11)]
    assert statuses == [422] * 10 + [429]
    locked = await browser.log_in(shop.ada.email, PASSWORD)
    assert locked.status == 429
    assert locked.headers["retry-after"] == "60"
    assert (await browser.log_in(shop.oda.email)).status == 303, "others are let in"


async def test_a_right_password_forgives_the_guesses(browser: Browser, shop: worlds.World) -> None:
    for _ in range(2):
        for n in range(8):
            assert (await browser.log_in(shop.ada.email, f"guess {n}")).status == 422
        assert (await browser.log_in(shop.ada.email)).status == 303
        browser.cookies.clear()


async def give_factor(shop: worlds.World, secret: str) -> None:
    """A second factor for the administrator."""
    async with writing(shop.database, shop.account, SYSTEM) as work:
        kept = second_factors.sealed(work, shop.ada.user_id, secret)
    await shop.rows("update users set two_fa_secret = $3 where account_id = $1 and id = $2 returning id", shop.ada.user_id, kept)  # fmt: skip


async def test_a_second_factor_is_asked_for(browser: Browser, shop: worlds.World) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    await give_factor(shop, secret)
    wrong = await browser.log_in(shop.ada.email, "not this")
    assert 'name="code"' not in wrong.text
    asked = await browser.log_in(shop.ada.email, next="/inbox/mine")
    assert asked.status == 200
    assert "polus" not in browser.cookies
    assert 'name="password"' not in asked.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    code = totp.code(secret, int(clock.now().timestamp()) // totp.STEP)
    missed = await browser.post("/login", fields | {"code": "000000" if code != "000000" else "111111"})
    assert missed.status == 422
    assert "This code is not right" in missed.text
    for step in ("x", fields["step"][:-2] + "AA"):
        assert (
            "Please log in again"
            in (await browser.post("/login", fields | {"step": step, "code": code})).text
        )
    let_in = await browser.post("/login", fields | {"code": code[:3] + " " + code[3:]})
    assert (let_in.status, let_in.headers["location"]) == (303, "/inbox/mine")
    assert "polus" in browser.cookies
    browser.cookies.pop("polus")
    again = await browser.log_in(shop.ada.email)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', again.text))
    assert (await browser.post("/login", fields | {"code": code})).status == 422, "each code once"


async def test_codes_cannot_be_guessed_for_long(browser: Browser, shop: worlds.World) -> None:
    await give_factor(shop, "JBSWY3DPEHPK3PXP")
    asked = await browser.log_in(shop.ada.email)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    statuses = [(await browser.post("/login", fields | {"code": "12345x"})).status for _ in range(10)]
    assert statuses == [422] * 9 + [429], "the password was the first guess"
    for expected in ([422] * 10, [422, 429]):  # 20 in an hour, however patient he is
        await shop.rows("delete from buckets where key like 'login %' and $1 > 0 returning key")
        for status in expected:
            assert (await browser.post("/login", fields | {"code": "12345x"})).status == status


async def test_forged_logins_are_refused(browser: Browser, shop: worlds.World) -> None:
    fields = {"email": shop.ada.email, "password": PASSWORD}
    assert (await browser.post("/login", fields)).status == 403
    token = await browser.token("/login")
    elsewhere = Browser(browser.http, browser.url, browser.host)
    assert (await elsewhere.post("/login", fields | {"csrf": token})).status == 403
    assert (
        await browser.post("/login", fields | {"csrf": token}, Origin="https://evil.example")
    ).status == 403
    assert (await browser.post("/login", fields | {"csrf": token}, Sec_Fetch_Site="cross-site")).status == 403
    assert (await browser.post("/login", fields | {"csrf": token})).status == 303


async def test_only_our_own_addresses_are_gone_to(browser: Browser, shop: worlds.World) -> None:
    for address in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""):
        answer = await browser.log_in(shop.ada.email, next=address)
        assert answer.headers["location"] == "/inbox", address
        browser.cookies.clear()


async def test_logging_out_ends_the_session(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    kept = dict(browser.cookies)
    csrf = (await shop.rows("select csrf from sessions where account_id = $1"))[0][0]
    assert (await browser.post("/logout", {"csrf": "wrong"})).status == 403
    answer = await browser.post("/logout", {"csrf": csrf})
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert "polus" not in browser.cookies
    browser.cookies = kept
    assert (await browser.get("/inbox/open")).headers["location"] == "/login?next=/inbox/open"
    assert (await browser.get("/inbox/open", HX_Request="true")).status == 401
    assert (await shop.events("user-logged-out"))[0][2] == shop.ada.user_id


async def test_a_session_ends_with_its_time_its_owner_and_its_shop(
    browser: Browser, shop: worlds.World, database: Any, http: Any, house: tuple[str, Site]
) -> None:
    async def inside() -> bool:
        return (await browser.get("/login")).status == 303

    await browser.log_in(shop.ada.email)
    assert await inside()
    other = await worlds.make(database, http, house[0])
    browser.host = other.ada.host
    assert not await inside(), "another shop's cookie"
    browser.host = shop.ada.host
    await shop.rows("update users set active = false where account_id = $1 and id = $2", shop.ada.user_id)
    assert not await inside()
    await shop.rows("update users set active = true where account_id = $1 and id = $2", shop.ada.user_id)
    assert await inside()
    await shop.rows(
        "update sessions set expires_datetime = now() - interval '1 second' where account_id = $1"
    )
    assert not await inside()


async def test_a_session_in_use_is_prolonged(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    await shop.rows("update sessions set expires_datetime = now() + interval '5 days' where account_id = $1")
    await browser.get("/login")
    [left] = await shop.rows("select expires_datetime > now() + interval '13 days' from sessions where account_id = $1")  # fmt: skip
    assert left[0]


@pytest.mark.parametrize("direct", [True, False])
async def test_over_https_the_cookie_is_bound_to_it(
    shop: worlds.World, house: Any, database: Any, direct: bool
) -> None:
    # Behind a proxy that ends TLS we are spoken to in plain HTTP, and the base URL tells.
    site = house[1] if direct else Site(database, base_url="https://" + shop.ada.host)
    sent: list[Any] = []
    scope = {
        "type": "http", "method": "GET", "path": "/login", "raw_path": b"/login", "query_string": b"", "scheme": "https" if direct else "http", "http_version": "1.1",
        "headers": [(b"host", shop.ada.host.encode())], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await site(scope, receive, send)
    cookies = [value for name, value in sent[0]["headers"] if name == b"set-cookie"]
    assert cookies
    assert all(b"Secure" in cookie for cookie in cookies)


async def test_every_answer_has_its_policy(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    for path, status in (("/login", 303), ("/nothing", 404), ("/inbox/nothing/at/all", 404)):
        answer = await browser.get(path)
        assert answer.status == status
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
    assert (await browser.send("DELETE", "/login")).status == 405
    assert (await browser.get("/nothing", HX_Request="true")).text == "This page does not exist"


async def test_static_files(browser: Browser) -> None:
    page = (await browser.get("/login")).text
    for address in re.findall(r'"(/static/[^"#]+)', page):
        answer = await browser.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await browser.get("/static/0000000000000000/tokens.css")).status == 404
    assert (await browser.get("/static/../../etc/passwd")).status == 404


async def test_the_theme_is_remembered(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    csrf = (await shop.rows("select csrf from sessions where account_id = $1"))[0][0]
    assert (await browser.post("/theme", {"csrf": csrf, "theme": "dark"})).status == 303
    assert browser.cookies["theme"] == "dark"
    assert (await browser.post("/theme", {"csrf": csrf, "theme": "evil"}, HX_Request="true")).status == 204
    assert browser.cookies["theme"] == "dark"


async def test_the_helpdesks_beside_are_those_the_browser_knows(browser: Browser, shop: worlds.World) -> None:
    # Where nothing stands beside it, as under localhost, no browser would keep the cookie.
    assert "polus_helpdesks" not in (await browser.log_in(shop.ada.email)).cookies
    own, above = shop.account.domain, "desk.example"
    browser.host = f"{own}.{above}:8000"
    browser.cookies.clear()
    browser.cookies["polus_helpdesks"] = f"other-shop.{own}.<script>.-x.evil/path.{'y' * 80}"
    given = (await browser.log_in(shop.ada.email)).cookies["polus_helpdesks"]
    assert (given.value, given["domain"].lstrip("."), given["httponly"]) == (f"{own}.other-shop", above, True)
    page = (await browser.get("/inbox/open")).text
    assert page.count('<a class="menu-item" href="http://other-shop.') == 1
    assert f'href="http://other-shop.{above}:8000/inbox"' in page
    assert "evil" not in page
    # Who logs out is not led here again from the others.
    left = await browser.post("/logout", {"csrf": await browser.token()})
    assert left.cookies["polus_helpdesks"].value == "other-shop"
    browser.cookies = {}
    page = (await browser.get("/login")).text
    assert "other-shop" not in page


async def test_a_browser_is_told_nothing_that_it_would_report_as_an_error(browser: Browser) -> None:
    """A refused form is a page like any other to who looks; the opener's policy only where it is heeded."""
    wanted = {"Accept": "text/html,application/xhtml+xml"}
    form = {"csrf": await browser.token("/login"), "email": "nobody@shop.example", "password": "wrong"}
    page, program = await browser.post("/login", form, **wanted), await browser.post("/login", form)
    assert (page.status, page.headers["polus-refused"], program.status) == (200, "1", 422)
    assert "polus-refused" not in program.headers
    assert "The e-mail address or the password is wrong." in page.text
    for host, proto, heeded in (
        (browser.host, "http", True),
        ("shop.example", "http", False),
        ("shop.example", "https", True),
    ):
        answer = await browser.get("/login", Host=host, X_Forwarded_Proto=proto)
        assert ("cross-origin-opener-policy" in answer.headers) is heeded
