"""Machines, lists, loops and bounces are told from people, and people are never taken for machines."""

import pytest

from polus.channels.email import parse, verdict
from polus.channels.email.bounces import Bounce, Recipient
from polus.channels.email.verdict import Verdict
from tests.channels.email.samples import multipart, part, plain, raw

OWN = ["Support@y.example"]


def judge(
    *fields: str,
    body: str = "Hello",
    subject: str = "Order",
    own_ids: tuple[str, ...] = (),
    token: str = "tok",
) -> Verdict:
    mail = raw(
        "From: Jo <jo@x.example>", f"Subject: {subject}", "Message-ID: <1@x.example>", *fields, "", body
    )
    return verdict.judge(parse.read(mail), OWN, frozenset(own_ids), token)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("Auto-Submitted: no",),
        ("Precedence: first-class",),
        ("List-Unsubscribe: <https://x.example>",),
        ("X-Auto-Response-Suppress: RN, NRN",),
        ("X-Polus-Loop: of-another",),
        ("Reply-To: customer@z.example", "From: no-reply@x.example"),
        ("List-ID: <support.y.example>", "Precedence: list"),
        ("List-Post: <mailto:support@y.example>",),
        ("Received: a\r\nReceived: b",),
    ],
)
def test_people_are_ordinary(fields: tuple[str, ...]) -> None:
    judged = judge(*fields)
    assert judged == Verdict("ordinary")
    assert judged.answerable


@pytest.mark.parametrize(
    "subject",
    [
        "Delivery failure",
        "Undelivered parcel",
        "Returned mail?",
        "Rejected payment",
        "Warning: delayed",
        "Re: Undeliverable: x",
        "Auto parts",
    ],
)
def test_customers_write_about_failed_deliveries(subject: str) -> None:
    body = (
        "My parcel could not be delivered, the address jo@z.example is unknown. Error 550 says: mailbox full."
    )
    assert judge(subject=subject, body=body).kind == "ordinary"


@pytest.mark.parametrize(
    "fields, reason",
    [
        (("Auto-Submitted: auto-replied",), "auto-replied"),
        (("Auto-Submitted: auto-generated (failure)",), "auto-generated"),
        (("Auto-Submitted: auto-replied; owner-email=x",), "auto-replied"),
        (("Auto-Submitted: vacation",), "auto-generated"),
        (("X-Autoreply: yes",), "x-autoreply"),
        (("X-Autorespond:",), "x-autorespond"),
        (("X-Auto-Response-Suppress: All",), "x-auto-response-suppress"),
        (("X-Auto-Response-Suppress: DR, OOF, AutoReply",), "x-auto-response-suppress"),
        (("Precedence: auto_reply",), "precedence"),
        (("Precedence: bulk",), "bulk"),
        (("Precedence: junk",), "bulk"),
        (("Return-Path: <>",), "no-return-path"),
        (
            ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b",),
            "read-receipt",
        ),
        (('Content-Type: multipart/report; report-type="feedback-report"; boundary=b',), "feedback-report"),
    ],
)
def test_machines_are_automatic(fields: tuple[str, ...], reason: str) -> None:
    judged = judge(*fields)
    assert (judged.kind, judged.reason, judged.answerable) == ("automatic", reason, False)


@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: Order", "Out of Office", "Automatische Antwort: x", "Abwesenheitsnotiz", "Réponse automatique : x",
     "Respuesta automática: x", "Risposta automatica: x", "Automatisch antwoord: x", "Odpowiedź automatyczna: x", "自动回复: x"],
)  # fmt: skip
def test_vacation_notes_without_headers(subject: str) -> None:
    assert judge(subject=subject).reason == "auto-replied"


def test_nobody_reads_there() -> None:
    mail = parse.read(raw("From: no-reply@x.example", "Subject: s", "", "x"))
    assert verdict.judge(mail).reason == "nobody-reads"


def test_lists() -> None:
    for field in (
        "List-Id: <talk.x.example>",
        "List-Post: <mailto:t@x.example>",
        "Precedence: list",
        "Mailing-List: list t@x.example",
    ):
        assert judge(field).kind == "list"


def test_our_own_mail_coming_back() -> None:
    assert judge(own_ids=("<1@x.example>",)).reason == "own-message"
    assert judge("X-Polus-Loop: tok").reason == "own-mark"
    assert (
        judge("From: support+tabc@y.example", "X-Polus-Loop: other").kind == "ordinary"
    )  # the first From counts
    mail = parse.read(raw("From: SUPPORT+tabc@y.example", "X-Polus-Loop: other", "", "x"))
    assert verdict.judge(mail, OWN).reason == "own-address"
    assert verdict.judge(parse.read(raw("From: support@y.example", "", "x")), OWN).kind == "ordinary"
    assert judge(*["Received: from a by b"] * 60).reason == "too-many-hops"


def report(
    *recipients: str, head: str = "From: MAILER-DAEMON@x.example", returned: str = "text/rfc822-headers"
) -> bytes:
    return multipart(
        "report; report-type=delivery-status",
        part("text/plain", "Your mail failed."),
        part("message/delivery-status", raw("Reporting-MTA: dns; x.example", "", *recipients)),
        part(returned, raw("Message-ID: <12-34@shop.example>", "Subject: Re", "")),
        head=head,
    )


FAILED = (
    "Final-Recipient: rfc822; <jo@x.example>",
    "Action: Failed",
    "Status: 5.1.1 (no such user)",
    "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
    "",
)


def bounce_of(mail: bytes) -> Bounce:
    judged = verdict.judge(parse.read(mail), OWN)
    assert judged.kind == "bounce"
    assert judged.bounce
    return judged.bounce


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822"])
def test_reports_of_failure(returned: str) -> None:
    bounce = bounce_of(report(*FAILED, returned=returned))
    assert bounce == Bounce(
        "<12-34@shop.example>", (Recipient("jo@x.example", "failed", "5.1.1", "550 5.1.1 User unknown"),)
    )
    assert (bounce.permanent, bounce.delayed, bounce.status, bounce.diagnostic) == (
        True,
        False,
        "5.1.1",
        "550 5.1.1 User unknown",
    )


def test_reports_of_delay_and_of_several() -> None:
    delayed = ("Final-Recipient: rfc822; a@x.example", "Action: delayed", "Status: 4.4.1", "")
    bounce = bounce_of(report(*delayed))
    assert (bounce.delayed, bounce.permanent, bounce.status) == (True, False, "4.4.1")
    both = bounce_of(report(*delayed, *FAILED))
    assert (both.delayed, both.permanent, both.status, len(both.recipients)) == (False, True, "5.1.1", 2)
    full = bounce_of(report("Final-Recipient: rfc822; a@x.example", "Action: failed", "Status: 4.2.2"))
    assert (full.delayed, full.permanent) == (False, False)


def test_the_original_recipient_is_whom_we_know() -> None:
    bounce = bounce_of(
        report(
            "Original-Recipient: rfc822;jo@x.example",
            "Final-Recipient: rfc822;inner@y.example",
            "Action: failed",
        )
    )
    assert [one.address for one in bounce.recipients] == ["jo@x.example"]


def test_receipts_are_no_bounces() -> None:
    mail = parse.read(report("Final-Recipient: rfc822; a@x.example", "Action: delivered", "Status: 2.0.0"))
    assert verdict.judge(mail) == Verdict("automatic", "delivery-receipt")


def test_reports_without_recipients_still_name_the_mail() -> None:
    assert bounce_of(report("X-Nothing: here")) == Bounce("<12-34@shop.example>", ())


@pytest.mark.parametrize(
    "lines, found",
    [
        (
            ("From: MAILER-DAEMON@x.example", "Subject: failure notice", "", "Hi. This is the qmail-send program at x.example.", "",
             "<jo@x.example>:", "Sorry, no mailbox here by that name. (#5.1.1)", "", "--- Below this line is a copy of the message.", "",
             "Message-ID: <12-34@shop.example>", "To: other@x.example"),
            Bounce("<12-34@shop.example>", (Recipient("jo@x.example", "failed", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"),)),
        ),
        (
            ("From: Mail Delivery System <Mailer-Daemon@x.example>", "X-Failed-Recipients: jo@x.example", "Subject: Mail delivery failed", "",
             "A message that you sent could not be delivered.", "", "  jo@x.example", "    host mx.x.example: 550 unknown user"),
            Bounce(None, (Recipient("jo@x.example", "failed", "5.0.0", "host mx.x.example: 550 unknown user"),)),
        ),
        (
            ("From: postmaster@x.example", "To: shop@y.example", "Subject: Warning: message delayed", "In-Reply-To: <12-34@shop.example>", "",
             "Your message to <jo@x.example> has been delayed.", "We will keep trying for 3 days."),
            Bounce("<12-34@shop.example>", (Recipient("jo@x.example", "delayed", "", "has been delayed."),)),
        ),
    ],
)  # fmt: skip
def test_free_texts(lines: tuple[str, ...], found: Bounce) -> None:
    assert bounce_of(raw(*lines)) == found


def test_a_person_at_a_postmaster_is_no_bounce() -> None:
    assert (
        verdict.judge(
            parse.read(raw("From: postmaster@x.example", "Subject: Order", "", "Hello, I need shoes."))
        ).kind
        == "ordinary"
    )


def test_plain_mail_is_ordinary() -> None:
    assert verdict.judge(parse.read(plain("Hi"))) == Verdict("ordinary")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("X-Spam-Flag: YES", True),
        ("X-Spam-Flag: NO", False),
        ("X-Spam-Status: Yes, score=9.1 required=5.0", True),
        ("X-Spam-Status: No, score=0.1", False),
        ("X-Rspamd-Action: add header", True),
        ("X-Rspamd-Action: no action", False),
        ("X-Spamd-Result: default: True [12.00 / 15.00]", True),
        ("X-MS-Exchange-Organization-SCL: 6", True),
        ("X-MS-Exchange-Organization-SCL: -1", False),
        ("X-MS-Exchange-Organization-SCL: 1", False),
        ("X-Forefront-Antispam-Report: CIP:1.2.3.4;CTRY:DE;SCL:5;SFV:SPM;H:x", True),
        ("X-Forefront-Antispam-Report: CIP:1.2.3.4;SCL:1;SFV:NSPM;H:x", False),
        ("X-Gm-Spam: 1", True),
        ("X-Gm-Spam: 0", False),
        ("X-SES-Spam-Verdict: FAIL", True),
        ("X-Bogosity: Ham, tests=bogofilter", False),
        # The newest one counts.
        ("X-Spam-Flag: NO\nX-Spam-Flag: YES", False),
    ],
)
def test_verdicts_of_spam_filters(header: str, says: bool) -> None:
    mail = parse.read(raw("From: jo@x.example", *header.split("\n"), "Subject: Hi", "", "Hello"))
    assert verdict.spam(mail) == (header.partition(":")[0].lower() if says else "")
