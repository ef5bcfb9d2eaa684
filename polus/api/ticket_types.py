"""What tickets look like in bodies and answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.custom_field_types import FieldEntry
from polus.api.customer_types import CustomerInShort, TicketCustomer
from polus.api.field_values import FieldValueInput, Inputs
from polus.api.fields import NO_COUNT, Channel, ExternalId, Free, Id, LanguageCode, Subject, When
from polus.api.message_types import MessageInput, PersonReference, TicketMessageEmbedded, Via
from polus.api.surveys import TicketSatisfactionSurvey

# wire: the contract takes any text here; a region tag is cut off, and what is no language is 400
Language = Annotated[LanguageCode, Meta(extra_json_schema={"type": "string", "x-untold": ["$ref"]})]
IntegrationType = Literal[
    "aircall", "alloy", "app", "bigcommerce", "ecom", "email", "facebook", "gmail", "gorgias_chat", "http", "klaviyo",
    "magento2", "outlook", "phone", "recharge", "self_service", "shopify", "smile", "smooch", "smooch_inside", "sms",
    "twitter", "whatsapp", "yotpo", "zendesk",
]  # fmt: skip
Status = Literal["open", "closed"]
Priority = Literal["critical", "high", "normal", "low"]
TagName = Annotated[str, Meta(min_length=1, max_length=256)]


class Assignee(msgspec.Struct):
    """A user or team by id. wire: a whole object may be sent back, its other keys pass."""

    id: Id | None | UnsetType = UNSET


class TagColor(msgspec.Struct):
    """How a tag looks; taken, and used only when the tag is new."""

    color: str | None | UnsetType = UNSET


class TagInput(msgspec.Struct):
    """A tag of a new ticket."""

    name: TagName
    decoration: TagColor | None | UnsetType = UNSET


class TagReference(msgspec.Struct):
    """A tag by id or by name."""

    id: Id | UnsetType = UNSET
    name: TagName | UnsetType = UNSET
    decoration: TagColor | None | UnsetType = UNSET


class TicketCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new ticket: messages are all it needs."""

    messages: Annotated[list[MessageInput], Meta(min_length=1, max_length=500)]
    customer: PersonReference | None | UnsetType = UNSET
    external_id: ExternalId | None = None
    status: Status = "open"
    priority: Priority = "normal"
    channel: Channel | UnsetType = UNSET
    via: Via = "api"
    from_agent: bool | None = None
    spam: bool = False
    imported: bool | None = False
    assignee_user: Assignee | None = None
    assignee_team: Assignee | None = None
    language: Language | None = None
    subject: Subject | None = None
    meta: Free | None = None
    tags: Annotated[list[TagInput], Meta(max_length=100, extra_json_schema=NO_COUNT)] = []
    custom_fields: Inputs = []
    created_datetime: When | None = None
    opened_datetime: When | None = None
    last_received_message_datetime: When | None = None
    last_message_datetime: When | None = None
    updated_datetime: When | None = None
    closed_datetime: When | None = None
    trashed_datetime: When | None = None
    snooze_datetime: When | None = None
    split_from: Id | None = None


class TicketUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a ticket; what is absent stays."""

    customer: PersonReference | UnsetType = UNSET
    external_id: ExternalId | None | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET
    via: Via | UnsetType = UNSET
    from_agent: bool | None | UnsetType = UNSET
    spam: bool | UnsetType = UNSET
    is_unread: bool | UnsetType = UNSET
    assignee_user: Assignee | None | UnsetType = UNSET
    assignee_team: Assignee | None | UnsetType = UNSET
    language: Language | None | UnsetType = UNSET
    subject: Subject | None | UnsetType = UNSET
    meta: Free | None | UnsetType = UNSET
    tags: Annotated[list[TagReference], Meta(max_length=100, extra_json_schema=NO_COUNT)] | UnsetType = UNSET
    # wire: a GET body has them as a map
    custom_fields: Inputs | dict[str, FieldValueInput] | UnsetType = UNSET
    opened_datetime: When | None | UnsetType = UNSET
    last_received_message_datetime: When | None | UnsetType = UNSET
    last_message_datetime: When | None | UnsetType = UNSET
    updated_datetime: When | None | UnsetType = UNSET
    closed_datetime: When | None | UnsetType = UNSET
    trashed_datetime: When | None | UnsetType = UNSET
    snooze_datetime: When | None | UnsetType = UNSET


class TicketTagsInput(msgspec.Struct, forbid_unknown_fields=True):
    """Tags by id and by name."""

    ids: Annotated[list[Id], Meta(max_length=100, extra_json_schema=NO_COUNT)] = []
    names: Annotated[list[str], Meta(max_length=100, extra_json_schema=NO_COUNT)] = []


class TicketUser(msgspec.Struct):
    """Who is assigned."""

    id: int
    email: str | None
    name: str | None
    firstname: str
    lastname: str
    meta: dict[str, Any] | None
    bio: str | None


class TicketTeam(msgspec.Struct):
    """Which team is assigned."""

    id: int
    name: str
    decoration: dict[str, Any] | None


class TagDecorationInTicket(msgspec.Struct):
    """How a tag looks."""

    color: str | None | UnsetType = UNSET


class TicketTag(msgspec.Struct):
    """A tag of a ticket."""

    id: int
    name: str
    decoration: TagDecorationInTicket


class TicketSummary(msgspec.Struct):
    """What the conversation is about."""

    content: str
    created_datetime: When
    updated_datetime: When
    triggered_by: int | None


class TicketIntegration(msgspec.Struct):
    """An integration that messages went through."""

    name: str | None
    address: str | None
    type: IntegrationType


class TicketCompact(msgspec.Struct, kw_only=True):
    """A ticket as views show it."""

    id: int
    uri: str
    external_id: str | None
    language: LanguageCode | None
    status: Status
    priority: Priority
    channel: str
    via: Via
    from_agent: bool | None
    customer: CustomerInShort | None
    assignee_user: TicketUser | None
    assignee_team: TicketTeam | None
    subject: str | None
    excerpt: str | None
    integrations: list[TicketIntegration]
    meta: dict[str, Any] | None
    tags: list[TicketTag]
    messages_count: int
    is_unread: bool
    spam: bool
    created_datetime: When
    opened_datetime: When | None
    last_received_message_datetime: When | None
    last_message_datetime: When | None
    last_sent_message_not_delivered: bool
    updated_datetime: When
    closed_datetime: When | None
    snooze_datetime: When | None
    trashed_datetime: When | None


class TicketListItem(TicketCompact, kw_only=True):
    """A ticket as lists show it."""

    summary: TicketSummary | None
    custom_fields: dict[str, FieldEntry]


class TicketList(msgspec.Struct):
    """A page of tickets."""

    object: Literal["list"]
    uri: str
    data: list[TicketListItem]
    meta: lists.MetaTotal


class ReplyIntegration(msgspec.Struct):
    """An address of the account that an answer can come from."""

    id: int
    name: str | None
    address: str | None


class ReplyOption(msgspec.Struct):
    """Whether a channel can be answered on."""

    answerable: bool
    reason: str | None | UnsetType = UNSET
    integrations: list[ReplyIntegration] | UnsetType = UNSET


class EventUser(msgspec.Struct):
    """Who did it."""

    id: int
    firstname: str
    lastname: str
    name: str | None
    email: str | None


class TicketEvent(msgspec.Struct):
    """Announced as gone, still a key: the list is always empty."""

    id: int
    type: str
    user: EventUser | None
    data: Any
    created_datetime: When


class Ticket(msgspec.Struct, kw_only=True):
    """A ticket with its conversation."""

    id: int
    uri: str
    external_id: str | None
    events: list[TicketEvent]
    status: Status
    priority: Priority
    channel: str
    via: Via
    from_agent: bool | None
    spam: bool
    imported: bool | None
    customer: TicketCustomer | None
    requester: TicketCustomer | None
    assignee_user: TicketUser | None
    assignee_user_id: int | None
    assignee_team: TicketTeam | None
    assignee_team_id: int | None
    language: LanguageCode | None
    subject: str | None
    summary: TicketSummary | None
    meta: dict[str, Any] | None
    tags: list[TicketTag]
    custom_fields: dict[str, FieldEntry] | UnsetType = UNSET
    messages: list[TicketMessageEmbedded]
    created_datetime: When
    processed_datetime: When
    opened_datetime: When | None
    last_received_message_datetime: When | None
    last_message_datetime: When | None
    updated_datetime: When
    closed_datetime: When | None
    trashed_datetime: When | None
    snooze_datetime: When | None
    satisfaction_survey: TicketSatisfactionSurvey | None
    reply_options: dict[str, ReplyOption]
    is_unread: bool
