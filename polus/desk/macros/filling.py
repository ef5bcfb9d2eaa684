"""Fills the variables in the arguments of actions, each for what it becomes part of."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.desk.tickets import tickets
from polus.lang import template
from polus.lang.template import Filled, Target
from polus.store.work import Work

TARGETS = {"body_html": Target.HTML, "body_text": Target.TEXT}
# Of calls to the outside; all else of them is JSON or a form.
CALL_TARGETS = {"url": Target.URL, "headers": Target.LINE, "method": Target.LINE, "content_type": Target.LINE}
# What may have several lines and is quoted by whoever writes it down.
LEAVES = ("value", "attachments")

AROUND = """
select (select json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'firstname', firstname(u.name),
    'lastname', lastname(u.name), 'bio', u.bio) from users u where u.account_id = $1 and u.id = $2) as current_user,
  (select s.data->>'timezone' from account_settings s where s.account_id = $1 and s.type = 'business-hours') as zone
"""


class Filling:
    """The values that texts are filled with at one moment."""

    def __init__(self, context: Mapping[str, Any], zone: str) -> None:
        self._context, self._zone = context, zone

    def arguments(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of action `name` with all variables filled; what is missing is empty. Raises Refused."""
        outside = name.lower() == "http"
        return {key: self._one(_target(key, outside=outside), value) for key, value in given.items()}

    def text(self, source: str, target: Target) -> str:
        """One text. Raises Refused."""
        return template.render(source, self._context, target, self._zone)

    def explain(self, source: str, target: Target) -> tuple[str, list[Filled]]:
        """One text, and what each of its variables gave. Raises Refused."""
        return template.explain(source, self._context, target, self._zone)

    def _one(self, target: Target, value: Any) -> Any:
        if target is Target.LEAF:
            return template.leaves(value, self._context, self._zone)
        if isinstance(value, str):
            return self.text(value, target)
        if isinstance(value, list):
            return [self._one(target, item) for item in value]
        if isinstance(value, Mapping):
            return {key: self._one(target, item) for key, item in value.items()}
        return value


def _target(key: str, *, outside: bool) -> Target:
    if outside:
        return CALL_TARGETS.get(key, Target.LEAF)
    return Target.LEAF if key in LEAVES else TARGETS.get(key, Target.LINE)


async def of_ticket(work: Work, ticket_id: int, more: Mapping[str, Any] | None = None) -> Filling:
    """What the acting user's texts are filled with on this ticket, and `more` roots; 404, 301."""
    ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
    row = await work.db.fetchrow(AROUND, work.account.id, work.actor.user_id)
    user = None if row["current_user"] is None else msgspec.json.decode(row["current_user"])
    context = {"ticket": ticket, "current_user": user, "account": {"domain": work.account.domain}}
    return Filling({**context, **(more or {})}, row["zone"] or "UTC")
