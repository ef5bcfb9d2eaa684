"""The code of rules: read, checked against the account's fields, tags, people and macros, and what it names.

The language is in `polus.lang`; what an account has is told by `filters`.
"""

import msgspec

from polus.base import errors
from polus.desk import filters
from polus.lang import bind, parse, tree
from polus.lang.refused import Refused
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
