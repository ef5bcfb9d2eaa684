"""Tags in the words of macros, rules and views: who speaks of one, and new names written everywhere at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.macros import macros, wording
from polus.desk.rules import rules
from polus.desk.views import views
from polus.lang import actions, parse, rewrite
from polus.store.work import Work

# Actions whose argument `tags` names tags.
ACTIONS = ("addtags", "removetags", "settags")
MACROS = "select id, name, actions from macros where account_id = $1 and actions::text ilike '%tags\"%' order by name"
RULES = (
    "select id, name, code from rules where account_id = $1 and names && $2::text[] order by name for update"
)


def _names_of(given: Sequence[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    for action in ACTIONS:
        for arguments in wording.arguments_of(given, action):
            try:
                found.update(actions.tag_names(arguments.get("tags")))
            except ValueError:
                continue
    return found


def _keys(ids: Sequence[int], names: Sequence[str]) -> list[str]:
    return ["Tag:" + str(key) for key in (*ids, *names)]


async def require_unused(work: Work, ids: Sequence[int], names: Sequence[str]) -> None:
    """409 with the names of the rules and macros that speak of one of these tags."""
    wanted = set(names)
    using = {
        "rules": [row["name"] for row in await work.db.fetch(RULES, work.account.id, _keys(ids, names))],
        "macros": [
            row["name"]
            for row in await work.db.fetch(MACROS, work.account.id)
            if wanted & _names_of(msgspec.json.decode(row["actions"]))
        ],
    }
    data = {kind: found for kind, found in using.items() if found}
    if data:
        raise errors.InUse(data)


async def rename(work: Work, renamed: Mapping[str, str]) -> None:
    """Write the new names of tags into every macro, rule and view that has an old one. Their own events tell it."""
    for row in await work.db.fetch(MACROS, work.account.id):
        given = msgspec.json.decode(row["actions"])
        if _names_of(given) & renamed.keys():
            await macros.update(work, row["id"], {"actions": [_action(action, renamed) for action in given]})
    for row in await work.db.fetch(RULES, work.account.id, _keys((), list(renamed))):
        code = rewrite.code(row["code"], parse.code(row["code"]), renamed)
        await rules.update(work, row["id"], {"code": code}, reworded=True)
    await views.rename_tags(work, renamed)


def _action(action: dict[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    tags = action["arguments"].get("tags")
    if action["name"].lower() not in ACTIONS or tags is None:
        return action
    if isinstance(tags, str):
        new: Any = rewrite.names(tags, renamed)
    elif isinstance(tags, list):
        new = list(dict.fromkeys(renamed.get(tag, tag) if isinstance(tag, str) else tag for tag in tags))
    else:
        return action
    return {**action, "arguments": {**action["arguments"], "tags": new}}
