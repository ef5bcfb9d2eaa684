"""The rules that may run, with the meaning of their code: read once for each text, whoever asks."""

import functools
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.desk import filters
from polus.lang import bind, nodes, parse
from polus.lang.refused import Refused
from polus.lang.vocabulary import Definition
from polus.store.work import Work

ACTIVE = """
select id, name, code, string_to_array(event_types, ',') as event_types, priority from rules
where account_id = $1 and deactivated_datetime is null and event_types is not null order by priority desc, id
"""

Definitions = tuple[tuple[int, Definition], ...]


class Active(msgspec.Struct, frozen=True):
    """A rule that may run."""

    id: int
    code: nodes.Rule
    triggers: frozenset[str]
    name: str = ""
    priority: int = 0


async def rules(work: Work) -> list[Active]:
    """The account's active rules in the order in which they run."""
    rows = await work.db.fetch(ACTIVE, work.account.id)
    definitions = await known(work, [row["code"] for row in rows])
    found = [rule(row, definitions) for row in rows]
    return [one for one in found if one is not None]


async def known(work: Work, codes: Sequence[str]) -> Definitions:
    """The custom fields that these texts may name."""
    return tuple(sorted((await filters.definitions(work, " ".join(codes))).items()))


def rule(row: Any, definitions: Definitions) -> Active | None:
    """One row as a rule; None when its code cannot be read."""
    code = meaning(row["code"], definitions)
    if code is None:
        return None
    return Active(row["id"], code, frozenset(row["event_types"]), row["name"], row["priority"])


@functools.lru_cache(maxsize=2_000)
def meaning(text: str, definitions: Definitions) -> nodes.Rule | None:
    """The meaning of stored code; what it names and is gone is false. None when it cannot be read at all."""
    try:
        return bind.rule(parse.code(text), dict(definitions)).bound
    except Refused:
        return None
