"""A contact form: made, found by the public key in its address, what it asks for. What is sent is in `submissions`."""

import secrets
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from polus.base import addresses, errors, wire
from polus.store.work import Work

# wire: of the types that the reference's lists name, the one for what customers do themselves
TYPE = "self_service"
KEY_BYTES = 12
NAME_LENGTH = 100
TEXT_LENGTH = 500
MOST_FIELDS = 10
MOST_SUBJECTS = 20
MOST_ORIGINS = 20
TOO_MANY_FIELDS = f"At most {MOST_FIELDS} fields."
WRONG_FIELDS = "Only text, number and choice fields of tickets that are in use and not managed."

ADD = """
insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
values ($1, 'self_service', $2, $3, $4, $4) returning id
"""
_FORM = """
select i.id, i.name, i.meta::text as meta, i.deactivated_datetime is not null as off
from integrations i where i.account_id = $1 and i.type = 'self_service' and i.meta ? 'key'
"""
FIND = _FORM + " and i.meta->>'key' = $2"
GET = _FORM + " and i.id = $2"
ALL = _FORM + " order by i.id"
UPDATE = """
update integrations set name = $3, meta = $4, updated_datetime = $5
where account_id = $1 and id = $2 and type = 'self_service'
"""
# The ticket fields that outsiders may fill in, in the order in which the form lists them.
FIELDS = """
select f.id, f.label, f.description, f.required, f.definition::text as definition
from custom_fields f join unnest($2::bigint[]) with ordinality as g (id, place) on g.id = f.id
where f.account_id = $1 and f.object_type = 'Ticket' and f.deactivated_datetime is null and f.managed_type is null
order by g.place
"""
OFFERED = """
select id, label from custom_fields
where account_id = $1 and object_type = 'Ticket' and deactivated_datetime is null and managed_type is null
order by priority, id
"""


class Look(msgspec.Struct, kw_only=True):
    """What an administrator chooses. `subjects`: choices instead of a free subject; `fields`: ids of ticket fields.

    `origins`: the pages that may frame it; none given means all.
    """

    intro: str = ""
    thanks: str = ""
    channel: Literal["contact_form", "help-center"] = "contact_form"
    subjects: list[str] = []
    fields: list[int] = []
    files: bool = True
    origins: list[str] = []


class Field(msgspec.Struct, frozen=True):
    """A ticket field of the form."""

    id: int
    label: str
    description: str | None
    required: bool
    definition: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the input."""
        return f"field-{self.id}"

    @property
    def choices(self) -> list[Any]:
        """None for a field that is typed in."""
        return list(self.definition["input_settings"].get("choices") or [])


class Form(msgspec.Struct, frozen=True):
    """One contact form of an account."""

    id: int
    name: str
    key: str
    look: Look
    off: bool


async def add(work: Work, name: str, look: Look | None = None) -> int:
    """A new form; its id. 400. Event integration-created."""
    name = name.strip()[:NAME_LENGTH] or "Contact"
    meta = {"key": secrets.token_hex(KEY_BYTES), **await _checked(work, look or Look())}
    form_id: int = await work.db.fetchval(ADD, work.account.id, name, wire.encode(meta), work.now)
    work.record("integration-created", "Integration", form_id, {"name": name})
    return form_id


async def change(work: Work, form: Form, name: str, look: Look) -> None:
    """Change name and looks. 400. Event integration-updated."""
    name = name.strip()[:NAME_LENGTH] or form.name
    meta = {"key": form.key, **await _checked(work, look)}
    await work.db.execute(UPDATE, work.account.id, form.id, name, wire.encode(meta), work.now)
    work.record("integration-updated", "Integration", form.id, {"name": [form.name, name]})


async def _checked(work: Work, look: Look) -> dict[str, Any]:
    problems: dict[str, Any] = {}
    for name in ("intro", "thanks"):
        if len(getattr(look, name)) > TEXT_LENGTH:
            problems[name] = [errors.too_long(TEXT_LENGTH)]
    if len(look.subjects) > MOST_SUBJECTS or any(len(one) > NAME_LENGTH for one in look.subjects):
        problems["subjects"] = [f"At most {MOST_SUBJECTS}, each of at most {NAME_LENGTH} characters."]
    if len(look.fields) > MOST_FIELDS:
        problems["fields"] = [TOO_MANY_FIELDS]
    elif len(await fields(work, look.fields)) != len(set(look.fields)):
        problems["fields"] = [WRONG_FIELDS]
    origins = [addresses.origin(one) for one in look.origins if one.strip()]
    if None in origins or len(origins) > MOST_ORIGINS:
        problems["origins"] = [f"At most {MOST_ORIGINS} addresses like https://shop.example."]
    if problems:
        raise errors.Invalid(problems)
    built: dict[str, Any] = msgspec.to_builtins(look)
    return {**built, "origins": origins}


async def find(work: Work, key: str) -> Form:
    """The form of a public key; 404 when there is none or it is off."""
    row = await work.db.fetchrow(FIND, work.account.id, key)
    if row is None or row["off"]:
        raise errors.NotFound
    return _form(row)


async def get(work: Work, form_id: int) -> Form:
    """The form, also when it is off; 404."""
    row = await work.db.fetchrow(GET, work.account.id, form_id)
    if row is None:
        raise errors.NotFound
    return _form(row)


async def all_of(work: Work) -> list[Form]:
    """The account's forms, those that are off too."""
    return [_form(row) for row in await work.db.fetch(ALL, work.account.id)]


def _form(row: Any) -> Form:
    meta = msgspec.json.decode(row["meta"])
    look = msgspec.convert({name: meta[name] for name in Look.__struct_fields__ if name in meta}, Look)
    return Form(row["id"], row["name"], meta["key"], look, row["off"])


async def fields(work: Work, ids: Sequence[int]) -> list[Field]:
    """The fields of these ids that a form may ask for."""
    rows = await work.db.fetch(FIELDS, work.account.id, list(ids)) if ids else []
    return [
        Field(
            row["id"],
            row["label"],
            row["description"],
            row["required"],
            msgspec.json.decode(row["definition"]),
        )
        for row in rows
    ]


async def offered(work: Work) -> list[Any]:
    """The ids and labels of all fields that a form may ask for."""
    return list(await work.db.fetch(OFFERED, work.account.id))
