"""Rules: `/api/rules`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_COUNT, NO_LENGTH, EventTypes, Id, When, Whole
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk.rules import rules
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Rules"
READ_ONLY = ("id", "uri", "type", "settings", "created_datetime", "updated_datetime")
Name = Annotated[str, Meta(min_length=1, max_length=rules.NAME_LENGTH, extra_json_schema=NO_LENGTH)]
Description = Annotated[str, Meta(max_length=1024, extra_json_schema=NO_LENGTH)]
# Its length is limited by the language: in bytes of UTF-8, and told with the other complaints about the code.
Code = Annotated[str, Meta(description="What to do, in the expression language.")]
Tree = Annotated[dict[str, Any], Meta(description="Is not read: the tree is made from `code`.")]
Triggers = Annotated[
    EventTypes,
    Meta(
        description="When it runs: any of "
        + ", ".join(f"`{name}`" for name in rules.TRIGGERS)
        + ", with commas."
    ),
]


class RuleCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new rule."""

    name: Name
    code: Code
    code_ast: Tree | UnsetType = UNSET
    description: Description | None = None
    event_types: Triggers | None = None
    priority: Whole | UnsetType = UNSET
    deactivated_datetime: When | None = None


class RuleUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a rule."""

    name: Name | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    code_ast: Tree | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    event_types: Triggers | None | UnsetType = UNSET
    priority: Whole | UnsetType = UNSET
    deactivated_datetime: When | None | UnsetType = UNSET


class Rule(msgspec.Struct, kw_only=True):
    """A rule as answered: `code` as it was given, `code_ast` its tree in ESTree form, every node with its place."""

    id: int
    uri: str
    name: str
    description: str | None
    type: str
    code: str
    code_ast: dict[str, Any]
    event_types: str | None
    priority: int
    settings: dict[str, Any] | None
    created_datetime: When
    updated_datetime: When
    deactivated_datetime: When | None


class RuleList(msgspec.Struct):
    """A page of rules."""

    object: Literal["list"]
    uri: str
    data: list[Rule]
    meta: lists.MetaCursors


class RulePriority(msgspec.Struct, forbid_unknown_fields=True):
    """The place of one rule: those with a higher priority run first."""

    id: Id
    priority: Whole


class RulePriorities(msgspec.Struct, forbid_unknown_fields=True):
    """The places of rules; those that are not named keep theirs."""

    priorities: Annotated[list[RulePriority], Meta(max_length=1000, extra_json_schema=NO_COUNT)]


class RuleQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """In which order."""

    limit: lists.Limit = 100
    order_by: Literal["created_datetime:asc", "created_datetime:desc"] = "created_datetime:desc"


ORDERS = lists.orders(created_datetime=("r.created_datetime", "datetime"))


def _given(body: RuleCreate | RuleUpdate) -> dict[str, Any]:
    """What was sent, without the tree: it may be nested deeper than can be walked, and nobody reads it."""
    if body.code_ast is not UNSET:
        body.code_ast = {}
    return wire.given(body)


@operation(
    "GET", "/api/rules", id="list-rules", scope="rules:read", query=RuleQuery, answer=RuleList, tag=TAG
)
async def list_(work: Work, call: Call[RuleQuery, None]) -> bytes:
    """List rules."""
    statement = Statement(work.account.id)
    statement.where("r.account_id = $1")
    return await lists.page(work, call, rules.LIST, statement, ORDERS[call.query.order_by], id_column="r.id")


@operation(
    "POST",
    "/api/rules",
    id="create-rule",
    scope="rules:write",
    role="agent",
    body=RuleCreate,
    answer=Rule,
    status=201,
    statuses=(409,),
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, RuleCreate]) -> bytes:
    """Create a rule.

    Without a priority it runs before all others. 409 over the limit of active rules.
    """
    return (await rules.create(work, _given(call.body))).encode()


@operation(
    "POST",
    "/api/rules/priorities",
    id="update-rules-priorities",
    scope="rules:write",
    role="agent",
    body=RulePriorities,
    answer=list[Rule],
    status=202,
    failure="Failed to update rules priorities",
    tag=TAG,
)
async def prioritise(work: Work, call: Call[NoQuery, RulePriorities]) -> bytes:
    """Say in which order rules run.

    Answers all rules, the lowest priority first.
    """
    wanted = [(item.id, item.priority) for item in call.body.priorities]
    return ("[" + ",".join(await rules.prioritise(work, wanted)) + "]").encode()


@operation("GET", "/api/rules/{id}", id="get-rule", scope="rules:read", answer=Rule, tag=TAG)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a rule."""
    return (await rules.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/rules/{id}",
    id="update-rule",
    scope="rules:write",
    role="agent",
    body=RuleUpdate,
    ignored=READ_ONLY,
    answer=Rule,
    status=202,
    statuses=(409,),
    subject=rules.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, RuleUpdate]) -> bytes:
    """Update a rule.

    `deactivated_datetime` switches it off, null on again. 409 over the limit of active rules.
    """
    return (await rules.update(work, call.id, _given(call.body))).encode()


@operation(
    "DELETE", "/api/rules/{id}", id="delete-rule", scope="rules:write", role="agent", status=204, tag=TAG
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a rule."""
    await rules.delete(work, call.id)
