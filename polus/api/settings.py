"""The account's settings: `/api/account/settings`, and the shape of each type's data."""

from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.bodies import Form
from polus.api.fields import LARGEST, Free, TimezoneName, When, Whole
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk import settings
from polus.store.work import Work

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Days = Annotated[str, Meta(pattern="^[1-7](,[1-7])*$")]
# 24:00 is a legal end.
Time = Annotated[str, Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
AssignmentChannel = Literal[
    "aircall",
    "api",
    "chat",
    "contact_form",
    "custom-chat",
    "email",
    "facebook",
    "facebook-mention",
    "facebook-messenger",
    "facebook-recommendations",
    "google-business-messages",
    "help-center",
    "instagram-ad-comment",
    "instagram-comment",
    "instagram-direct-message",
    "instagram-mention",
    "internal-note",
    "phone",
    "sms",
    "tiktok-shop",
    "twitter",
    "twitter-direct-message",
    "whatsapp",
    "yotpo-review",
]


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The data of a setting; what may be absent is absent in the answer too when it was not sent."""


class SatisfactionSurveys(Shape):
    """Which channels are surveyed, how long after closing (hours), and in which words."""

    send_survey_for_chat: bool | UnsetType = UNSET
    send_survey_for_email: bool | UnsetType = UNSET
    send_survey_for_contact_form: bool | UnsetType = UNSET
    send_survey_for_help_center: bool | UnsetType = UNSET
    survey_email_html: str | UnsetType = UNSET
    survey_email_text: str | UnsetType = UNSET
    survey_interval: Count | UnsetType = UNSET


class TicketAssignment(Shape):
    """Who is given tickets, and when they are taken away again."""

    assignment_channels: list[AssignmentChannel] | UnsetType = UNSET
    auto_assign_to_teams: bool | UnsetType = UNSET
    unassign_on_reply: bool | UnsetType = UNSET
    unassign_on_user_unavailability: list[Literal["chat"]] | UnsetType = UNSET
    can_exceed_max_agent_capacity: bool | UnsetType = UNSET
    auto_assign_ticket_to_responding_agent: bool | UnsetType = UNSET
    max_user_chat_ticket: Count | None | UnsetType = UNSET
    max_user_non_chat_ticket: Count | None | UnsetType = UNSET


class ViewPosition(Shape):
    """The place of a view or a section."""

    display_order: Whole | UnsetType = UNSET


class ViewsOrdering(Shape):
    """The order of shared views and of their sections, by id."""

    views: dict[str, ViewPosition] | UnsetType = UNSET
    view_sections: dict[str, ViewPosition] | UnsetType = UNSET
    views_top: dict[str, Any] | UnsetType = UNSET
    views_bottom: dict[str, Any] | UnsetType = UNSET


class BusinessHoursRange(Shape):
    """ISO weekdays (1 is Monday) with comma, and the times of these days. An end before the start is the next day's."""

    days: Days | UnsetType = UNSET
    from_time: Time | UnsetType = UNSET
    to_time: Time | UnsetType = UNSET


class BusinessHours(Shape):
    """When the shop is at work."""

    business_hours: list[BusinessHoursRange] | BusinessHoursRange | UnsetType = UNSET
    timezone: TimezoneName | None | UnsetType = UNSET


class SsoProvider(Shape):
    """An OpenID provider. The secret is answered as `********`; sending that keeps the stored one."""

    name: str
    client_id: str
    client_secret: str
    server_metadata_url: str


class Access(Shape):
    """How users sign up and log in."""

    signup_mode: Literal["invite", "allowed-domains"]
    allowed_domains: list[str] | UnsetType = UNSET
    google_sso_enabled: bool | UnsetType = UNSET
    office365_sso_enabled: bool | UnsetType = UNSET
    two_fa_enforced_datetime: When | None | UnsetType = UNSET
    skip_2fa_after_sso_datetime: When | None | UnsetType = UNSET
    sso_enforced_datetime: When | None | UnsetType = UNSET
    custom_sso_providers: dict[str, SsoProvider] | UnsetType = UNSET


class ViewsVisibility(Shape):
    """The shared views that are hidden from the list."""

    hidden_views: list[Whole]


class AutoMergeTickets(Shape):
    """Whether a new ticket joins the customer's open one, and for how many days."""

    enabled: bool
    merging_window_days: Count


class AutoMerge(Shape):
    """Joining tickets."""

    tickets: AutoMergeTickets


class AutoSplitEmail(Shape):
    """Whether a late answer becomes a ticket of its own, and after how many days."""

    enabled: bool
    split_after_days: Count | UnsetType = UNSET


class AutoSplit(Shape):
    """Parting tickets."""

    email: AutoSplitEmail


class InTicketSuggestion(Shape):
    """Suggestions beside a ticket."""

    is_demo_hidden: bool | None


class AgentCosts(Shape):
    """What an agent costs, for the statistics."""

    agent_cost_type: Literal["yearly", "hourly"]
    agent_cost_per_ticket: float
    agent_ticket_per_hour: float | None | UnsetType = UNSET


class Limits(Shape):
    """How many the account may have; absent: the installation's own limit."""

    max_integrations: Count | UnsetType = UNSET
    max_active_rules: Count | UnsetType = UNSET


class TableMetric(Shape):
    """A column of a table of figures."""

    id: str
    visibility: bool | None


class TableView(Shape):
    """A choice of columns."""

    id: str
    name: str
    metrics: list[TableMetric]
    rows: Any | UnsetType = UNSET


class TableConfig(Shape):
    """The columns of a table of figures."""

    active_view: str
    views: list[TableView]


SHAPES: dict[str, Any] = {
    "satisfaction-surveys": SatisfactionSurveys,
    "ticket-assignment": TicketAssignment,
    "views-ordering": ViewsOrdering,
    "business-hours": BusinessHours,
    "access": Access,
    "views-visibility": ViewsVisibility,
    "auto-merge": AutoMerge,
    # channel -> id of the integration that new messages go out by
    "default-integration": dict[str, Whole | None],
    "auto-split": AutoSplit,
    "in-ticket-suggestion": InTicketSuggestion,
    "agent-costs": AgentCosts,
    "limits": Limits,
    "agents-table-config": TableConfig,
    "agents-availability-table-config": TableConfig,
    "channels-table-config": TableConfig,
    "product-insights-table-config": TableConfig,
}
FORMS = {kind: Form[Any](shape) for kind, shape in SHAPES.items()}
# One answer type per setting, told apart by `type`.
Setting: Any = Union[  # noqa: UP007
    tuple(
        msgspec.defstruct(
            "Setting" + kind.title().replace("-", ""),
            [("id", int), ("data", shape)],
            tag_field="type",
            tag=kind,
            namespace={"__doc__": "The setting `" + kind + "`."},
        )
        for kind, shape in SHAPES.items()
    )
]


class SettingInput(msgspec.Struct, forbid_unknown_fields=True):
    """A setting: `data` is as its type says."""

    type: str
    data: Free | UnsetType = UNSET


SettingList = msgspec.defstruct(
    "SettingList", [("data", list[Setting])], namespace={"__doc__": "All settings."}
)


class SettingQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which settings."""

    type: Annotated[str | UnsetType, Meta(description="The setting of this type alone.")] = UNSET


def _data(kind: str, given: Any) -> Any:
    """`given` in its type's shape; 400 on `type` or within `data`."""
    if kind not in FORMS:
        raise errors.one("type", errors.NOT_CHOICE)
    try:
        return wire.plain(FORMS[kind].value(given))
    except errors.Invalid as invalid:
        raise errors.Invalid({"data": invalid.data}) from None


@operation(
    "GET",
    "/api/account/settings",
    id="list-account-settings",
    scope="account:read",
    query=SettingQuery,
    answer=SettingList,
    tag="Account",
)
async def list_(work: Work, call: Call[SettingQuery, None]) -> bytes:
    """List the account's settings.

    `access` is shown to admins only.
    """
    kind = call.query.type
    return lists.data(await settings.listed(work, None if kind is UNSET else kind))


@operation(
    "POST",
    "/api/account/settings",
    id="create-account-setting",
    scope="account:write",
    role="admin",
    body=SettingInput,
    answer=Setting,
    status=201,
    tag="Account",
)
async def create(work: Work, call: Call[NoQuery, SettingInput]) -> bytes:
    """Create a setting of a type that the account does not have yet."""
    body = call.body
    data = _data(body.type, {} if body.data is UNSET else body.data)
    return (await settings.create(work, body.type, data)).encode()


@operation(
    "PUT",
    "/api/account/settings/{id}",
    id="update-account-setting",
    scope="account:write",
    role="admin",
    body=SettingInput,
    ignored=("id",),
    answer=Setting,
    subject=settings.require,
    tag="Account",
)
async def update(work: Work, call: Call[NoQuery, SettingInput]) -> bytes:
    """Replace the whole data of a setting.

    `type` must be the setting's own.
    """
    body = call.body
    await settings.require(work, call.id)
    data = None if body.data is UNSET else _data(body.type, body.data)
    return (await settings.update(work, call.id, body.type, data)).encode()
