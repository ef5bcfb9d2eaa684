"""An address's own servers: OAuth2 and passwords, answers sent with its login, and what is wrong in plain words."""

from typing import Any

import pytest

from polus.base.outbound import Allowed
from polus.channels.email import probes
from polus.channels.email.troubles import Trouble
from tests import waits
from tests.channels.email import fetching, peers
from tests.channels.email.fetching import Post
from tests.channels.email.office import mail
from tests.channels.email.peers import Postfix
from tests.channels.email.sink import Sink, Taken
from tests.channels.email.tokens import Tokens

pytestmark = peers.needs_dovecot


async def test_oauth2(post: Post, tokens: Tokens) -> None:
    secret = {"client_id": "polus", "client_secret": "hush", "refresh_token": "refresh-0"}
    url = f"http://127.0.0.1:{post.dovecot.tokens}/token"
    await post.save(auth="oauth2", secret=secret, token_url=url, scope="mail")
    async with fetching.worker(post.world):
        await post.looked()
        post.put(mail())
        await post.fetched(1)
    assert tokens.asked == [{"grant_type": "refresh_token", "scope": "mail", **secret}]
    # It is kept, and used until it ends.
    assert (
        await probes.test(post.world.database, post.world.account, post.office.integration_id, "in", "h")
        is None
    )
    assert len(tokens.asked) == 1
    row = str(dict(await post.state()))
    assert not any(word in row for word in ("hush", "refresh-", "access-1"))
    # One that ended is renewed with the refresh token that came last.
    await post.world.rows("update mail_servers set access_until = now() where account_id = $1 returning 1")
    assert (
        await probes.test(post.world.database, post.world.account, post.office.integration_id, "in", "h")
        is None
    )
    assert tokens.asked[-1]["refresh_token"] == "refresh-1"
    # One that the server takes no more before its time is replaced at once, and when there is no other, that is said.
    tokens.good = set()
    assert await _tested(post) is None
    assert tokens.asked[-1]["refresh_token"] == "refresh-2"
    tokens.good, tokens.refuses = set(), True
    assert str(await _tested(post)).endswith(
        "no more. Connect it again. It says: invalid_grant: The token was revoked."
    )
    tokens.refuses, tokens.user = False, "somebody-else"
    await post.save(
        auth="oauth2", secret=secret | {"refresh_token": f"refresh-{len(tokens.asked)}"}, token_url=url
    )
    assert str(await _tested(post)).startswith("127.0.0.1 refuses the login of support. It says:")
    assert (await post.state())["state"] == "trouble"


async def _tested(post: Post, way: str = "in") -> Trouble | None:
    integration_id = post.office.integration_id
    return await probes.test(post.world.database, post.world.account, integration_id, way, "helpdesk.example")


@peers.needs_postfix
async def test_answers_go_out_by_the_addresss_own_server(
    post: Post, postfix: Postfix, postfix_sink: Sink
) -> None:
    await post.save()
    await post.save(
        "out",
        host="localhost",
        port=postfix.submission,
        security="starttls",
        auth="same",
        username="",
        secret={},
    )
    assert await _tested(post, "out") is None
    row = await post.office.deliver(mail(message_id="<1@customer.example>", to=post.office.address))
    sent = await post.office.answer(row["ticket_id"])
    await fetching.send(post)

    async def arrived() -> list[Taken]:
        return postfix_sink.of(post.office.address)

    [taken] = await waits.until(arrived)
    assert (taken.sender, taken.recipients) == (post.office.address, ["jane@customer.example"])
    assert (
        taken.mail["Message-ID"] == sent["message_id"] or taken.mail["In-Reply-To"] == "<1@customer.example>"
    )
    assert "ESMTPSA" in str(taken.mail["Received"]), "encrypted and with a login"
    assert taken.mail["Reply-To"] is None, "the mailbox takes no address+anything"
    state = await post.state("out")
    assert (state["state"], state["error"]) == ("well", None)
    # Another login may not send from the address: said by the test, and the answer waits with the same words.
    await post.save("out", host="localhost", port=postfix.submissions, security="tls", username="other")
    said = str(await _tested(post, "out"))
    assert said.startswith(
        f"The login works, but localhost does not send mails from {post.office.address}. It says: 553"
    )
    await post.save(
        "out", host="localhost", port=postfix.submissions, security="tls", secret={"password": "wrong"}
    )
    late = await post.office.answer(row["ticket_id"])
    await fetching.send(post)
    [waiting] = await post.world.rows("select message_id, error from deliveries where account_id = $1")
    assert waiting["message_id"] == late["id"]
    assert waiting["error"].startswith("localhost refuses the login of support. It says: 535")
    await post.world.rows("delete from deliveries where account_id = $1 returning 1")


async def test_what_is_wrong_is_said_in_plain_words(
    post: Post, postfix_sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap, imaps, [nobody] = post.dovecot.imap, post.dovecot.imaps, peers.free_ports(1)
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("in", {"host": "nowhere.invalid"}, "The name nowhere.invalid is not known."),
        ("in", {"port": nobody}, f"127.0.0.1 is there, but nothing answers at port {nobody}: the connection was refused."),
        ("in", {"security": "tls"}, f"127.0.0.1 does not speak TLS at port {imap}. Choose STARTTLS,"),
        ("in", {"secret": {"password": "wrong"}}, "127.0.0.1 refuses the login of support. It says: [AUTHENTICATIONFAILED]"),
        ("in", {"folders": ("INBOX", "Ordres")}, "There is no folder Ordres. There are: INBOX"),
        ("in", {"host": "localhost", "security": "starttls"}, ""),
        ("in", {"host": "localhost", "security": "tls", "port": imaps}, ""),
        ("out", {"port": postfix_sink.port, "auth": "none", "secret": {}}, ""),
        ("out", {"port": postfix_sink.port, "security": "starttls"}, f"127.0.0.1 offers no STARTTLS at port {postfix_sink.port}."),
        ("out", {"port": postfix_sink.port, "security": "tls"}, f"127.0.0.1 does not speak TLS at port {postfix_sink.port}."),
        ("out", {"port": nobody}, f"127.0.0.1 is there, but nothing answers at port {nobody}"),
    ]  # fmt: skip
    for way, settings, words in asked:
        await post.save(way, **settings)
        trouble = await _tested(post, way)
        assert str(trouble or "").startswith(words), (settings, str(trouble))
        assert (trouble is None) == (words == ""), settings
    monkeypatch.delenv("SSL_CERT_FILE")
    await post.save(host="localhost", security="tls", port=imaps)
    assert str(await _tested(post)).startswith(
        "The certificate of localhost is not valid: self-signed certificate"
    )
    monkeypatch.setattr(post.world.database, "allowed", Allowed())
    assert str(await _tested(post)).startswith("localhost is at a private address.")
    assert (await post.state())["error_code"] == "host-private"
