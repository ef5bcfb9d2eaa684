"""A contact form: made, found by the public key in its address, what it asks for. What is sent is in `submissions`."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from polus.base import errors
from polus.channels import shopfronts
from polus.channels.shopfronts import Front, Kind
from polus.store.work import Work

# wire: of the types that the reference's lists name, the one for what customers do themselves
TYPE = "self_service"
MOST_FIELDS = 10
MOST_SUBJECTS = 20
TOO_MANY_FIELDS = f"At most {MOST_FIELDS} fields."
WRONG_FIELDS = "Only text, number and choice fields of tickets that are in use and not managed."

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


Form = Front[Look]
KIND = Kind(TYPE, Look)


async def add(work: Work, name: str, look: Look | None = None) -> int:
    """A new form; its id. 400. Event integration-created."""
    return await KIND.add(work, name.strip() or "Contact", await _checked(work, look or Look()))


async def change(work: Work, form: Form, name: str, look: Look) -> None:
    """Change name and looks. 400. Event integration-updated."""
    await KIND.change(work, form, name, await _checked(work, look))


async def _checked(work: Work, look: Look) -> Look:
    problems = shopfronts.problems(look, ("intro", "thanks"))
    if len(look.subjects) > MOST_SUBJECTS or any(len(one) > shopfronts.NAME_LENGTH for one in look.subjects):
        problems["subjects"] = [
            f"At most {MOST_SUBJECTS}, each of at most {shopfronts.NAME_LENGTH} characters."
        ]
    if len(look.fields) > MOST_FIELDS:
        problems["fields"] = [TOO_MANY_FIELDS]
    elif len(await fields(work, look.fields)) != len(set(look.fields)):
        problems["fields"] = [WRONG_FIELDS]
    if problems:
        raise errors.Invalid(problems)
    return msgspec.structs.replace(look, origins=shopfronts.origins(look))


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
