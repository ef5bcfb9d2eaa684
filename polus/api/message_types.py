"""What messages look like in bodies and answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import (
    NO_COUNT,
    NO_LENGTH,
    NO_RANGE,
    Body,
    Channel,
    Email,
    ExternalId,
    Free,
    Id,
    IdParameter,
    When,
    Whole,
)

Via = Literal[
    "aircall", "api", "chat", "contact_form", "email", "facebook", "facebook-mention", "facebook-messenger",
    "facebook-recommendations", "form", "gorgias_chat", "help-center", "helpdesk", "instagram",
    "instagram-ad-comment", "instagram-comment", "instagram-direct-message", "instagram-mention", "internal-note",
    "offline_capture", "phone", "rule", "self_service", "shopify", "sms", "twilio", "twitter",
    "twitter-direct-message", "whatsapp", "yotpo", "yotpo-review", "zendesk",
]  # fmt: skip

SOURCE_TYPES = frozenset(
    (
        "aircall api app custom-chat chat chat-contact-form chat-offline-capture contact-form email facebook"
        " facebook-comment facebook-mention-comment facebook-mention-post facebook-message facebook-messenger"
        " facebook-post facebook-review facebook-review-comment form google-business-messages help-center"
        " help-center-contact-form helpdesk instagram instagram-ad-comment instagram-ad-media instagram-comment"
        " instagram-direct-message instagram-media instagram-mention-comment instagram-mention-media internal-note"
        " ottspott-call phone rule self_service shopify sms system-message tiktok-shop twilio twitter-direct-message"
        " twitter-mention-tweet twitter-quoted-tweet twitter-tweet whatsapp-message yotpo-review"
        " yotpo-review-private-comment yotpo-review-public-comment"
    ).split()
)

MOST_ATTACHMENTS = 50
MOST_ADDRESSES = 100
# wire: subjects of messages are bounded like those of tickets, although the contract's schema does not say so
MessageSubject = Annotated[str, Meta(max_length=998, extra_json_schema=NO_LENGTH)]
Short = Annotated[str, Meta(max_length=998, extra_json_schema=NO_LENGTH)]
Url = Annotated[str, Meta(min_length=1, max_length=8192, extra_json_schema=NO_LENGTH)]


class ChannelOfPerson(msgspec.Struct):
    """An address of a customer on a channel."""

    type: Channel
    address: Short
    preferred: bool | UnsetType = UNSET


class PersonReference(msgspec.Struct):
    """Somebody by id, e-mail or other address; what else is known of a customer is filled in. Unknown keys pass."""

    id: Id | None | UnsetType = UNSET
    email: Email | None | UnsetType = UNSET
    name: Short | None | UnsetType = UNSET
    external_id: Annotated[str, Meta(max_length=255, extra_json_schema=NO_LENGTH)] | None | UnsetType = UNSET
    note: str | None | UnsetType = UNSET
    timezone: Short | None | UnsetType = UNSET
    language: Short | None | UnsetType = UNSET
    meta: Free | None | UnsetType = UNSET
    phone: Short | None | UnsetType = UNSET
    channels: (
        Annotated[list[ChannelOfPerson], Meta(max_length=100, extra_json_schema=NO_COUNT)] | UnsetType
    ) = UNSET


class AddressInput(msgspec.Struct):
    """One address of a source."""

    name: Short | None = None
    address: Short | None = None
    id: Any = None


Addresses = Annotated[list[AddressInput], Meta(max_length=MOST_ADDRESSES, extra_json_schema=NO_COUNT)]


class SourceInput(msgspec.Struct):
    """Where a message came from and went to."""

    type: str | None | UnsetType = UNSET
    from_: AddressInput | UnsetType | None = msgspec.field(default=UNSET, name="from")
    to: Addresses | None | UnsetType = UNSET
    cc: Addresses | None | UnsetType = UNSET
    bcc: Addresses | None | UnsetType = UNSET
    extra: Any = UNSET


class AttachmentInput(msgspec.Struct):
    """A file that a message carries, by its address."""

    url: Url
    name: Short
    content_type: Short
    size: Whole | str | None = None
    public: bool = True
    extra: Any = None


class ErrorInput(msgspec.Struct):
    """Why a message could not be sent."""

    error: str


class MacroInput(msgspec.Struct):
    """A macro that was applied with the message."""

    id: Id


Attachments = Annotated[list[AttachmentInput], Meta(max_length=MOST_ATTACHMENTS, extra_json_schema=NO_COUNT)]
Stripped = Body


class MessageInput(msgspec.Struct, kw_only=True):
    """A message of a new ticket. wire: unknown keys pass, as connectors send `body` and the like."""

    channel: Channel
    from_agent: bool | UnsetType = UNSET
    via: Via = "api"
    public: bool = True
    source: SourceInput | None | UnsetType = UNSET
    sender: PersonReference | None | UnsetType = UNSET
    receiver: PersonReference | None | UnsetType = UNSET
    subject: MessageSubject | None = None
    body_text: Body | None = None
    body_html: Body | None = None
    stripped_text: Stripped | None = None
    stripped_html: Stripped | None = None
    stripped_signature: Stripped | None = None
    attachments: Attachments | None = None
    macros: Annotated[list[MacroInput], Meta(max_length=100, extra_json_schema=NO_COUNT)] | None = None
    actions: Annotated[list[Any], Meta(max_length=100, extra_json_schema=NO_COUNT)] | None = None
    headers: Free | None = None
    meta: Free | None = None
    message_id: Short | None = None
    external_id: ExternalId | None = None
    integration_id: IdParameter | None = None
    mention_ids: Annotated[list[Id], Meta(max_length=100, extra_json_schema=NO_COUNT)] = []
    created_datetime: When | UnsetType = UNSET
    sent_datetime: When | None = None
    failed_datetime: When | None = None
    opened_datetime: When | None = None
    deleted_datetime: When | None = None
    last_sending_error: ErrorInput | None = None


class MessageCreate(MessageInput, kw_only=True):
    """A message added to a ticket."""

    imported: bool | None = False


class MessageUpdate(msgspec.Struct, kw_only=True):
    """A correction of a stored message."""

    channel: Channel
    from_agent: bool
    via: Via | UnsetType = UNSET
    source: SourceInput | None | UnsetType = UNSET
    sender: PersonReference | None | UnsetType = UNSET
    receiver: PersonReference | None | UnsetType = UNSET
    subject: MessageSubject | None | UnsetType = UNSET
    body_text: Body | None | UnsetType = UNSET
    body_html: Body | None | UnsetType = UNSET
    attachments: Attachments | None | UnsetType = UNSET
    headers: Free | None | UnsetType = UNSET
    meta: Free | None | UnsetType = UNSET
    message_id: Short | None | UnsetType = UNSET
    external_id: ExternalId | None | UnsetType = UNSET
    integration_id: (
        Annotated[int, Meta(ge=1, le=2**63 - 1, extra_json_schema=NO_RANGE)] | None | UnsetType
    ) = UNSET
    sent_datetime: When | None | UnsetType = UNSET
    failed_datetime: When | None | UnsetType = UNSET
    public: bool | UnsetType = UNSET


class Person(msgspec.Struct):
    """A user or customer in short."""

    id: int
    email: str | None
    name: str | None
    firstname: str
    lastname: str
    meta: dict[str, Any] | None


class Address(msgspec.Struct):
    """One address of a source."""

    name: str | None | UnsetType = UNSET
    address: str | None | UnsetType = UNSET


class Source(msgspec.Struct):
    """Where a message came from and went to; lists that are not there were not given."""

    type: str
    from_: Address | UnsetType | None = msgspec.field(default=UNSET, name="from")
    to: list[Address] | UnsetType = UNSET
    cc: list[Address] | UnsetType = UNSET
    bcc: list[Address] | UnsetType = UNSET
    extra: Any = UNSET


class Attachment(msgspec.Struct):
    """A file of a message."""

    url: str
    name: str | None
    size: int | None
    content_type: str
    public: bool
    extra: Any


class IdentityProvider(msgspec.Struct):
    """Who vouches for a customer."""

    id: str
    name: str


class Identity(msgspec.Struct):
    """A customer proven by a service."""

    by: IdentityProvider = msgspec.field(name="service")
    identifier: str


class Intent(msgspec.Struct):
    """What a message is about."""

    name: str
    rejected: bool | None
    is_user_feedback: bool


class SendingError(msgspec.Struct):
    """Why a message could not be sent, as HTML."""

    error: str | None


class MacroReference(msgspec.Struct):
    """A macro that was applied with the message."""

    id: int


class Link(msgspec.Struct):
    """A message of another channel that answers this one, or that it answers."""

    integration_id: int | None
    message_id: str | None
    created_datetime: When
    body_text: str | None
    source: Source | None
    customer: Person | None
    user: Person | None


class TicketMessageEmbedded(msgspec.Struct, kw_only=True):
    """A message inside its ticket."""

    id: int
    uri: str
    message_id: str | None
    ticket_id: int
    external_id: str | None
    public: bool
    channel: str
    via: Via
    source: Source | None
    sender: Person
    receiver: Person | None
    auth_customer_identity: Identity | None
    integration_id: int | None
    intents: list[Intent]
    rule_id: int | None
    from_agent: bool
    subject: str | None
    body_text: str | None
    body_html: str | None
    stripped_text: str | None
    stripped_html: str | None
    stripped_signature: str | None
    attachments: list[Attachment] | None
    macros: list[MacroReference] | UnsetType = UNSET
    actions: list[Any] | None
    imported: bool | None
    meta: dict[str, Any] | None
    created_datetime: When
    processed_datetime: When
    sent_datetime: When | None
    failed_datetime: When | None
    opened_datetime: When | None
    last_sending_error: SendingError | None
    is_retriable: bool
    replied_by: Link | UnsetType = UNSET
    replied_to: Link | UnsetType = UNSET


class TicketMessage(TicketMessageEmbedded, kw_only=True):
    """A message."""

    macros: list[MacroReference]
    headers: dict[str, Any] | None
    deleted_datetime: When | None


class TicketMessageList(msgspec.Struct):
    """A page of messages."""

    object: Literal["list"]
    uri: str
    data: list[TicketMessage]
    meta: lists.MetaTotal


class PageMeta(msgspec.Struct, kw_only=True):
    """Page numbers, where they are still alive, beside cursors."""

    page: int
    per_page: int
    current_page: str
    next_page: str | None | UnsetType = UNSET
    item_count: int
    nb_pages: int
    prev_cursor: str | None | UnsetType = UNSET
    next_cursor: str | None | UnsetType = UNSET


class TicketMessagePage(msgspec.Struct):
    """A page of one ticket's messages."""

    object: Literal["list"]
    uri: str
    data: list[TicketMessage]
    meta: PageMeta
