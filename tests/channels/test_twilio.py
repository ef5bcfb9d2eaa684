"""Twilio's formats: signatures as it publishes them, behind proxies too, and what its API is asked and answers."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from aiohttp import web

from polus.base.outbound import Allowed
from polus.channels import fetching, outgoing, twilio
from polus.channels.outgoing import Call
from polus.channels.twilio import Credentials
from polus.store.database import Database
from polus.store.work import Account

# Twilio, "Webhooks security": its example of a request and what its token signs it with.
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
GIVEN = [
    ("Digits", "1234"), ("To", "+18005551212"), ("From", "+14158675309"), ("Caller", "+14158675309"),
    ("CallSid", "CA1234567890ABCDE"),
]  # fmt: skip
SIGNED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
NEWER = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
FORM = {"content-type": twilio.FORM, "x-twilio-signature": SIGNED}
SID = "AC" + "0" * 32
LOOPBACK = Allowed(["127.0.0.1/32"])


def test_published_signatures() -> None:
    newer = [(name, "+12349013030" if value == "+14158675309" else value) for name, value in GIVEN]
    assert twilio.signature("12345", URL, GIVEN) == SIGNED
    assert twilio.signature("12345", URL, [*reversed(newer), newer[0]]) == NEWER


@pytest.mark.parametrize(
    ("token", "urls", "headers", "body"),
    [
        ("12346", [URL], FORM, urlencode(GIVEN)),
        ("", [URL], FORM, urlencode(GIVEN)),
        ("12345", ["https://mycompany.com/myapp.php?foo=1&bar=3"], FORM, urlencode(GIVEN)),
        ("12345", [URL], FORM, urlencode([*GIVEN, ("Body", "x")])),
        ("12345", [URL], FORM, "&".join("a=b" for _ in range(1000))),
        ("12345", [URL], FORM | {"x-twilio-signature": ""}, urlencode(GIVEN)),
        ("12345", [URL], FORM | {"x-twilio-signature": "\u20ac"}, urlencode(GIVEN)),
        ("12345", [URL], FORM | {"content-type": "application/json"}, urlencode(GIVEN)),
        ("12345", [], FORM, urlencode(GIVEN)),
    ],
)
def test_what_is_not_signed(token: str, urls: list[str], headers: dict[str, str], body: str) -> None:
    assert twilio.is_signed("12345", FORM, ["https://x.example", URL], urlencode(GIVEN).encode())
    assert not twilio.is_signed(token, headers, urls, body.encode())


def test_a_body_that_is_no_form_is_named_by_its_digest() -> None:
    body = b'{"a": 1}'
    url = "https://x.example/hook?bodySHA256=" + hashlib.sha256(body).hexdigest()
    headers = {"content-type": "application/json", "x-twilio-signature": twilio.signature("t", url)}
    assert twilio.is_signed("t", headers, [url], body)
    assert not twilio.is_signed("t", headers, [url], b'{"a": 2}')


@pytest.mark.parametrize(
    "signed",
    [
        "https://desk.example/hooks/x?a=1",  # what the settings show
        "http://desk.example:8080/hooks/x?a=1",  # no proxy
        "https://desk.example:443/hooks/x?a=1",  # senders that sign the port
        "https://public.example/hooks/x?a=1",  # a proxy that says for whom it asks
        "https://10.0.0.1/hooks/x?a=1",  # the address inside
    ],
)
def test_behind_a_proxy_any_of_our_addresses_may_be_signed(signed: str) -> None:
    headers = {"host": "10.0.0.1:8000", "x-forwarded-host": "public.example, inner.example"}
    urls = twilio.addresses("http://desk.example:8080", headers, "/hooks/x?a=1")
    assert signed in urls
    assert len(urls) == len(set(urls)) < 20
    assert twilio.is_signed("t", {"x-twilio-signature": twilio.signature("t", signed)}, urls, b"")


def test_fields() -> None:
    assert twilio.fields(b"Body=a%00b+%E2%82%AC&MediaUrl0=&x=1&x=2") == [
        ("Body", "ab \u20ac"), ("MediaUrl0", ""), ("x", "1"), ("x", "2"),
    ]  # fmt: skip
    for wrong in (b"a=%ff", b"\xff=1", b"&".join([b"a=1"] * 400)):
        with pytest.raises(ValueError, match=r"UTF-8|Max|decode"):
            twilio.fields(wrong)


class Peer:
    """A server that answers as `answers` says, by path."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str | None, list[tuple[str, str]]]] = []
        self.answers: dict[str, Any] = {}
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        pairs = parse_qsl(await request.text(), keep_blank_values=True)
        self.got.append((request.method, request.path_qs, request.headers.get("Authorization"), pairs))
        answer = self.answers[request.path]
        if callable(answer):
            return answer()  # type: ignore[no-any-return]
        assert request.transport is not None
        response = web.StreamResponse(headers={"Content-Length": "5000000"})
        await response.prepare(request)
        await response.write(b"x" * answer)
        request.transport.abort()
        return response


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield peer
    await runner.cleanup()


async def test_the_api_is_asked_and_says_what_went_wrong(peer: Peer) -> None:
    credentials = Credentials(SID, "secret", peer.url)
    path = f"/2010-04-01/Accounts/{SID}/Messages.json"
    peer.answers[path] = lambda: web.json_response({"sid": "SM1", "status": "queued"}, status=201)
    given = [("To", "+491701234567"), ("MediaUrl", "https://a"), ("MediaUrl", "https://b")]
    reply = await twilio.ask(credentials, LOOPBACK, "POST", "Messages.json", given)
    assert (reply.good, reply.data["sid"], reply.code) == (True, "SM1", None)
    assert peer.got == [
        ("POST", path, "Basic " + "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDpzZWNyZXQ=", given)
    ]
    wrong = {
        "code": 21610,
        "message": "Attempt to send to unsubscribed recipient",
        "more_info": "",
        "status": 400,
    }
    peer.answers[path] = lambda: web.json_response(wrong, status=400)
    reply = await twilio.ask(credentials, LOOPBACK, "POST", "Messages.json", given)
    assert (reply.good, reply.code, reply.said, reply.again) == (False, 21610, wrong["message"], False)
    peer.answers[path] = lambda: web.Response(text="<html>", status=503)
    reply = await twilio.ask(credentials, LOOPBACK, "GET", "Messages.json", [("To", "+49")])
    assert (reply.good, reply.code, reply.said, reply.again) == (False, None, "The answer was 503.", True)
    assert peer.got[-1][:2] == ("GET", path + "?To=%2B49")
    assert "secret" not in repr(credentials)
    with pytest.raises(outgoing.Failed):
        await twilio.ask(credentials, Allowed(), "GET", "Messages.json")
    assert twilio.is_theirs(credentials, peer.url + "/x")
    assert not twilio.is_theirs(credentials, "https://x.example")


async def test_files_are_fetched_whole_or_not_at_all(peer: Peer, database: Database) -> None:
    account = Account(1, "shop", "h", "http://shop.example")
    database_allowed = database.allowed
    database.allowed = LOOPBACK
    try:
        picture = b"\x89PNG\r\n\x1a\n" + b"x" * 3_000_000
        port = peer.url.rpartition(":")[2]
        peer.answers["/media"] = lambda: web.Response(
            status=307, headers={"Location": f"http://localhost:{port}/cdn"}
        )
        peer.answers["/inside"] = lambda: web.Response(status=302, headers={"Location": "http://10.0.0.1/"})
        peer.answers["/near"] = lambda: web.Response(status=302, headers={"Location": "/cdn"})
        peer.answers["/cdn"] = lambda: web.Response(body=picture, content_type="image/png")
        peer.answers["/loop"] = lambda: web.Response(status=302, headers={"Location": "/loop"})
        peer.answers["/gone"] = lambda: web.Response(status=404)
        peer.answers["/busy"] = lambda: web.Response(status=429)
        peer.answers["/cut"], peer.answers["/early"] = 2_000_000, 10

        async def fetch(path: str, limit: int = 5_000_000) -> Any:
            call = Call(method="GET", url=peer.url + path, headers={"Authorization": "Basic eA=="})
            return await fetching.fetch(database, account, call, "photo.png", limit=limit)

        kept = await fetch("/near")
        assert (kept.size, kept.content_type, kept.name) == (len(picture), "image/png", "photo.png")
        assert await database.files.read(kept.key, limit=5_000_000) == picture
        assert peer.got[-1][2] == "Basic eA=="
        for path, said, again in (
            ("/inside", "The host must resolve to public addresses.", True),
            ("/loop", "The answer was 302.", False), ("/gone", "The answer was 404.", False),
            ("/busy", "The answer was 429.", True), ("/cut", "the connection broke off", True),
            ("/early", "the connection broke off", True),
        ):  # fmt: skip
            with pytest.raises(fetching.Unfetched, match=said) as failed:
                await fetch(path)
            assert failed.value.again is again, path
        with pytest.raises(fetching.Unfetched, match="larger than 1 MB") as failed:
            await fetch("/cdn", 1024 * 1024)
        assert failed.value.again is False
        database.allowed = Allowed(["127.0.0.1/32", "localhost"])
        await fetch("/media")
        # Another host is not told the credentials.
        assert peer.got[-1][:3] == ("GET", "/cdn", None)
    finally:
        database.allowed = database_allowed
