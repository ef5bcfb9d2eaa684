"""Raw mails become mails: whatever people and programs send, the words, people and files in it are found."""

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polus.channels.email import parse
from polus.channels.email.addresses import Address
from polus.channels.email.mails import Mail, Unreadable
from tests.channels.email import samples
from tests.channels.email.samples import encoded, multipart, part, plain, raw


def body(content: str | bytes, kind: str = "text/plain; charset=utf-8", *fields: str) -> str:
    return parse.read(plain(content, *fields, kind=kind)).body_text


def test_a_plain_mail() -> None:
    mail = parse.read(
        raw(
            "From: =?utf-8?q?J=C3=B6rg?= <Jo@X.example>",
            'To: "Doe, Jane" <jane@y.example>, b@y.example',
            "Cc: C <c@y.example>",
            "Bcc: d@y.example",
            "Reply-To: answers@x.example",
            "Delivered-To: shop@y.example",
            "X-Original-To: Shop@y.example",
            "Date: Mon, 1 Jan 2024 10:00:00 +0100",
            "Subject: =?utf-8?b?R3LDvMOf?= =?utf-8?b?ZQ==?= =?us-ascii?q?_x?=",
            "Message-ID: <1@x.example>",
            "In-Reply-To: <0@x.example>",
            "References: <a@x.example>",
            "\t<0@x.example>",
            "X-Any: 1",
            "x-any: 2",
            "",
            "Hello",
        )
    )
    assert mail == Mail(
        message_id="<1@x.example>",
        in_reply_to="<0@x.example>",
        references=("<a@x.example>", "<0@x.example>"),
        date=datetime(2024, 1, 1, 9, tzinfo=UTC),
        from_=Address("Jörg", "Jo@X.example"),
        reply_to=(Address("", "answers@x.example"),),
        to=(Address("Doe, Jane", "jane@y.example"), Address("", "b@y.example")),
        cc=(Address("C", "c@y.example"),),
        bcc=(Address("", "d@y.example"),),
        delivered_to=(Address("", "shop@y.example"),),
        subject="Grüße x",
        body_text="Hello",
        body_html=None,
        stripped_text="Hello",
        stripped_html=None,
        stripped_signature=None,
        attachments=(),
        headers=mail.headers,
    )
    assert mail.headers["X-Any"] == "1\n2"
    assert (mail.header("SUBJECT"), mail.header("nothing")) == ("Grüße x", "")
    assert mail.sender == Address("", "answers@x.example")
    assert mail.from_
    assert mail.from_.key == "jo@x.example"


@pytest.mark.parametrize(
    "given_raw", [b"", b"\r\n\r\n", b"Hello, this is no mail", b"x: y\r\n\r\nz", b"\xff\xd8\xff\xe0" * 9]
)
def test_what_is_no_mail_is_unreadable(given_raw: bytes) -> None:
    with pytest.raises(Unreadable, match="no mail"):
        parse.parse(given_raw)


@pytest.mark.parametrize(
    "content, kind, shown",
    [
        ("Grüße".encode(), "text/plain; charset=iso-8859-1", "Grüße"),
        ("Grüße".encode("latin-1"), "text/plain; charset=utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "text/plain; charset=us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "text/plain; charset=x-nowhere", "Grüße"),
        ("Grüße".encode("latin-1"), "text/plain", "Grüße"),
        ("Grüße €".encode("cp1252"), "text/plain; charset=iso-8859-1", "Grüße €"),
        ("Привет, где заказ?".encode("cp1251"), "text/plain", "Привет, где заказ?"),
        ("Привет, где заказ?".encode("koi8-r"), "text/plain; charset=us-ascii", "Привет, где заказ?"),
        ("Привет".encode("koi8-r"), 'text/plain; charset="KOI8-R"', "Привет"),
        ("注文はどこですか".encode("iso-2022-jp"), "text/plain; charset=iso-2022-jp", "注文はどこですか"),
        ("①注文".encode("cp932"), "text/plain; charset=shift_jis", "①注文"),
        ("订单在哪里".encode("gb18030"), "text/plain; charset=gb2312", "订单在哪里"),
        ("訂單".encode("big5"), "text/plain; charset=big5", "訂單"),
        ("주문".encode("cp949"), "text/plain; charset=ks_c_5601-1987", "주문"),
        (b"+ZeVnLIqe-", "text/plain; charset=utf-7", "日本語"),
        (b"1 + 1 = 2", "text/plain; charset=utf-7", "1 + 1 = 2"),
        ("Grüße".encode("utf-16"), "text/plain; charset=utf-16", "Grüße"),
        (b"\xef\xbb\xbfHi", "text/plain; charset=utf-8", "Hi"),
        (b"x", "text/plain; charset=zlib", "x"),
        (b"caf\xc3\xa9-", "text/plain; charset=punycode", "café-"),
        (b"x", "text/plain; charset=" + "y" * 500, "x"),
        (("ü" * 50).encode()[:-1], "text/plain; charset=utf-8", "ü" * 49 + "\ufffd"),
        (b"a\x00b\x1b[1m", "text/plain", "ab[1m"),
        ("<meta charset=utf-8><p>Grüße</p>".encode(), "text/html", "Grüße"),
        ('<meta content="text/html; charset=koi8-r"><p>Привет'.encode("koi8-r"), "text/html", "Привет"),
    ],
)
def test_charsets_that_lie_or_do_not_exist(content: bytes, kind: str, shown: str) -> None:
    assert body(content, kind) == shown


@pytest.mark.parametrize(
    "encoding, content, shown",
    [
        ("base64", base64.b64encode("Grüße".encode()), "Grüße"),
        ("BASE64 ", b"R3LD\r\n vMOfZSwgd28g!aXN0IGRpZSBCZXN0ZWxsdW5n", "Grüße, wo ist die Bestellung"),
        ("base64", b"R3LDvMOfZQ==\r\n\r\n-- \r\nList footer", "Grüße"),
        ("base64", b"SGk=SGk=", "HiHi"),
        ("base64", b"This text was never encoded, was it?", "This text was never encoded, was it?"),
        ("base64", b"", ""),
        ("base64", b"R", ""),
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe =\r\nan =zz alle=", "Grüße an =zz alle"),
        ("x-uuencode", b"begin 644 x\r\n%2&5L;&\\\r\n`\r\nend\r\n", "Hello"),
        ("8bit", "Grüße".encode(), "Grüße"),
        ("nonsense", b"Hi", "Hi"),
    ],
)
def test_transfer_encodings(encoding: str, content: bytes, shown: str) -> None:
    assert body(content, "text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}") == shown


@pytest.mark.parametrize(
    "field, found",
    [
        ("From: a@x.example (Jo)", Address("Jo", "a@x.example")),
        ("From: Doe, Jo <a@x.example>", Address("Doe, Jo", "a@x.example")),
        ("From: <a@x.example", Address("", "a@x.example")),
        ("From: 'a@x.example' <a@x.example>", Address("", "a@x.example")),
        ('From: "=?utf-8?b?SsO2cmc=?=" <a@x.example>', Address("Jörg", "a@x.example")),
        ("From: =?utf-8?q?J=C3=B6rg_=3Ca=40x.example=3E?=", Address("Jörg", "a@x.example")),
        ("From: a@x.example <Jo>", Address("Jo", "a@x.example")),
        ("From: <mailto:a@x.example>", Address("", "a@x.example")),
        ("From: <@relay.example:a@x.example>", Address("", "a@x.example")),
        ("From: Jörg <jörg@exämple.de>", Address("Jörg", "jörg@exämple.de")),
        ("From:\r\n =?iso-8859-1?q?J=F6rg?=\r\n <a@x.example>", Address("Jörg", "a@x.example")),
        ("From: MAILER-DAEMON", Address("", "MAILER-DAEMON")),
        ("From: \r\nSender: b@x.example", Address("", "b@x.example")),
        ("From: nobody knows\r\nReturn-Path: <r@x.example>", Address("", "r@x.example")),
        ("From: \r\nReturn-Path: <>", None),
        ("Subject: no one", None),
        ("From: " + "(" * 5_000 + " a@x.example", Address("", "a@x.example")),
    ],
)
def test_who_wrote(field: str, found: Address | None) -> None:
    assert parse.read(raw(field, "To: x@y.example", "", "Hi")).from_ == found


def test_8_bit_headers_are_in_the_charset_of_the_body() -> None:
    head = (
        "Subject: Где заказ?\r\nFrom: Иван <i@x.example>\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx"
    )
    mail = parse.read(head.encode("koi8-r"))
    assert (mail.subject, mail.from_) == ("Где заказ?", Address("Иван", "i@x.example"))


@pytest.mark.parametrize(
    "value, when",
    [
        ("Tue, 03 Jun 2008 11:05:30 -0000", datetime(2008, 6, 3, 11, 5, 30, tzinfo=UTC)),
        ("3 Jun 08 11:05 EST", datetime(2008, 6, 3, 16, 5, tzinfo=UTC)),
        ("2024-01-01T10:00:00+02:00", datetime(2024, 1, 1, 8, tzinfo=UTC)),
        ("Mon, 99 Jan 2024 10:00:00 +0100", None),
        ("yesterday", None),
        ("Mon, 1 Jan 99999 10:00:00 +0000", None),
        ("Mon, 1 Jan 2024 10:00:00 +9999999999", None),
    ],
)
def test_dates(value: str, when: datetime | None) -> None:
    assert parse.read(plain("x", f"Date: {value}")).date == when


def test_a_missing_date_is_taken_from_the_last_server() -> None:
    received = "Received: from a by b; Mon, 1 Jan 2024 10:00:00 +0000"
    assert parse.read(plain("x", received)).date == datetime(2024, 1, 1, 10, tzinfo=UTC)


def test_ids_are_folded_missing_or_bare() -> None:
    mail = parse.read(
        raw(
            "From: a@x.example",
            "Message-ID: 17@x.example",
            "References: <a@",
            "\tx.example> text <b@x>",
            "",
            "",
        )
    )
    assert mail.message_id == "<17@x.example>"
    assert mail.references == ("<a@x.example>", "<b@x>")
    nameless = parse.read(raw("From: a@x.example", "Subject: s", "", "Hi"))
    assert nameless.message_id is None
    assert (
        nameless.identity
        == parse.read(raw("Received: z", "From: a@x.example", "Subject: s", "", "Hi")).identity
    )
    assert nameless.identity != parse.read(raw("From: a@x.example", "Subject: s", "", "Ho")).identity


def test_too_many_references_keep_the_first_and_the_newest() -> None:
    given_ids = " ".join(f"<{n}@x>" for n in range(5_000))
    found = parse.read(plain("x", f"References: {given_ids}")).references
    assert len(found) == 100
    assert (found[0], found[1], found[-1]) == ("<0@x>", "<4901@x>", "<4999@x>")


def test_headers_that_are_no_headers() -> None:
    mail = parse.read(b"From jo Mon Jan 1\nFrom: a@x.example\nwhat is this\nSubject : S\n\nHi")
    assert (mail.subject, mail.body_text) == ("S", "Hi")
    assert parse.read(b"From: a@x.example\nSubject: S\nno blank line").body_text == "no blank line"
    assert parse.read(b"\r\n \r\nFrom: a@x.example\r\n\r\nHi").body_text == "Hi"
    assert parse.read(b"From: a@x.example\rSubject: S\r\rHi\rthere").body_text == "Hi\nthere"
    assert parse.read(b"From: a@x.example\r\r\nSubject: S\r\r\n\r\r\nHi").body_text == "Hi"


def test_gigantic_headers_are_bounded() -> None:
    lines = [f"X-{n}: " + "v" * 900 for n in range(2_500)]
    mail = parse.read(raw("From: a@x.example", "Subject: " + "s" * 200_000, *lines, "", "Hi"))
    assert len(mail.subject) == 998
    assert len(mail.headers) <= 200
    assert mail.body_text == "Hi"


def test_alternatives_give_text_and_html() -> None:
    mail = parse.read(
        multipart("alternative", part("text/plain", "Hi"), part("text/html", "<p>Hi<script>x</script></p>"))
    )
    assert (mail.body_text, mail.body_html) == ("Hi", "<p>Hi</p>")


def test_text_is_made_from_html_alone_or_when_it_is_blank() -> None:
    assert parse.read(plain("<p>a</p><p>b</p>", kind="text/html")).body_text == "a\n\nb"
    mail = parse.read(multipart("alternative", part("text/plain", " \r\n"), part("text/html", "<p>Hi</p>")))
    assert mail.body_text == "Hi"


NESTED = multipart(
    "mixed",
    multipart(
        "related",
        multipart(
            "alternative",
            part("text/plain", "Hi"),
            part("text/html", "<p>Hi <img src='cid:i@x'></p>"),
            head="",
            boundary="b3",
        ),
        encoded("image/png", b"\x89PNG", "Content-ID: <i@x>", "Content-Disposition: inline; filename=i.png"),
        head="",
        boundary="b2",
    ),
    encoded("application/pdf", b"%PDF", 'Content-Disposition: attachment; filename="a.pdf"'),
    part("text/plain", "a list's footer"),
)


def test_nested_parts_inline_pictures_and_a_footer() -> None:
    mail = parse.read(NESTED)
    assert mail.body_text == "Hi\n\na list's footer"
    assert mail.body_html == '<p>Hi <img src="cid:i@x"></p><br>a list\'s footer'
    picture, file = mail.attachments
    assert (picture.name, picture.content, picture.content_id, picture.inline) == (
        "i.png",
        b"\x89PNG",
        "i@x",
        True,
    )
    assert (file.name, file.content_type, file.content, file.inline) == (
        "a.pdf",
        "application/pdf",
        b"%PDF",
        False,
    )


def test_pictures_spelled_out_in_html_become_files() -> None:
    data = base64.b64encode(b"\x89PNG" * 500).decode()
    mail = parse.read(plain(f'<p><img src="data:image/png;base64,{data}"></p>', kind="text/html"))
    (picture,) = mail.attachments
    assert mail.body_html == f'<p><img src="cid:{picture.content_id}"></p>'
    assert (picture.content, picture.content_type, picture.inline) == (b"\x89PNG" * 500, "image/png", True)


def test_a_forwarded_mail_is_a_file() -> None:
    inner = raw("From: b@x.example", "Subject: Old / order", "", "Where?")
    (file,) = parse.read(
        multipart("mixed", part("text/plain", "See"), part("message/rfc822", inner))
    ).attachments
    assert (file.name, file.content_type, file.content) == ("Old - order.eml", "message/rfc822", inner)


def test_signed_invited_and_dropped_parts() -> None:
    mail = parse.read(
        multipart(
            "signed",
            part("text/plain", "Hi"),
            part("text/calendar; method=REQUEST", "BEGIN:VCALENDAR"),
            part("application/pgp-signature", "sig"),
            part("text/x-amp-html", "<p>amp"),
        )
    )
    assert mail.body_text == "Hi"
    assert [(file.name, file.content_type) for file in mail.attachments] == [
        ("attachment-1.ics", "text/calendar"),
        ("attachment-2.asc", "application/pgp-signature"),
    ]


@pytest.mark.parametrize(
    "fields, name",
    [
        (("Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf",), "Grüße.pdf"),
        (
            ("Content-Disposition: attachment; filename*0*=iso-8859-1''Gr%FC; filename*1=sse.pdf",),
            "Grüsse.pdf",
        ),
        (('Content-Disposition: attachment; filename="=?utf-8?b?R3LDvMOfZQ==?=.pdf"',), "Grüße.pdf"),
        (("Content-Disposition: attachment; filename=Grüße.pdf",), "Grüße.pdf"),
        (('Content-Disposition: attachment; filename="../../etc/passwd"',), "passwd.pdf"),
        (('Content-Disposition: attachment; filename="C:\\\\a\\\\b.pdf"',), "b.pdf"),
        (('Content-Disposition: attachment; filename="a\u202efdp.exe"',), "a_fdp.exe"),
        (('Content-Disposition: attachment; filename="..."',), "attachment-1.pdf"),
        (("Content-Disposition: attachment",), "attachment-1.pdf"),
        (('Content-Disposition: attachment; filename="' + "x" * 500 + '.pdf"',), "x" * 196 + ".pdf"),
        (('Content-Disposition: attachment; filename="a;b.pdf"; size=3',), "a;b.pdf"),
    ],
)
def test_names_of_files_are_decoded_and_safe(fields: tuple[str, ...], name: str) -> None:
    (file,) = parse.read(
        multipart("mixed", part("text/plain", "x"), part("application/pdf", "%PDF", *fields))
    ).attachments
    assert file.name == name


def test_types_are_read_off_names_where_the_sender_named_none() -> None:
    given_part = part("application/octet-stream; name=a.PDF", "x")
    (file,) = parse.read(multipart("mixed", given_part)).attachments
    assert (file.name, file.content_type) == ("a.PDF", "application/pdf")


def test_flowed_text_is_joined() -> None:
    flowed = "This is \r\none line.\r\n\r\n> quoted \r\n> too\r\n From here\r\n-- \r\nJo"
    expected = "This is one line.\n\n> quoted too\nFrom here\n-- \nJo"
    assert body(flowed, "text/plain; format=flowed") == expected
    assert body("a \r\nb", "text/plain; format=flowed; delsp=yes") == "ab"


def test_files_uuencoded_in_text() -> None:
    mail = parse.read(plain("See file\r\nbegin 644 ../a.txt\r\n%2&5L;&\\\r\n`\r\nend\r\nBye"))
    assert mail.body_text == "See file\nBye"
    assert [(file.name, file.content) for file in mail.attachments] == [("a.txt", b"Hello")]
    assert body("begin 644 the day well\r\nnothing here") == "begin 644 the day well\nnothing here"


@pytest.mark.parametrize(
    "given_raw",
    [
        raw("From: a@x.example", "Content-Type: multipart/mixed", "", "--zz12", "", "Hi", "--zz12--"),
        raw(
            "From: a@x.example",
            "Content-Type: multipart/mixed; boundary=other",
            "",
            "--zz12",
            "",
            "Hi",
            "--zz12--",
        ),
        raw("From: a@x.example", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "Hi"),
        raw(
            "From: a@x.example",
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "",
            "--b",
            "",
            "Hi",
            "--b--",
        ),
        raw("From: a@x.example", "Content-Type: multipart/mixed; boundary=b", "", "Hi"),
        raw("From: a@x.example", "Content-Type: nonsense", "", "Hi"),
        raw("From: a@x.example", "Content-Type: text", "", "Hi"),
    ],
)
def test_broken_multiparts_still_speak(given_raw: bytes) -> None:
    assert parse.read(given_raw).body_text == "Hi"


def test_empty_bodies_are_empty() -> None:
    for given_raw in (
        raw("From: a@x.example"),
        raw("From: a@x.example", "", ""),
        multipart("mixed"),
        plain("", kind="text/html"),
    ):
        mail = parse.read(given_raw)
        assert (mail.body_text, mail.stripped_text, mail.attachments) == ("", "", ())


@pytest.mark.thorough
def test_bodies_are_bounded_and_stay_well_formed() -> None:
    mail = parse.read(plain("é" * 1_000_000))
    assert len(mail.body_text.encode()) == 1_048_576
    mail = parse.read(plain("<div><p>" + "<b>word</b> " * 150_000, kind="text/html"))
    assert mail.body_html
    assert len(mail.body_html.encode()) <= 1_048_576
    assert mail.body_html.endswith("</p></div>")


def test_thousands_of_parts_are_bounded() -> None:
    mail = parse.read(multipart("mixed", part("text/plain", "Hi"), *[part("image/png", "x")] * 5_000))
    assert mail.body_text == "Hi"
    assert len(mail.attachments) == 500


def nest(depth: int) -> bytes:
    lines = ["From: a@x.example"]
    for n in range(depth):
        lines += [f"Content-Type: multipart/mixed; boundary=b{n}", "", f"--b{n}"]
    return raw(*lines, "Content-Type: text/plain", "", "deep")


N = 100_000
HOSTILE = {
    "nested": nest(20_000),
    "forwarded-in-forwarded": b"From: a@x.example\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * N,
    "boundaries": raw("From: a@x.example", "Content-Type: multipart/mixed; boundary=b", "", *["--b"] * N),
    "dashes": b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=-\r\n\r\n" + b"-" * 20 * N,
    "blank-lines": b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\n" * 10 * N,
    "folds": b"From: a@x.example\r\nSubject: a" + b"\r\n b" * N + b"\r\n\r\nHi",
    "words": plain("x", "Subject: " + "=?a?q? " * N, "To: " + "=?utf-8?q?=41?= " * N),
    "addresses": plain("x", "To: " + "a@b.c," * N, "Cc: " + "<" * N, "Reply-To: " + '"' * N, "Bcc: " + "a(" * N),
    "quoted-names": plain("x", "To: " + '"' + "\\" + '"' + ('"' + "\\") * N),
    "parameters": plain("x", kind="text/plain" + "; a=b" * N + '; x="' + "\\" * N),
    "sections": plain("x", kind="text/plain" + "".join(f"; name*{n}*=%41" for n in range(N))),
    "references": plain("x", "References: " + "<a" * N, "In-Reply-To: " + "a@" * N),
    "date": plain("x", "Date: " + "1 " * N),
    "quotes": plain(">" * N + "\r\n" + "> x\r\n" * N),
    "wrote": plain("On 1.1.2024 a@b.c wrote:\r\n" * N),
    "wrote-long": plain("On 1.1.2024 " + "wrote " * N + ":"),
    "signature": plain("--\r\n" * N + "Thanks,\r\n" * N),
    "headers-in-text": plain("From: x\r\n" * N),
    "uuencode": plain("begin 644 a\r\n" * N),
    "base64": plain("=" * 10 * N, "Content-Transfer-Encoding: base64"),
    "quoted-printable": plain("=" * 10 * N, "Content-Transfer-Encoding: quoted-printable"),
    "html": plain("<div>" * N + "<a href='" * N, kind="text/html"),
    "html-quotes": plain("<blockquote class=gmail_quote>x" * 20_000, kind="text/html"),
    "data-images": plain("<img src='data:image/png;base64," * 20_000, kind="text/html"),
    "flowed": plain("> a \r\n" * N, kind="text/plain; format=flowed"),
    "tnef": encoded("application/ms-tnef", samples.tnef(*[(0x9002, b"")] * 30_000)),
    "tnef-counts": raw("From: a@x.example", encoded("application/ms-tnef", samples.tnef((0x9003, b"\xff" * 4 + b"\x03\x10\x00\x30" + b"\xff" * 99)))),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_mails_end_soon(kind: str) -> None:
    given_raw = HOSTILE[kind]
    started = time.process_time()
    parse.read(given_raw if given_raw.startswith(b"From") else b"From: a@x.example\r\n" + given_raw)
    assert time.process_time() - started < 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text/html", "text/plain", "text/enriched"])
def test_25_megabytes_of_tags_end_soon(kind: str) -> None:
    started = time.process_time()
    parse.read(multipart("mixed", *[part(kind, b"<b>\n" * 1_000_000)] * 6))
    assert time.process_time() - started < 30


@pytest.mark.slow
def test_25_megabytes_are_read() -> None:
    file = encoded(
        "application/zip", bytes(range(256)) * 72_000, "Content-Disposition: attachment; filename=a.zip"
    )
    started = time.process_time()
    mail = parse.read(multipart("mixed", part("text/plain", "Hi"), file))
    assert len(mail.attachments[0].content) == 256 * 72_000
    assert time.process_time() - started < 5


SEEDS = [path.read_bytes() for path in samples.all_paths() if path.stat().st_size < 6_000] + [NESTED]
_ODD = st.sampled_from(
    [b"", b"\n", b"\r\n\r\n", b"--", b"=?utf-8?b?", b"?=", b'"', b"<", b">", b";", b"=", b"\x00", b"\xff\xfe", b"%", b"(", b"base64",
     b"Content-Type: multipart/mixed; boundary=b1\n", b"charset=utf-16", b"charset=idna", b"&#x", b"<!--", b"begin 644 a\n"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    mail = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(mail)))
        cut = draw(st.sampled_from([0, 0, 1, 10, 200]))
        mail = mail[:place] + draw(_ODD) + mail[place + cut :]
    return mail


def check_any_bytes_end_well(given_raw: bytes) -> None:
    """The promise of `parse`, for mutated mails: a storable `Mail`, or `Unreadable`."""
    try:
        mail = parse.read(given_raw)
    except Unreadable:
        return
    texts = [mail.subject, mail.body_text, mail.body_html or "", mail.stripped_text, *mail.headers.values()]
    texts += [file.name for file in mail.attachments] + [
        one.name + one.address for one in (*mail.to, *mail.cc)
    ]
    "".join(texts).encode()
    assert "\x00" not in "".join(texts)
    assert bool(mail.stripped_text) == bool(mail.body_text.strip())
    assert all("/" not in file.name and file.name for file in mail.attachments)


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_any_bytes_end_well(given_raw: bytes) -> None:
    check_any_bytes_end_well(given_raw)
