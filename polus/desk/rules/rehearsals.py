"""The stage of a trial: a copy of a ticket on which rules act as they would have acted, while nothing is written.

What an action comes to is decided by the same code as live, as far as it only looks (`desk.actions`, `lifecycle`,
`drafts`, `replies`); what it does to the ticket is done to the copy.
"""

import datetime
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from polus.base import clock, errors
from polus.desk import actions, field_values
from polus.desk.actions import NO_CHANGE, SUCCESS, Outcome, Skipped
from polus.desk.rules import acting, live
from polus.desk.rules.histories import Cause, Faces, Json
from polus.desk.rules.runs import Outcome as Told
from polus.desk.rules.runs import Run
from polus.desk.rules.sights import State
from polus.desk.tickets import drafts, labels, lifecycle, people
from polus.desk.tickets.bulk import said
from polus.desk.tickets.drafts import Draft
from polus.store.work import Work

# Written in this or another ticket before the rules of the cause ran.
RECENT = """
select exists (select from messages where account_id = $1 and receiver_id = $2 and rule_id is not null and public
  and from_agent and created_datetime > $3 and created_datetime < $4)
"""
MAILED = """
select count(*) from events where account_id = $1 and ticket_id = $2 and type = 'action-executed' and id < $3
  and created_datetime > $4::timestamptz - interval '1 day'
  and data->>'status' = 'success' and data->>'name' in ('sendEmail', 'forwardMessage')
"""
HAPPENED = """
select exists (select from events where account_id = $1 and ticket_id = $2 and type = $3 and id < $4)
"""
TAGS = "select id, name from tags where account_id = $1 and name = any($2::text[])"
MAILING = ("sendEmail", "forwardMessage")
COLUMNS = ("status", "priority", "subject", "assignee_user_id", "assignee_team_id")
MOMENTS = ("snooze_datetime", "closed_datetime", "trashed_datetime")


class Acted(msgspec.Struct):
    """One action of a run as it would be told by action-executed."""

    rule_id: int
    name: str
    arguments: Mapping[str, Any]
    status: str
    reason: str | None
    macro_id: int | None
    message_id: int | None


class Ran(msgspec.Struct):
    """One run as rule-executed would tell it, and its actions."""

    rule_id: int
    data: Mapping[str, Any]
    acted: list[Acted]


class Rehearsal:
    """`runs`: the runs that did something or were stopped, in order."""

    def __init__(self, work: Work, state: State, cause: Cause, known: Faces) -> None:
        self.work, self.ticket_id, self.now = work, cause.ticket_id, cause.now
        self.runs: list[Ran] = []
        self._acted: list[Acted] = []
        self._state, self._cause, self._known = state, cause, known
        self._names, self._told_once = list(cause.written), set[str]()
        self._nameless, self._answered = 0, False
        # Verbs that only look ask `work` for the moment.
        work.now = cause.now

    async def state(self) -> State:
        return self._state

    async def hold(self) -> None:
        """Nobody else is here."""

    @asynccontextmanager
    async def attempt(self, rule_id: int) -> AsyncIterator[None]:
        before, acted, answered = self._state, len(self._acted), self._answered
        try:
            yield
        except BaseException:
            self._state, self._answered = before, answered
            del self._acted[acted:]
            raise

    async def deepen(self, level: int) -> None:
        """The levels are told by the runs."""

    def told(self, rule_id: int, data: Mapping[str, Any]) -> None:
        done = sum(len(ran.acted) for ran in self.runs)
        self.runs.append(Ran(rule_id, data, self._acted[done:]))

    async def carry_out(self, run: Run, name: str, arguments: Mapping[str, Any]) -> Told:
        return await acting.carry_out(self, live.OWN, run, name, arguments)

    # Hands

    async def tried(self, name: str, doing: Callable[[], Awaitable[Outcome]]) -> Outcome:
        before, answered = self._state, self._answered
        try:
            return await doing()
        except Skipped as reason:
            outcome = Outcome("skipped", str(reason))
        except errors.Refusal as refusal:
            outcome = Outcome("error", said(refusal))
        except ValueError as reason:
            outcome = Outcome("error", str(reason))
        except (LookupError, TypeError):
            outcome = Outcome("error", actions.INTERNAL)
        self._state, self._answered = before, answered
        return outcome

    async def perform(self, run: Run, name: str, arguments: Mapping[str, Any]) -> Outcome:
        key = name.lower()
        if key in actions.SETS:
            return await self._set(await actions.SETS[key](self.work, arguments))
        if key in actions.EXCLUDES:
            return await self._exclude(actions.EXCLUDES[key])
        own = DRY.get(key)
        if own is not None:
            return await own(self, arguments)
        return actions.NO_CONNECTOR if key in actions.RUN else actions.UNKNOWN

    async def paused(self, run: Run, since: datetime.datetime) -> bool:
        if self._answered:
            return True
        customer_id = self._state.ticket["customer"]["id"]
        account = self.work.account.id
        return bool(await self.work.db.fetchval(RECENT, account, customer_id, since, self.now))

    async def mailed(self, run: Run) -> int:
        before = await self.work.db.fetchval(
            MAILED, self.work.account.id, self.ticket_id, self._cause.cut, self.now
        )
        return int(before) + sum(one.name in MAILING and one.status == "success" for one in self._acted)

    async def write(self, draft: Draft) -> int:
        ticket = self._state.ticket
        if draft.by_email:
            received = [one for one in ticket["messages"] if not one["from_agent"] and one["integration_id"]]
            by = received[-1]["integration_id"] if received else None
            await drafts.address(self.work, draft, ticket["customer"]["id"], by)
        message = self._message(draft, self._id())
        changes: Json = {"messages": [*ticket["messages"], message]}
        if not draft.note:
            changes["last_message_datetime"] = message["created_datetime"]
            self._answered = True
        self._change(changes)
        return message["id"]  # type: ignore[no-any-return]

    async def notify(self, address: str, subject: str, text: str) -> None:
        """Nothing leaves."""

    async def used(self, run: Run, macro_id: int) -> None:
        """Nothing is counted."""

    def tell(
        self, run: Run, name: str, arguments: Mapping[str, Any], outcome: Outcome, macro_id: int | None
    ) -> None:
        told = (name, arguments, outcome.status, outcome.reason, macro_id, run.message_id)
        self._acted.append(Acted(run.rule_id, *told))

    # The copy

    def _change(self, changes: Mapping[str, Any]) -> None:
        ticket = {**self._state.ticket, **changes, "updated_datetime": clock.text(self.now)}
        self._state = msgspec.structs.replace(self._state, ticket=ticket)

    def _id(self) -> int:
        """The id that the message got live, when the same was written then; else one that no message has."""
        if self._names:
            return self._names.pop(0)
        self._nameless -= 1
        return self._nameless

    def _message(self, draft: Draft, id_: int) -> Json:
        now, customer = clock.text(self.now), self._state.ticket["customer"]
        bot = self._known.users.get(self._state.bot_id, {"id": self._state.bot_id})
        empty = dict.fromkeys(EMPTY)
        told = {name: getattr(draft, name) for name in SAID}
        return (
            empty
            | told
            | {
                "id": id_,
                "public": not draft.note,
                "source": drafts.source_of(draft),
                "sender": {key: bot.get(key) for key in PERSON},
                "receiver": None if draft.note else {key: customer.get(key) for key in PERSON},
                "intents": [],
                "mention_ids": [],
                "headers": {},
                "imported": False,
                "created_datetime": now,
                "sent_datetime": None if draft.unsent else now,
            }
        )

    async def _set(self, given: Mapping[str, Any]) -> Outcome:
        ticket = self._state.ticket
        old = {name: ticket[name] for name in COLUMNS} | {"imported": ticket["imported"]}
        for name in MOMENTS:
            old[name] = None if ticket[name] is None else clock.parse(ticket[name])
        if all(old[name] == value for name, value in given.items()):
            return NO_CHANGE
        assignees = {name: value for name, value in given.items() if name.startswith("assignee_")}
        await people.require_assignees(self.work, assignees)
        new = {**old, **lifecycle.after(old, given, self.now)}
        changes: Json = {name: new[name] for name in COLUMNS}
        changes |= {name: None if new[name] is None else clock.text(new[name]) for name in MOMENTS}
        user, team = new["assignee_user_id"], new["assignee_team_id"]
        changes["assignee_user"] = None if user is None else self._known.users.get(user)
        changes["assignee_team"] = None if team is None else self._known.teams.get(team)
        self._change(changes)
        return SUCCESS

    async def _exclude(self, kind: str) -> Outcome:
        told = (self.work.account.id, self.ticket_id, kind, self._cause.cut)
        if kind in self._told_once or await self.work.db.fetchval(HAPPENED, *told):
            return NO_CHANGE
        self._told_once.add(kind)
        return SUCCESS

    async def _tags(self, wanted: Mapping[str, Json | None]) -> Outcome:
        """Exactly these tags; those whose value is None are looked up, or would have been made."""
        ids = self._known.tags
        new = [name for name, tag in wanted.items() if tag is None and name not in ids]
        if new:
            rows = await self.work.db.fetch(TAGS, self.work.account.id, new)
            ids.update(dict.fromkeys(new))
            ids.update({row["name"]: row["id"] for row in rows})
        tags = {
            name: tag or {"id": ids.get(name), "name": name, "decoration": {}} for name, tag in wanted.items()
        }
        if len(tags) > labels.MOST:
            raise errors.one("names", errors.too_long(labels.MOST))
        self._change({"tags": [tags[name] for name in sorted(tags)]})
        return SUCCESS

    @property
    def _present(self) -> dict[str, Json | None]:
        return {tag["name"]: tag for tag in self._state.ticket["tags"]}

    async def _add_tags(self, arguments: Mapping[str, Any]) -> Outcome:
        present = self._present
        new = [name for name in actions.names(arguments) if name not in present]
        return await self._tags(present | dict.fromkeys(new)) if new else NO_CHANGE

    async def _remove_tags(self, arguments: Mapping[str, Any]) -> Outcome:
        present, named = self._present, actions.names(arguments)
        left = {name: tag for name, tag in present.items() if name not in named}
        return await self._tags(left) if len(left) < len(present) else NO_CHANGE

    async def _set_tags(self, arguments: Mapping[str, Any]) -> Outcome:
        present, wanted = self._present, actions.names(arguments)
        if set(wanted) == set(present):
            return NO_CHANGE
        return await self._tags({name: present.get(name) for name in wanted})

    async def _set_value(self, arguments: Mapping[str, Any]) -> Outcome:
        old = self._state.ticket.get("custom_fields") or {}
        wanted = [actions.field_value(arguments)]
        self._change(
            {"custom_fields": await field_values.changed(self.work, "Ticket", old, wanted, replace=False)}
        )
        return SUCCESS

    async def _set_customer_value(self, arguments: Mapping[str, Any]) -> Outcome:
        customer = self._state.ticket["customer"]
        old, wanted = customer.get("custom_fields") or {}, [actions.field_value(arguments)]
        new = await field_values.changed(self.work, "Customer", old, wanted, replace=False)
        self._change({"customer": {**customer, "custom_fields": new}})
        return SUCCESS

    async def _delete(self, _arguments: Mapping[str, Any]) -> Outcome:
        if self._state.ticket["trashed_datetime"] is not None:
            raise Skipped(acting.ALREADY)
        self._change({"trashed_datetime": clock.text(self.now)})
        return SUCCESS


PERSON = ("id", "email", "name", "firstname", "lastname", "meta")
SAID = (
    "channel", "via", "from_agent", "subject", "body_text", "body_html", "stripped_text", "attachments",
    "integration_id", "rule_id",
)  # fmt: skip
EMPTY = ("message_id", "external_id", "meta", "opened_datetime", "failed_datetime", "actions")
DRY: dict[str, Callable[[Rehearsal, Mapping[str, Any]], Awaitable[Outcome]]] = {
    "addtags": Rehearsal._add_tags,
    "removetags": Rehearsal._remove_tags,
    "settags": Rehearsal._set_tags,
    "setcustomfieldvalue": Rehearsal._set_value,
    "setcustomercustomfieldvalue": Rehearsal._set_customer_value,
    "deleteticket": Rehearsal._delete,
}
