"""Answers handed to a real Postfix over a wire that breaks, with tokens that run out, by workers that are killed: each
leaves once, but for the stated case."""

from typing import Any, Literal

import pytest

from polus.channels.email import relay
from tests import waits
from tests.channels import dying
from tests.channels.email import fetching, peers
from tests.channels.email.fetching import Post
from tests.channels.email.office import mail
from tests.channels.email.peers import Postfix
from tests.channels.email.sink import Sink, Taken
from tests.channels.email.tokens import Tokens
from tests.channels.wires import Break, Open

pytestmark = [peers.needs_dovecot, peers.needs_postfix]

WORDS = "It is on its way and comes on Friday."
# The conversation step by step, up to where Postfix has the mail and says so.
STEPS: list[tuple[Literal["up", "down"], bytes]] = [
    ("down", b"220 mail.example"), ("up", b"EHLO helpdesk"), ("down", b"250-PIPELINING"), ("up", b"AUTH PLAIN"),
    ("down", b"235 2.7.0"), ("up", b"MAIL FROM"), ("up", b"RCPT TO"), ("down", b"354 End"), ("up", WORDS.encode()),
]  # fmt: skip
TAKEN = b"Ok: queued"


async def ticket(post: Post) -> int:
    row = await post.office.deliver(mail(message_id="<1@customer.example>", to=post.office.address))
    return row["ticket_id"]  # type: ignore[no-any-return]


async def again(post: Post) -> Any:
    """The next attempt is due and made; what waits then."""
    await post.world.rows("update deliveries set due_datetime = now() where account_id = $1 returning 1")
    await fetching.send(post)
    return await post.world.rows("select * from deliveries where account_id = $1")


async def arrived(post: Post, sink: Sink, count: int) -> list[Taken]:
    async def enough() -> Any:
        return len(sink.of(post.office.address)) >= count

    await waits.until(enough)
    return sink.of(post.office.address)


@pytest.mark.parametrize("how", ["cut", "reset", "stall"])
async def test_a_wire_that_breaks_at_each_step(
    post: Post, postfix: Postfix, postfix_sink: Sink, wire: Open, how: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalls = how == "stall"
    monkeypatch.setattr(relay, "PATIENCE", 0.2 if stalls else relay.PATIENCE)
    monkeypatch.setattr(relay, "LAST_PATIENCE", 0.3 if stalls else relay.LAST_PATIENCE)
    monkeypatch.setattr(relay, "GOODBYE", 0.2)
    way = await wire(postfix.plain)
    way.breaks = [Break(*step, how) for step in STEPS]
    await post.save("out", port=way.port)
    sent = await post.office.answer(await ticket(post), WORDS)
    for number in range(1, len(STEPS) + 1):
        [waiting] = await again(post)
        assert (way.connections, waiting["attempts"], waiting["worker"]) == (number, number, None)
        assert waiting["error"].startswith("127.0.0.1 "), "in words, not in those of a library"
        assert (await post.state("out"))["error_code"] in ("hung-up", "silent")
    monkeypatch.setattr(relay, "PATIENCE", 60.0)
    way.slow = True
    assert await again(post) == []
    assert (await post.state("out"))["state"] == "well"
    # The stated case: the answer to the whole mail is not heard, so it goes again, as the same mail.
    way.breaks = [Break("down", TAKEN, how)]
    late = await post.office.answer(sent["ticket_id"], "Anything else?")
    assert len(await again(post)) == 1
    # And what breaks off after that answer changes nothing.
    way.breaks = [Break("down", b"221 2.0.0", how)]
    assert await again(post) == []
    texts = [taken.text().strip() for taken in await arrived(post, postfix_sink, 3)]
    assert texts == [WORDS, "Anything else?", "Anything else?"]
    first, second = postfix_sink.of(post.office.address)[1:]
    assert first.mail["Message-ID"] == second.mail["Message-ID"]
    for made in (sent, late):
        assert (await post.office.message({**made, "message_id": made["id"]}))["sent_datetime"] is not None


async def test_workers_that_are_killed_while_they_submit(
    post: Post, postfix: Postfix, postfix_sink: Sink, wire: Open
) -> None:
    way = await wire(postfix.plain)
    await post.save("out", port=way.port)
    ticket_id = await ticket(post)
    for words, step, count in ((WORDS, STEPS[-1], 1), ("Anything else?", ("down", TAKEN), 2)):
        before = len(postfix_sink.of(post.office.address))
        await post.office.answer(ticket_id, words)
        await fetching.react(post)
        way.breaks = [Break(step[0], step[1], "stall")]
        await dying.killed(post.world.database, "deliveries", way.breaks[0].reached)
        [held] = await post.world.rows("select worker from deliveries where account_id = $1")
        assert held["worker"] is not None
        assert await again(post) == []
        taken = (await arrived(post, postfix_sink, before + count))[before:]
        assert [one.text().strip() for one in taken] == [words] * count
        assert len({one.mail["Message-ID"] for one in taken}) == 1


async def test_oauth2_with_tokens_that_run_out(
    post: Post, postfix: Postfix, postfix_sink: Sink, tokens: Tokens
) -> None:
    secret = {"client_id": "polus", "client_secret": "hush", "refresh_token": "refresh-0"}
    url = f"http://127.0.0.1:{post.dovecot.tokens}/token"
    out = {"host": "localhost", "port": postfix.submission, "security": "starttls"}
    await post.save("out", auth="oauth2", secret=secret, token_url=url, scope="smtp", **out)
    ticket_id = await ticket(post)

    async def answered(count: int) -> None:
        await post.office.answer(ticket_id, f"Answer {count}")
        assert await again(post) == []
        last = (await arrived(post, postfix_sink, count))[-1]
        assert (last.text().strip(), len(postfix_sink.of(post.office.address))) == (f"Answer {count}", count)
        assert "ESMTPSA" in str(last.mail["Received"]), "encrypted and with a login"

    await answered(1)
    await answered(2)
    assert len(tokens.asked) == 1, "a token is kept while it is good"
    # Its time is over: the next one comes with the refresh token that came last.
    await post.world.rows("update mail_servers set access_until = now() where account_id = $1 returning 1")
    tokens.good = set()
    await answered(3)
    assert [one["refresh_token"] for one in tokens.asked] == ["refresh-0", "refresh-1"]
    # The server takes it no more before its time: a new one is asked for at once, in the same attempt.
    tokens.good = set()
    await answered(4)
    assert (len(tokens.asked), (await post.state("out"))["state"]) == (3, "well")
    # Consent was withdrawn: the answer waits, and says why.
    tokens.good, tokens.refuses = set(), True
    await post.office.answer(ticket_id, "Answer 5")
    [waiting] = await again(post)
    assert waiting["error"].startswith("127.0.0.1 takes the consent to this mailbox no more.")
    assert waiting["error"].endswith("invalid_grant: The token was revoked.")
    assert (await post.state("out"))["error_code"] == "grant-ended"
    # It is given again, for the mailbox too: its login serves both.
    tokens.refuses = False
    secret["refresh_token"] = f"refresh-{len(tokens.asked)}"
    await post.save(auth="oauth2", secret=secret, token_url=url, scope="mail smtp")
    await post.save("out", auth="same", secret={}, username="", **out)
    assert await again(post) == []
    assert (await arrived(post, postfix_sink, 5))[-1].text().strip() == "Answer 5"
    told = str(
        [dict(row) for row in await post.world.rows("select * from mail_servers where account_id = $1")]
    )
    assert not any(word in told for word in ("hush", "refresh-", "access-"))
