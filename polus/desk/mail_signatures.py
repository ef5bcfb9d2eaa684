"""What stands under agents' answers by e-mail: a signature for each address, with variables.

It is put under what people write in the workspace, when the message is stored, so that everybody sees what the customer
got. What programs and rules send stays as they give it.
"""

import re
from typing import Any

import msgspec
import structlog

from polus.base import errors, html, text
from polus.desk.macros import filling
from polus.desk.tickets.drafts import Draft, first_address
from polus.lang import template
from polus.lang.refused import Refused
from polus.lang.template import Target
from polus.store.work import Work

# The address's own, else that of its integration.
FIND = """
select s.enabled, s.body_html, s.body_text from mail_signatures s
join integrations i on i.account_id = s.account_id and i.id = s.integration_id
where s.account_id = $1 and s.integration_id = $2 and s.address in ($3, lower(i.meta->>'address'))
order by s.address = $3 desc limit 1
"""
GET = """
select enabled, body_html, body_text from mail_signatures
where account_id = $1 and integration_id = $2 and address = $3
"""
PUT = """
insert into mail_signatures (account_id, integration_id, address, enabled, body_html, body_text, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (account_id, integration_id, address) do update set enabled = excluded.enabled,
  body_html = excluded.body_html, body_text = excluded.body_text, updated_datetime = excluded.updated_datetime
"""
SIGNS = """
select s.enabled from mail_signatures s join integrations i on i.account_id = s.account_id and i.id = s.integration_id
where s.account_id = $1 and (s.address = $2 or (s.address = lower(i.meta->>'address') and exists (
  select from mail_aliases a where a.account_id = i.account_id and a.integration_id = i.id and lower(a.address) = $2)))
order by s.address = $2 desc limit 1
"""
WRITER = """
select json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'firstname', firstname(u.name),
  'lastname', lastname(u.name), 'bio', u.bio) from users u where u.account_id = $1 and u.id = $2
"""

LONGEST = 20_000
WRITTEN_IN_THE_WORKSPACE = "helpdesk"
log = structlog.get_logger(__name__)


class Signature(msgspec.Struct, frozen=True):
    """Two templates; the text is made of the HTML when there is none."""

    enabled: bool = False
    body_html: str = ""
    body_text: str = ""


async def get(work: Work, integration_id: int, address: str) -> Signature | None:
    """The signature of that very address, None when it has none of its own."""
    row = await work.db.fetchrow(GET, work.account.id, integration_id, address.lower())
    return row and Signature(**row)


async def put(work: Work, integration_id: int, address: str, new: Signature) -> None:
    """Change it; 400 on what is no template. Event integration-updated."""
    problems: dict[str, Any] = {}
    for name in ("body_html", "body_text"):
        source = getattr(new, name)
        try:
            template.parse(source)
        except Refused as refused:
            problems[name] = list(refused.messages)
        if len(source) > LONGEST:
            problems[name] = [errors.too_long(LONGEST)]
    if problems:
        raise errors.Invalid(problems)
    await work.db.execute(
        PUT, work.account.id, integration_id, address.lower(), *msgspec.structs.astuple(new), work.now
    )
    work.record("integration-updated", "Integration", integration_id, {"signature": True})


async def signs(work: Work, address: str) -> bool:
    """Whether something is put under what is written from the address."""
    return bool(await work.db.fetchval(SIGNS, work.account.id, address.lower()))


async def shown(work: Work, signature: Signature) -> str:
    """The HTML as the acting user would send it, without what only a ticket can fill; "" for what is no template."""
    found = await work.db.fetchval(WRITER, work.account.id, work.actor.user_id)
    context = {
        "current_user": found and msgspec.json.decode(found),
        "account": {"domain": work.account.domain},
    }
    try:
        return html.sanitise(template.render(_page(signature), context, Target.HTML))
    except Refused:
        return ""


async def put_under(work: Work, ticket_id: int, draft: Draft) -> None:
    """Put the signature of the address it goes out from under a message that somebody wrote in the workspace.

    Once: not when the words end with it already. A forwarded message stays below it.
    """
    sender = first_address(draft, "from")
    if draft.via != WRITTEN_IN_THE_WORKSPACE or draft.integration_id is None or sender is None:
        return
    row = await work.db.fetchrow(FIND, work.account.id, draft.integration_id, sender["address"].lower())
    if row is None or not row["enabled"]:
        return
    try:
        plain, rich = await _filled(work, ticket_id, Signature(**row))
    except Refused as refused:
        log.warning("a signature cannot be filled", problems=list(refused.messages))
        return
    _put(draft, plain, rich)


async def _filled(work: Work, ticket_id: int, signature: Signature) -> tuple[str, str]:
    filler = await filling.of_ticket(work, ticket_id)
    rich = html.sanitise(filler.text(_page(signature), Target.HTML))
    plain = filler.text(signature.body_text, Target.TEXT) if signature.body_text else html.to_text(rich)
    return text.unix_lines(text.clean(plain)).strip(), rich


def _page(signature: Signature) -> str:
    return signature.body_html or html.from_text(signature.body_text)


def _put(draft: Draft, plain: str, rich: str) -> None:
    body, page = draft.body_text or "", draft.body_html
    ends, page_ends = draft.own_words or (len(body), len(page or ""))
    if not plain or _squeezed(body[:ends]).endswith(_squeezed(plain)):
        return
    signed = body[:ends].rstrip() + "\n\n-- \n" + plain + body[ends:]
    draft.body_text = text.truncate(signed.lstrip("\n"))
    if page is not None:
        draft.body_html = text.truncate(
            page[:page_ends] + "<br><br><div>-- <br>" + rich + "</div>" + page[page_ends:]
        )


def _squeezed(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip().lower()
