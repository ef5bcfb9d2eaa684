"""Trying templates: `/api/_polus/templates/try`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from polus.api.fields import Id
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import templates
from polus.lang.template import LONGEST
from polus.store.work import Work

TAG = "Templates"


class TemplateInput(msgspec.Struct, forbid_unknown_fields=True):
    """A template, and the ticket that fills it. `target`: what the result becomes part of: an HTML body, a plain one,
    a single line (subjects, names, headers), an address, or a text in JSON or a form."""

    template: Annotated[str, Meta(max_length=LONGEST)]
    ticket_id: Id
    target: Literal["html", "text", "line", "url", "leaf"] = "text"


class TemplateVariable(msgspec.Struct):
    """What one variable gave."""

    source: str
    path: str
    value: Any
    text: str
    missing: bool
    unknown_filters: list[str]


class TemplateTried(msgspec.Struct):
    """The filled template, and its variables in their order."""

    result: str
    variables: list[TemplateVariable]


@operation(
    "POST", "/api/_polus/templates/try", id="try-template", scope="tickets:read", role="lite-agent",
    body=TemplateInput, answer=TemplateTried, writes=False, tag=TAG, failure="Failed to fill template",
)  # fmt: skip
async def attempt(work: Work, call: Call[NoQuery, TemplateInput]) -> bytes:
    """Try a template.

    Filled as macros, rules, surveys and HTTP integrations are, for the ticket and the caller; nothing is changed or sent.
    """
    body = call.body
    tried = await templates.attempt(work, body.template, body.ticket_id, body.target)
    return wire.encode(tried).encode()
