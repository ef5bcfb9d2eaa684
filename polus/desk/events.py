"""Events: what happened in an account, kept for twelve months. They are written by `work.record`; here they are
named, listed, and removed when they are old.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from polus.base import errors
from polus.desk import listings
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work


class Kind(NamedTuple):
    """What one kind of event is about, and what it tells."""

    object_type: str
    meaning: str
    filterable: bool


# What each kind is about. Only these may be recorded.
FILTERABLE: dict[str, dict[str, str]] = {
    "Account": {
        "account-created": "The account was opened.",
        "account-deactivated": "The account was switched off.",
        "account-updated": "The account changed.",
    },
    "AccountSetting": {
        "account-setting-updated": "A setting of the account changed.",
    },
    "Ticket": {
        "action-executed": "A rule, macro or job carried out one action on the ticket.",
        "ticket-assigned": "The ticket was given to an agent.",
        "ticket-closed": "The ticket was closed.",
        "ticket-created": "A ticket was opened.",
        "ticket-customer-updated": "The ticket went to another customer.",
        "ticket-deleted": "The ticket was deleted.",
        "ticket-excluded-from-auto-merge": "The ticket is not merged automatically.",
        "ticket-excluded-from-csat": "The ticket gets no survey.",
        "ticket-marked-spam": "The ticket was marked as spam.",
        "ticket-merged": "Another ticket became part of this one.",
        "ticket-message-summary-created": "The conversation was summed up.",
        "ticket-reopened": "The ticket was opened again.",
        "ticket-satisfaction-survey-skipped": "No survey was sent for the ticket.",
        "ticket-self-unsnoozed": "The time of the snooze was over.",
        "ticket-sla-policy-assigned": "A service level applies to the ticket.",
        "ticket-snoozed": "The ticket was put aside until a moment.",
        "ticket-split": "The ticket was taken out of another one.",
        "ticket-subject-updated": "The subject changed.",
        "ticket-tags-added": "Tags were put on the ticket.",
        "ticket-tags-removed": "Tags were taken off the ticket.",
        "ticket-team-assigned": "The ticket was given to a team.",
        "ticket-team-unassigned": "The ticket was taken from its team.",
        "ticket-trashed": "The ticket was put in the trash.",
        "ticket-unassigned": "The ticket was taken from its agent.",
        "ticket-unmarked-spam": "The ticket is no spam after all.",
        "ticket-untrashed": "The ticket was taken out of the trash.",
        "ticket-updated": "The ticket changed.",
    },
    "CustomFieldCondition": {
        "custom-field-condition-created": "A condition between ticket fields was made.",
        "custom-field-condition-deleted": "A condition between ticket fields was deleted.",
        "custom-field-condition-disabled": "A condition between ticket fields was switched off.",
        "custom-field-condition-enabled": "A condition between ticket fields was switched on.",
        "custom-field-condition-updated": "A condition between ticket fields changed.",
    },
    "CustomField": {
        "custom-field-created": "A custom field was defined.",
        "custom-field-updated": "The definition of a custom field changed.",
    },
    "Customer": {
        "customer-created": "A customer was added.",
        "customer-deleted": "A customer was erased.",
        "customer-merged": "Another customer became part of this one.",
        "customer-updated": "A customer changed.",
    },
    "Integration": {
        "integration-created": "An integration was connected.",
        "integration-deactivated": "An integration was switched off.",
        "integration-deleted": "An integration was removed.",
        "integration-reactivated": "An integration was switched on again.",
        "integration-updated": "An integration changed.",
    },
    "Macro": {
        "macro-created": "A macro was written.",
        "macro-deleted": "A macro was deleted.",
        "macro-updated": "A macro changed.",
    },
    "Rule": {
        "rule-created": "A rule was written.",
        "rule-deleted": "A rule was deleted.",
        "rule-executed": "A rule ran and reached an action.",
        "rule-priority-updated": "The order of the rules changed.",
        "rule-updated": "A rule changed.",
    },
    "SatisfactionSurvey": {
        "satisfaction-survey-responded": "A customer answered a survey.",
        "satisfaction-survey-sent": "A survey was sent.",
    },
    "Tag": {
        "tag-created": "A tag was made.",
        "tag-deleted": "A tag was deleted.",
        "tag-merged": "Other tags became part of this one.",
        "tag-renamed": "A tag got another name.",
        "tag-updated": "A tag changed.",
    },
    "Team": {
        "team-created": "A team was made.",
        "team-deleted": "A team was deleted.",
        "team-updated": "A team changed.",
    },
    "TicketMessage": {
        "ticket-message-created": "A message came in, went out, or a note was written.",
        "ticket-message-deleted": "A message was deleted.",
        "ticket-message-failed": "A message could not be sent.",
        "ticket-message-updated": "A message changed.",
    },
    "User": {
        "user-2fa-changed": "A user's second factor changed.",
        "user-created": "A user was added.",
        "user-deleted": "A user was deleted.",
        "user-invited": "A user was invited.",
        "user-logged-in": "A user logged in.",
        "user-logged-out": "A user logged out.",
        "user-password-changed": "A user chose another password.",
        "user-password-reset": "A user asked for a new password.",
        "user-updated": "A user changed.",
    },
    "View": {
        "view-created": "A view was made.",
        "view-deactivated": "A view was switched off, because what it names is gone.",
        "view-deleted": "A view was deleted.",
        "view-updated": "A view changed.",
    },
    "Widget": {
        "widget-created": "A widget was made.",
        "widget-deleted": "A widget was deleted.",
        "widget-updated": "A widget changed.",
    },
}
# Kinds that the wire knows but does not let one filter by.
OTHERS: dict[str, dict[str, str]] = {
    "Account": {
        "app-approved": "A version of an app was approved: other accounts may connect it.",
        "app-code-reused": "A code of an app came a second time; the tokens made from it were taken back.",
        "app-connected": "A user let an app act, or let it do more.",
        "app-deleted": "An app was deleted.",
        "app-disconnected": "An app was disconnected: its tokens ended, what it had set up was switched off.",
        "app-recalled": "An app that was approved was taken back from everybody but its writer.",
        "app-registered": "An app was registered.",
        "app-returned": "A version of an app was sent back to its writer.",
        "app-secret-rotated": "An app got a new client secret.",
        "app-submitted": "A version of an app was handed in for review.",
        "app-updated": "An app changed.",
        "app-withdrawn": "A version of an app was taken back from review.",
    },
    "AccountSetting": {
        "account-setting-created": "A setting was given for the first time.",
    },
    "Integration": {
        "integration-used": "An integration was called.",
    },
    "Macro": {
        "macro-applied": "A macro was applied to a ticket.",
    },
    "Ticket": {
        "call-recording": "A call was recorded.",
        "completed-phone-call": "A call ended.",
        "declined-phone-call": "An agent did not take a call that rang for him.",
        "incoming-phone-call": "A customer called.",
        "missed-phone-call": "A call ended that nobody took, or an agent did not pick up.",
        "outgoing-phone-call": "An agent called a customer.",
        "phone-call-answered": "An agent and a customer talk.",
        "phone-call-dial-failed": "A call could not be made.",
        "ticket-sla-achieved": "The ticket was answered or closed in time.",
        "ticket-sla-breached": "The ticket was not answered or closed in time.",
        "voicemail-recording": "A caller left a message.",
    },
    "Rule": {
        "rule-deactivated": "A rule was switched off.",
        "rule-reactivated": "A rule was switched on again.",
    },
    "User": {
        "api-key-created": "An API key of the user was made.",
        "api-key-deleted": "An API key of the user was taken away.",
    },
}

KINDS: dict[str, Kind] = {
    name: Kind(object_type, meaning, table is FILTERABLE)
    for table in (FILTERABLE, OTHERS)
    for object_type, meanings in table.items()
    for name, meaning in meanings.items()
}

# wire: an event: {"id": 9, "context": "0b1c…", "data": null, "object_id": 3, "object_type": "Tag", …}
WIRE = """
json_build_object('id', id, 'context', context, 'created_datetime', wire(created_datetime), 'data', data,
  'object_id', object_id, 'object_type', object_type, 'type', type, 'user_id', user_id,
  'uri', '/api/events/' || id || '/')::text
"""

# Old events are never shown, also before they are removed.
KEPT = "interval '12 months'"

GET = (
    "select "
    + WIRE
    + " from events where account_id = $1 and id = $2 and created_datetime > $3::timestamptz - "
    + KEPT
)

LIST = "select {sort}, id, " + WIRE + " from events"
NEWEST = Order((("created_datetime", "datetime"),), True)

# Several types or users: a page out of each one's own index, then the first of those. `= any` would leave the
# planner to choose between sorting every such event and reading through all the others.
EACH = (
    "select {sort}, id, "
    + WIRE
    + """ from (
select e.* from unnest({values}) as given (value) cross join lateral (
  select * from events
"""
)
EACH_END = ") as e) as found {order}"

# Accounts one after the other, because the index of dates begins with the account. What still waits for a reaction
# stays until that has happened.
REMOVE_OLD = (
    """
with old as (
  select e.account_id, e.id from accounts a cross join lateral (
    select account_id, id from events
    where account_id = a.id and created_datetime < $1::timestamptz - """
    + KEPT
    + """
    order by created_datetime, id limit $2
  ) e
  where not exists (select from outbox o where o.account_id = e.account_id and o.event_id = e.id)
  limit $2
)
delete from events using old where events.account_id = old.account_id and events.id = old.id
"""
)


async def get(work: Work, event_id: int) -> str:
    """The event's wire form; 404, also when it is older than twelve months."""
    answer = await work.db.fetchval(GET, work.account.id, event_id, work.now)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


def listing(
    work: Work,
    *,
    object_type: str | None = None,
    object_id: int | None = None,
    types: Sequence[str] = (),
    user_ids: Sequence[int] = (),
) -> tuple[str, Statement, str]:
    """What `lists.page` needs to list events: select, statement and what follows. Each filter has an index."""
    statement = Statement(work.account.id)
    statement.where("account_id = $1")
    statement.where("created_datetime > $?::timestamptz - " + KEPT, work.now)
    if object_type is not None:
        statement.where("object_type = $?", object_type)
    if object_id is not None:
        statement.where("object_id = $?", object_id)
    many = ""
    given: tuple[tuple[str, Sequence[Any], str], ...] = (
        ("type", types, "text[]"),
        ("user_id", user_ids, "bigint[]"),
    )
    for column, values, kind in given:
        values = list(dict.fromkeys(values))
        if len(values) == 1:
            statement.where(column + " = $?", values[0])
        elif values and (many or object_id is not None):
            statement.where(column + " = any($?::" + kind + ")", values)
        elif values:
            many = statement.parameter(values) + "::" + kind
            statement.where(column + " = given.value")
    if many:
        return EACH.replace("{values}", many), statement, EACH_END
    return LIST, statement, ""


async def browse(
    work: Work, *, types: Sequence[str] = (), user_ids: Sequence[int] = (), cursor: str = ""
) -> Listed:
    """Events, the newest first."""
    select, statement, outer = listing(work, types=types, user_ids=user_ids)
    return await listings.browse(work, select, statement, NEWEST, cursor=cursor, outer=outer)


async def remove_old(db: Any, now: Any, batch: int = 5000) -> int:
    """Delete up to `batch` events older than twelve months, of all accounts; how many. 0: none is left."""
    done: str = await db.execute(REMOVE_OLD, now, batch)
    return int(done.rsplit(" ", 1)[1])
