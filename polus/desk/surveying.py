"""Asking customers: surveys planned when a ticket is closed, sent when they are due, answered by a link.

The surveys themselves are in `surveys`; what the customer sees is a page of `web`.
"""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors
from polus.base.crypto import Signer
from polus.desk import notices, settings, surveys
from polus.desk.macros import filling
from polus.desk.tickets import happenings
from polus.lang.refused import Refused
from polus.lang.template import Target
from polus.store.database import Database
from polus.store.work import Work

PATH = "/survey/"
LINK_DAYS = 60
"""The link of a mail works for so long."""
CHANGED = datetime.timedelta(days=7)
"""After the first answer it may be changed for so long."""
COMMENT_LENGTH = 1000

SWITCHES = {
    "chat": "send_survey_for_chat",
    "contact_form": "send_survey_for_contact_form",
    "email": "send_survey_for_email",
    "help-center": "send_survey_for_help_center",
}
# A customer whose mail program is French reads the words we begin with in French; an account's own words are its own.
FRENCH_TEXT = (
    "Bonjour {{ticket.customer.firstname}},\n\n"
    "comment avons-nous répondu à votre demande ? Donnez-nous votre avis :\n{{satisfaction_survey_url}}\n"
)
FRENCH_HTML = (
    "<p>Bonjour {{ticket.customer.firstname}},</p>"
    '<p>comment avons-nous répondu à votre demande ? <a href="{{satisfaction_survey_url}}">Donnez-nous votre avis</a>.</p>'
)
SUBJECTS = {"en": "How did we do?", "fr": "Votre avis nous intéresse"}

# Everything that decides whether the ticket is surveyed. A machine wrote when the newest message from outside says so.
FACTS = """
select t.channel, t.closed_datetime, t.customer_id, t.merged_into_id,
  coalesce(t.language, c.language) as language,
  t.status = 'closed' and t.snooze_datetime is null and not t.spam and t.trashed_datetime is null
    and t.imported is not true and c.deleted_datetime is null
    and not exists (select from events e where e.account_id = t.account_id and e.ticket_id = t.id
      and e.type = 'ticket-excluded-from-csat')
    and not coalesce((select exists (select from jsonb_each_text(m.headers) h
        where (lower(h.key) = 'auto-submitted' and lower(h.value) <> 'no')
          or (lower(h.key) = 'precedence' and lower(h.value) in ('bulk', 'junk', 'list', 'auto_reply')))
      from messages m where m.account_id = t.account_id and m.ticket_id = t.id and not m.from_agent
      order by m.created_datetime desc, m.id desc limit 1), false) as wanted,
  (select h.address from customer_channels h where h.account_id = c.account_id and h.customer_id = c.id
    and h.type = 'email' and h.deleted_datetime is null order by h.preferred desc, h.id limit 1) as address,
  (select s.data from account_settings s where s.account_id = t.account_id and s.type = 'satisfaction-surveys') as setting
from tickets t left join customers c on c.account_id = t.account_id and c.id = t.customer_id
where t.account_id = $1 and t.id = $2
"""
PLAN = """
insert into satisfaction_surveys (account_id, ticket_id, customer_id, created_datetime, should_send_datetime, planned)
values ($1, $2, $3, $4, $5, true) on conflict do nothing
"""
CANCEL = """
delete from satisfaction_surveys where account_id = $1 and ticket_id = $2 and planned and sent_datetime is null
  and scored_datetime is null and exists (select from tickets where account_id = $1 and id = $2 and status = 'open')
returning id
"""
DUE_ACCOUNTS = """
select distinct account_id from satisfaction_surveys
where should_send_datetime <= $1 and sent_datetime is null limit 100
"""
DUE = """
select id, ticket_id, planned, score from satisfaction_surveys
where account_id = $1 and should_send_datetime <= $2 and sent_datetime is null
order by should_send_datetime limit $3 for update skip locked
"""
DROP = "delete from satisfaction_surveys where account_id = $1 and id = $2"
FORGET = "update satisfaction_surveys set should_send_datetime = null where account_id = $1 and id = $2"

ASKED = """
select s.id, s.score, s.body_text, s.scored_datetime, t.subject, coalesce(t.language, c.language) as language
from satisfaction_surveys s
left join tickets t on t.account_id = s.account_id and t.id = s.ticket_id
left join customers c on c.account_id = s.account_id and c.id = s.customer_id
where s.account_id = $1 and s.id = $2
"""
# The survey of a ticket that was closed lately, also when it was merged into another one since.
OF_TICKET = """
select s.id, s.score, s.body_text, s.scored_datetime, s.sent_datetime, t.language
from tickets g join tickets t on t.account_id = g.account_id and t.id = coalesce(g.merged_into_id, g.id)
join satisfaction_surveys s on s.account_id = t.account_id and s.ticket_id = t.id
where g.account_id = $1 and g.id = $2 and t.status = 'closed' and t.snooze_datetime is null and not t.spam
  and t.trashed_datetime is null and t.closed_datetime > $3::timestamptz - interval '7 days'
"""


class Asked(msgspec.Struct, frozen=True):
    """A survey as its customer sees it. `open`: an answer may be given or changed."""

    id: int
    score: int | None
    body_text: str | None
    language: str | None
    open: bool


def _setting(row: Any) -> dict[str, Any]:
    given = {} if row["setting"] is None else msgspec.json.decode(row["setting"])
    return settings.FIRST["satisfaction-surveys"] | given


def _wanted(row: Any, setting: Mapping[str, Any]) -> bool:
    switch = SWITCHES.get(row["channel"])
    return bool(row["wanted"] and switch and setting[switch])


async def plan(work: Work, ticket_id: int, *, spoken: bool = False) -> None:
    """Have the customer of a closed ticket asked after the interval of the setting; once per ticket.

    `spoken`: he can be asked where he spoke, so that he needs no address.
    """
    row = await work.db.fetchrow(FACTS, work.account.id, ticket_id)
    if row is None or row["merged_into_id"] is not None:
        return
    setting = _setting(row)
    if _wanted(row, setting) and (row["address"] or spoken):
        due = row["closed_datetime"] + datetime.timedelta(hours=setting["survey_interval"])
        await work.db.execute(PLAN, work.account.id, ticket_id, row["customer_id"], work.now, due)


async def cancel(work: Work, ticket_id: int) -> None:
    """Take back what was planned and not sent, because the ticket is open. Event ticket-satisfaction-survey-skipped."""
    if await work.db.fetchval(CANCEL, work.account.id, ticket_id) is not None:
        happenings.record(work, ticket_id, "ticket-satisfaction-survey-skipped", {"reason": "reopened"})


async def due_accounts(db: Any, now: datetime.datetime) -> list[int]:
    """The accounts that have a survey to send."""
    return [row["account_id"] for row in await db.fetch(DUE_ACCOUNTS, now)]


async def send(work: Work, most: int = 20) -> int:
    """Send what is due, at most so many surveys; how many were. Each leaves once, as a mail of the helpdesk.

    Events satisfaction-survey-sent; ticket-satisfaction-survey-skipped for one that nobody can be asked any more.
    """
    rows = await work.db.fetch(DUE, work.account.id, work.now, most)
    for row in rows:
        await _send(work, row)
    return len(rows)


async def _send(work: Work, row: Any) -> None:
    facts = await work.db.fetchrow(FACTS, work.account.id, row["ticket_id"])
    setting = _setting(facts) if facts is not None else {}
    # One that somebody made through the API asks for no switch.
    wanted = facts is not None and row["score"] is None and facts["address"]
    if not wanted or facts["merged_into_id"] or (row["planned"] and not _wanted(facts, setting)):
        await work.db.execute(DROP if row["planned"] else FORGET, work.account.id, row["id"])
        happenings.record(
            work, row["ticket_id"], "ticket-satisfaction-survey-skipped", {"reason": "not wanted"}
        )
        return
    language = "fr" if facts["language"] == "fr" else "en"
    try:
        text, markup = await words(work, row["ticket_id"], setting, language, link(work, row["id"]))
    except Refused as refused:
        await work.db.execute(FORGET, work.account.id, row["id"])
        data = {"reason": " ".join(refused.messages)}
        happenings.record(work, row["ticket_id"], "ticket-satisfaction-survey-skipped", data)
        return
    await notices.add(
        work, facts["address"], SUBJECTS[language], text, ticket_id=row["ticket_id"], body_html=markup
    )
    await surveys.update(work, row["id"], {"sent_datetime": work.now})


async def words(
    work: Work, ticket_id: int, setting: Mapping[str, Any], language: str, url: str
) -> tuple[str, str]:
    """The mail's text and HTML, filled for the ticket. Raises Refused."""
    text, markup = setting["survey_email_text"], setting["survey_email_html"]
    ours = (settings.SURVEY_TEXT.strip(), settings.SURVEY_HTML.strip())
    if language == "fr" and (text.strip(), markup.strip()) == ours:
        text, markup = FRENCH_TEXT, FRENCH_HTML
    filler = await filling.of_ticket(work, ticket_id, {"satisfaction_survey_url": url})
    return filler.text(text, Target.TEXT), filler.text(markup, Target.HTML)


# The link


def link(work: Work, survey_id: int) -> str:
    """The address where this one survey is answered; nobody else can make it."""
    token = _signer(work.database).sign(f"{work.account.id} {survey_id}", LINK_DAYS * 86400)
    return work.account.home + PATH + token


def _signer(database: Database) -> Signer:
    return Signer(database.secret_key, "satisfaction survey")


async def asked(work: Work, token: str) -> Asked | None:
    """The survey that the link belongs to; None when it is none of ours, over, or the survey is gone."""
    account, _, survey = (_signer(work.database).read(token) or "").partition(" ")
    if account != str(work.account.id):
        return None
    row = await work.db.fetchrow(ASKED, work.account.id, int(survey))
    return None if row is None else _asked(work, row)


async def answer(work: Work, token: str, score: int, comment: str) -> None:
    """The customer's answer, or what he made of it. 404 for a link that is over, 400.

    Event satisfaction-survey-responded for the first one.
    """
    found = await asked(work, token)
    await _note(work, found, score, comment)


async def _note(work: Work, found: Asked | None, score: int, comment: str, **more: Any) -> None:
    if found is None or not found.open:
        raise errors.NotFound
    if not 1 <= score <= 5:
        raise errors.one("score", errors.NOT_CHOICE)
    if len(comment) > COMMENT_LENGTH:
        raise errors.one("body_text", errors.too_long(COMMENT_LENGTH))
    await surveys.update(work, found.id, {"score": score, "body_text": comment or None} | more)


# Where the customer spoke


async def question(work: Work, ticket_id: int) -> int | None:
    """The survey that the customer of a ticket closed lately has not answered; None when nothing is asked of him."""
    row = await work.db.fetchrow(OF_TICKET, work.account.id, ticket_id, work.now)
    return None if row is None or row["score"] is not None else row["id"]


async def ask(work: Work, ticket_id: int) -> bool:
    """The question stands before the customer: no mail follows. False when nothing is asked of him.

    Event satisfaction-survey-sent, once.
    """
    row = await work.db.fetchrow(OF_TICKET, work.account.id, ticket_id, work.now)
    if row is None or row["score"] is not None:
        return False
    if row["sent_datetime"] is None:
        await surveys.update(work, row["id"], {"sent_datetime": work.now})
    return True


async def rate(work: Work, ticket_id: int, score: int, comment: str) -> None:
    """The customer's answer for a ticket closed lately, as `answer`; 404 when nothing was asked, 400."""
    row = await work.db.fetchrow(OF_TICKET, work.account.id, ticket_id, work.now)
    if row is None:
        raise errors.NotFound
    sent = row["sent_datetime"] or work.now
    await _note(work, _asked(work, row), score, comment, sent_datetime=sent)


def _asked(work: Work, row: Any) -> Asked:
    changeable = row["scored_datetime"] is None or work.now < row["scored_datetime"] + CHANGED
    return Asked(row["id"], row["score"], row["body_text"], row["language"], changeable)
