"""What somebody sent with a contact form becomes a ticket: once, from the customer of the address he gave.

Against robots, without third parties: the form's token must be some seconds old and of today, a field that people do not
see must stay empty, and one address may send only so often.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import addresses, crypto, errors, text
from polus.channels import inbound
from polus.channels.forms.forms import Field, Form
from polus.channels.inbound import Inbound
from polus.desk.field_values import Wanted
from polus.desk.tickets import values
from polus.store import buckets
from polus.store.database import Database
from polus.store.work import Work

TEXT_LENGTH = 10_000
SUBJECT_LENGTH = 200
NAME_LENGTH = 100
MOST_SENT = 5
MINUTES = 300.0  # seconds in which MOST_SENT may come from one address
LIFE = 86_400  # seconds a form may lie open
QUICKEST = datetime.timedelta(seconds=2)
STALE = "The page was open too long. Please send it again."
QUICK = "Please wait a moment, then send it again."
WRITE = "Please write what it is about."
CHOOSE = "Please choose one."


class Sent(msgspec.Struct, kw_only=True):
    """The fields of the form. `token` is the one that it was shown with, `trap` what only robots fill in."""

    token: str
    email: str
    text: str
    name: str = ""
    subject: str = ""
    trap: str = ""
    values: Mapping[str, str] = {}
    attachments: list[dict[str, Any]] = []


class TooMany(errors.Refusal):
    """429."""

    status = 429

    def __init__(self) -> None:
        super().__init__("Too many messages. Wait some minutes.", {"retry_after": int(MINUTES)})


def token(database: Database, form: Form, now: datetime.datetime) -> str:
    """For one showing of the form: what is sent with it twice is one message."""
    value = f"{form.key} {now.timestamp()} {crypto.new_token()[:16]}"
    return crypto.Signer(database.secret_key, "contact form").sign(value, LIFE)


async def check(work: Work, form: Form, fields: Sequence[Field], sent: Sent, origin: str) -> None:
    """400 by field, 429. Nothing is written but the count, so it can be asked before files are kept."""
    problems = _problems(form, sent)
    problems |= {
        field.name: [CHOOSE] for field in fields if field.required and not sent.values.get(field.name)
    }
    _nonce(work, form, sent.token)
    if problems:
        raise errors.Invalid(problems)
    if not await buckets.take(work.db, f"form {work.account.id} {origin}", MOST_SENT, MINUTES):
        raise TooMany


def _problems(form: Form, sent: Sent) -> dict[str, Any]:
    problems: dict[str, Any] = {}
    if not addresses.is_email(sent.email.strip()):
        problems["email"] = ["Not a valid email address."]
    if not sent.text.strip():
        problems["text"] = [WRITE]
    for name, longest in (("text", TEXT_LENGTH), ("subject", SUBJECT_LENGTH), ("name", NAME_LENGTH)):
        if len(getattr(sent, name)) > longest:
            problems[name] = [errors.too_long(longest)]
    if form.look.subjects and sent.subject not in form.look.subjects:
        problems["subject"] = [CHOOSE]
    return problems


def _nonce(work: Work, form: Form, given: str) -> str:
    """What makes this showing of the form itself; 400 on `token`."""
    read = crypto.Signer(work.database.secret_key, "contact form").read(given)
    key, _, rest = (read or "").partition(" ")
    shown, _, nonce = rest.partition(" ")
    if key != form.key or not nonce:
        raise errors.one("token", STALE)
    if work.now.timestamp() - float(shown) < QUICKEST.total_seconds():
        raise errors.one("token", QUICK)
    return nonce


async def accept(work: Work, form: Form, fields: Sequence[Field], sent: Sent) -> int | None:
    """The ticket; None for what a robot sent, which is dropped without a word. 400 on a field's value."""
    nonce = _nonce(work, form, sent.token)
    if sent.trap:
        return None
    email, name = sent.email.strip(), text.one_line(sent.name)
    subject = text.one_line(sent.subject) or form.name
    accepted = await inbound.accept(
        work,
        Inbound(
            channel=form.look.channel,
            message_id=f"form-{form.id}-{nonce}",
            address=email,
            sender={"email": email, "name": name},
            source={
                "type": "contact-form" if form.look.channel == "contact_form" else "help-center-contact-form",
                "from": {"name": name, "address": email},
                "to": [{"name": form.name, "address": form.key}],
            },
            integration_id=form.id,
            subject=subject,
            body_text=text.clean(sent.text).strip(),
            stripped_text=text.clean(sent.text).strip(),
            attachments=sent.attachments or None,
        ),
    )
    wanted = [
        Wanted(field.id, value, field.name)
        for field in fields
        if (value := _value(field, sent.values.get(field.name, ""))) is not None
    ]
    if wanted and not accepted.duplicate:
        await values.OWNER.write(work, accepted.ticket_id, wanted, replace=False)
    return accepted.ticket_id


def _value(field: Field, given: str) -> Any:
    """What the field holds; None when nothing was given. What does not fit is refused by who writes it."""
    given = given.strip()
    if not given:
        return None
    kind = field.definition["data_type"]
    if kind == "number":
        try:
            return float(given) if "." in given or "," in given else int(given)
        except ValueError:
            raise errors.one(field.name, "Must be a number.") from None
    if kind == "boolean":
        return given == "true"
    return given
