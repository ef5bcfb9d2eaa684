"""The code of rules: read, checked against the account's fields, tags, people and macros, and what it names.

The language is in `polus.lang`; what an account has is told by `filters`.
"""

import msgspec

from polus.base import errors
from polus.desk import filters
from polus.desk.macros import previews
from polus.lang import bind, parse, say, tree
from polus.lang.refused import Refused
from polus.lang.say import Line
from polus.store.work import Work


class Code(msgspec.Struct, frozen=True):
    """Code that may be stored: its tree as JSON text, and what it names (`Macro:41`), sorted."""

    ast: str
    names: list[str]


async def check(work: Work, text: str, *, active: bool) -> Code:
    """Read the code of a rule; 400 on `code` with all that is wrong.

    Only the grammar must hold for a rule that is switched off, so that rules from elsewhere can be stored before what
    they name is there.
    """
    try:
        program = parse.code(text)
        reading = bind.rule(program, await filters.definitions(work, text))
        if active:
            reading.accept(await filters.missing(work, filter(filters.must_exist, reading.references)))
    except Refused as refused:
        raise errors.Invalid({"code": refused.messages}) from None
    return Code(tree.encode(program), sorted(f"{kind}:{key}" for kind, key in reading.references))


async def read_aloud(work: Work, text: str) -> list[Line]:
    """What the code says, line by line in plain English; nothing while it is wrong."""
    try:
        reading = bind.rule(parse.code(text), await filters.definitions(work, text))
        meaning = reading.accept()
    except Refused:
        return []
    return say.rule(meaning, await previews.named(work, list(reading.references)))
