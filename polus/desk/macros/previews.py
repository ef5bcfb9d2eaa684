"""A macro as the composer shows it before it is sent: its text filled for the ticket, its actions as chips in English."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, html
from polus.desk import actions
from polus.desk.macros import applying, filling
from polus.lang import actions as vocabulary
from polus.lang import say
from polus.lang.nodes import Reference
from polus.lang.refused import Refused
from polus.store.work import Work

NAMES = """
select 'User' as kind, id, name from users where account_id = $1 and 'User:' || id = any($2::text[])
union all select 'Team', id, name from teams where account_id = $1 and 'Team:' || id = any($2::text[])
union all select 'Tag', id, name from tags where account_id = $1 and 'Tag:' || id = any($2::text[])
union all select 'Integration', id, name from integrations where account_id = $1 and 'Integration:' || id = any($2::text[])
union all select 'Macro', id, name from macros where account_id = $1 and 'Macro:' || id = any($2::text[])
union all select 'Custom field', id, label as name from custom_fields where account_id = $1 and 'Custom field:' || id = any($2::text[])
"""
SHOWN = "select id, name, language, actions::text as actions, archived_datetime from macros where account_id = $1 and id = $2"
NAMED = {"assignee_user": "User", "assignee_team": "Team"}


class Chip(msgspec.Struct, frozen=True):
    """One action: its English with variables filled, and what is sent when it stays (`action`, as the macro has it).

    `external`: it calls the outside before the message may go. `problem`: why its variables cannot be filled.
    """

    sentence: str
    action: dict[str, Any]
    external: bool
    problem: str | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What applying the macro would put into the composer: empty texts when it has none.

    `language` is the macro's own. `chips` may be removed one by one; those that are left go with the message's
    `actions`, behind `said` (the text and the files, which the message itself carries).
    """

    macro_id: int
    name: str
    language: str | None
    body_text: str
    body_html: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    attachments: list[dict[str, Any]]
    chips: list[Chip]
    said: list[dict[str, Any]]


async def fill(work: Work, macro_id: int, ticket_id: int) -> Preview:
    """The macro filled for the ticket and the acting user; 404, 301, 409 when it is archived. Changes nothing."""
    row = await work.db.fetchrow(SHOWN, work.account.id, macro_id)
    if row is None:
        raise errors.NotFound
    if row["archived_datetime"] is not None:
        raise errors.Conflict(None, "The macro is archived.")
    values = await filling.of_ticket(work, ticket_id)
    held = [dict(action) for action in applying.holding(msgspec.json.decode(row["actions"]))]
    filled = [_filled(values, action) for action in held]
    names = await named(work, [reference for found, _ in filled for reference in references(found)])
    text: Mapping[str, Any] = {}
    attached: list[dict[str, Any]] = []
    chips, said = [], []
    for action, (found, problem) in zip(held, filled, strict=True):
        key = action["name"].lower()
        if key == applying.ANSWER:
            text = found
        elif key == applying.ATTACH:
            attached += applying.files(found)
        else:
            sentence = say.chip(action["name"], found, names)
            chips.append(Chip(sentence, action, vocabulary.is_external(action["name"]), problem))
            continue
        said.append(action)
    bodies = actions.bodies(text) if text else {}
    return Preview(
        macro_id=row["id"],
        name=row["name"],
        language=row["language"],
        body_text=bodies.get("body_text", ""),
        body_html=bodies.get("body_html", html.from_text("")),
        to=_addresses(text, "to"),
        cc=_addresses(text, "cc"),
        bcc=_addresses(text, "bcc"),
        attachments=attached,
        chips=chips,
        said=said,
    )


def _addresses(text: Mapping[str, Any], key: str) -> list[str]:
    return [found["address"] for found in actions.recipients(text, key)]


def _filled(values: filling.Filling, action: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    try:
        return values.arguments(action["name"], action.get("arguments") or {}), None
    except Refused as refused:
        return {}, str(refused)


def references(arguments: Mapping[str, Any]) -> list[Reference]:
    """The people and fields that filled arguments name."""
    found: list[tuple[str, Any]] = []
    for key, value in arguments.items():
        if key in NAMED and isinstance(value, Mapping):
            found.append((NAMED[key], value.get("id")))
        elif key == "custom_field_id":
            found.append(("Custom field", value))
        elif key in ("macro", "macro_id"):
            found.append(("Macro", value))
    return [Reference(kind, int(id_)) for kind, id_ in found if str(id_).isdecimal()]


async def named(work: Work, wanted: Sequence[Reference]) -> dict[Reference, str]:
    """The names of what code or actions refer to by id; no statement when they refer to nothing."""
    keys = [f"{kind}:{key}" for kind, key in wanted if isinstance(key, int)]
    if not keys:
        return {}
    rows = await work.db.fetch(NAMES, work.account.id, keys)
    return {Reference(row["kind"], row["id"]): row["name"] for row in rows}
