"""Trying a template: filled for a ticket as macros, rules, surveys and calls fill it, with what each variable gave."""

from typing import Any

import msgspec

from polus.base import errors, text, wire
from polus.desk import surveying
from polus.desk.macros import filling
from polus.lang.refused import Refused
from polus.lang.template import Filled, Target
from polus.store.work import Work

TARGETS = tuple(target.value for target in Target)
MOST_SHOWN = 2_000
"""Characters of a value that are shown."""


class Tried(msgspec.Struct, frozen=True):
    """The result and its variables in their order: `source` as written, `value` found (null when missing, cut when
    long), `text` put in, `missing` when nothing was there, `unknown_filters` that did nothing."""

    result: str
    variables: list[dict[str, Any]]


async def attempt(work: Work, source: str, ticket_id: int, target: str) -> Tried:
    """Fill the template for the ticket as the acting user; nothing is changed. 400 on `template` or `ticket_id`."""
    url = work.account.base_url + surveying.PATH + "example"
    try:
        filler = await filling.of_ticket(work, ticket_id, {"satisfaction_survey_url": url})
    except (errors.NotFound, errors.Merged):
        raise errors.one("ticket_id", errors.MISSING_OBJECT) from None
    try:
        result, filled = filler.explain(source, Target(target))
    except Refused as refused:
        raise errors.Invalid({"template": list(refused.messages)}) from None
    return Tried(result, [_told(one) for one in filled])


def _told(one: Filled) -> dict[str, Any]:
    written = wire.encode(one.found)
    value = one.found if len(written) <= MOST_SHOWN else text.excerpt(written)
    return {
        "source": one.source,
        "path": one.path,
        "value": value,
        "text": one.text[:MOST_SHOWN],
        "missing": one.found is None or one.found in ("", [], {}),
        "unknown_filters": list(one.unknown_filters),
    }
