"""What we send can be read back as it was meant, is the same each time, and cannot be abused."""

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polus.channels.email import compose, parse, verdict
from polus.channels.email.addresses import Address
from polus.channels.email.compose import Outgoing
from polus.channels.email.mails import Attachment

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FROM = Address("Shop", "support@shop.example")
TO = (Address("Jane Doe", "jane@x.example"),)


def outgoing(**given_fields: object) -> Outgoing:
    fields: dict[str, object] = {
        "from_": FROM,
        "to": TO,
        "message_id": "<12-34@shop.example>",
        "date": WHEN,
    } | given_fields
    return Outgoing(**fields)  # type: ignore[arg-type]


def test_everything_survives_the_way() -> None:
    files = (
        Attachment("bild.png", "image/png", b"\x89PNG", "i@x", inline=True),
        Attachment("Rechnung für März.pdf", "application/pdf", b"%PDF" * 9_000),
        Attachment("old.eml", "message/rfc822", b"From: a@x.example\r\n\r\n" + b"x" * 2_000),
    )
    sent = outgoing(
        from_=Address("Jörg, Shop", "support@shop.example"),
        to=(Address("Doe, Jane", "jane@x.example"), Address("", "b@x.example")),
        cc=(Address("山田", "c@x.example"),),
        reply_to=(Address("Shop", "support+tabc@shop.example"),),
        subject="Re: Grüße 😀 " + "lang " * 60,
        in_reply_to="<c@x.example>",
        references=("<a@x.example>", "<c@x.example>"),
        body_text="Hello 😀\n" + "w" * 3_000 + "\nFrom here\n.\n-- \nJörg",
        body_html='<p>Hello <img src="cid:i@x"></p>',
        attachments=files,
        loop_token="tok",
    )
    raw = compose.compose(sent)
    mail = parse.read(raw)
    assert (mail.from_, mail.to, mail.cc, mail.reply_to) == (sent.from_, sent.to, sent.cc, sent.reply_to)
    assert (mail.subject, mail.date) == (sent.subject.strip(), WHEN)
    assert (mail.message_id, mail.in_reply_to, mail.references) == (
        sent.message_id,
        sent.in_reply_to,
        sent.references,
    )
    assert (mail.body_text, mail.body_html) == (sent.body_text, sent.body_html)
    assert mail.attachments == files
    assert mail.header("X-Polus-Loop") == "tok"
    assert not mail.header("Auto-Submitted")
    assert not mail.header("List-Unsubscribe")
    assert "multipart/mixed" in mail.header("Content-Type")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_same_input_gives_the_same_bytes() -> None:
    sent = outgoing(body_html="<p>a</p>", attachments=(Attachment("a.pdf", "application/pdf", b"x"),))
    assert compose.compose(sent) == compose.compose(sent)
    other = outgoing(body_html="<p>a</p>", message_id="<12-35@shop.example>")
    boundary = parse.read(compose.compose(other)).header("Content-Type")
    assert boundary != parse.read(compose.compose(outgoing(body_html="<p>a</p>"))).header("Content-Type")


def test_text_is_made_from_html_when_missing() -> None:
    mail = parse.read(compose.compose(outgoing(body_html="<p>Hello</p><ul><li>a</li></ul>")))
    assert mail.body_text == "Hello\n\n* a"
    assert mail.content_type == "multipart/alternative"


def test_text_alone_is_one_part() -> None:
    mail = parse.read(compose.compose(outgoing(body_text="Hello")))
    assert (mail.content_type, mail.body_text, mail.body_html) == ("text/plain", "Hello", None)
    assert parse.read(compose.compose(outgoing())).body_text == ""


def test_automatic_mail_says_so_and_is_understood() -> None:
    answer = parse.read(compose.compose(outgoing(automatic=True, in_reply_to="<a@x.example>")))
    assert answer.header("Auto-Submitted") == "auto-replied"
    assert verdict.judge(answer).kind == "automatic"
    note = parse.read(compose.compose(outgoing(automatic=True)))
    assert note.header("Auto-Submitted") == "auto-generated"


def test_our_own_mail_is_known_again() -> None:
    mail = parse.read(compose.compose(outgoing(loop_token="tok")))
    assert verdict.judge(mail, loop_token="tok").kind == "loop"
    assert verdict.judge(mail, loop_token="other").kind == "ordinary"


def test_long_ids_stay_ids() -> None:
    ids = tuple(f"<{'r' * 300}.{n}@host.example>" for n in range(40))
    raw = compose.compose(outgoing(references=ids, in_reply_to=ids[-1], message_id="<" + "m" * 200 + "@x>"))
    assert b"=?utf-8?q?=3C" not in raw
    mail = parse.read(raw)
    assert mail.references == ids[:1] + ids[-19:]
    assert mail.in_reply_to == ids[-1]
    assert max(map(len, raw.split(b"\r\n"))) <= 998


EVIL = "x\r\nBcc: evil@x.example\n\nbody\x00\u2028\x85"


def test_nothing_adds_a_header() -> None:
    raw = compose.compose(
        outgoing(
            from_=Address(EVIL, "support@shop.example\r\nBcc: evil@x.example"),
            to=(Address(EVIL, "jane@x.example"),),
            subject=EVIL,
            message_id="<1@x>\r\nBcc: evil@x.example",
            in_reply_to=EVIL,
            references=(EVIL,),
            loop_token=EVIL,
            body_text=EVIL,
            attachments=(Attachment(EVIL, "application/pdf\r\nBcc: e@x", b"x", EVIL),),
            automatic=True,
        )
    )
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Bcc"] is None
    assert not message.defects
    assert all(part["Bcc"] is None for part in message.walk())


def test_addresses_that_are_not_ascii() -> None:
    mail = parse.read(compose.compose(outgoing(to=(Address("J", "jane@exämple.de"),))))
    assert mail.to == (Address("J", "jane@xn--exmple-cua.de"),)
    raw = compose.compose(outgoing(to=(Address("Jörg", "jörg@exämple.de"),)))
    assert parse.read(raw).to == (Address("Jörg", "jörg@xn--exmple-cua.de"),)


@pytest.mark.parametrize("subject", ["=?utf-8?q?x?=", "a" * 2_000, "", " ", "é" * 998, "a " * 400])
def test_odd_subjects(subject: str) -> None:
    raw = compose.compose(outgoing(subject=subject))
    assert parse.read(raw).subject == " ".join(subject.split())[:998]
    assert max(map(len, raw.split(b"\r\n"))) <= 998


NAMES = st.text(max_size=60)
WORDS = st.text(max_size=400)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=8), WORDS, WORDS)
def test_any_words_survive(names: list[str], subject: str, words: str) -> None:
    people = tuple(Address(name, f"a{n}@x.example") for n, name in enumerate(names))
    raw = compose.compose(outgoing(to=people, subject=subject, body_text=words))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    mail = parse.read(raw)
    shown = [" ".join(parse.text.clean(name).split()).strip("<> ") for name in names]
    assert [one.address for one in mail.to] == [one.address for one in people]
    assert [one.name for one in mail.to if not set(one.name) & set("'\"")] == [
        n for n in shown if not set(n) & set("'\"")
    ]
    assert "\n".join(mail.body_text.split()) == "\n".join(
        parse.text.unix_lines(parse.text.clean(words)).split()
    )
