"""Blots card numbers out of what is about to be stored, where the account wants that (`base.cards` finds them).

The setting is only asked for when there is a number: nearly never.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from polus.base import cards
from polus.desk import letter_settings
from polus.store.work import Work

# Headers of a mail that repeat its words; all others are ids, routes and signatures, which must stay as they are.
SPOKEN = frozenset(("subject", "thread-topic", "comments", "keywords", "x-original-subject"))

FIELDS = (
    "subject",
    "body_text",
    "body_html",
    "stripped_text",
    "stripped_html",
    "stripped_signature",
    "attachments",
    "headers",
)
MARK = "card_numbers_removed"


async def values(work: Work, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a message's or ticket's fields that must be changed, with their new values; empty when none must.

    Reads subjects, texts, HTML (`…_html`), the names of `attachments` and the `headers` that hold words.
    """
    changed = {name: new for name, old in given.items() if (new := _redacted(name, old)) != old}
    return changed if changed and await letter_settings.redacts(work) else {}


async def draft(work: Work, draft: Any) -> None:
    """A message before it is stored; its `meta` tells that something was taken out."""
    changed = await values(work, {name: getattr(draft, name) for name in FIELDS})
    for name, value in changed.items():
        setattr(draft, name, value)
    if changed:
        draft.meta = {**(draft.meta or {}), MARK: True}


async def names(work: Work, given: Sequence[str]) -> list[str]:
    """Names of files."""
    changed = [cards.redact(name) for name in given]
    return changed if changed != list(given) and await letter_settings.redacts(work) else list(given)


def _redacted(name: str, value: Any) -> Any:
    if not value:
        return value
    if name == "attachments":
        return [{**file, "name": cards.redact(file["name"])} if file.get("name") else file for file in value]
    if name == "headers":
        return {key: _spoken(key, text) for key, text in value.items()}
    if not isinstance(value, str):
        return value
    return cards.redact_html(value) if name.endswith("_html") else cards.redact(value)


def _spoken(header: str, value: Any) -> Any:
    return cards.redact(value) if header.lower() in SPOKEN and isinstance(value, str) else value
