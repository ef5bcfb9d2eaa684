"""The vocabulary of fields: what may be asked, of which type, in which place, and where it stands.

One row per field, in three tables: of a ticket, of a customer (also reached as `ticket.customer`), of a message
(also reached as `ticket.first_message`, `ticket.last_message`, `ticket.messages`). `[]` marks a list on the way,
`[ID]`, `["Name"]` and `…` an open end. Places: R rule code, V ticket view filters, C customer view filters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polus.base import names
from polus.lang import columns, readers, sets
from polus.lang.columns import Column, folded
from polus.lang.sight import Json, Sight
from polus.lang.values import Kind, Type

Reader = Callable[[Json, readers.Steps, Sight], Any]

STRING, TEXT, EMAIL, ENUM = Kind(Type.STRING), Kind(Type.TEXT), Kind(Type.EMAIL), Kind(Type.ENUM)
ID, NUMBER, BOOLEAN, DATETIME = Kind(Type.ID), Kind(Type.NUMBER), Kind(Type.BOOLEAN), Kind(Type.DATETIME)
ANY, PRESENCE = Kind(Type.ANY), Kind(Type.OBJECT)
LANGUAGE, VIA = Kind(Type.ENUM, options=names.LANGUAGES), Kind(Type.ENUM, options=sets.VIAS)


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `path` starts below its table's root; `kind.many` is decided by the path that is used.

    `label`: how a sentence names it. `yes`, `no`: how a sentence says that a boolean is true or false.
    """

    path: str
    kind: Kind
    places: str
    label: str
    column: Column | None = None
    reader: Reader = readers.plain
    yes: str = ""
    no: str = ""

    @property
    def shape(self) -> tuple[tuple[str, bool], ...]:
        """The names of the path, each with whether it is a list."""
        path = self.path.removesuffix("…").split('["')[0].replace("[ID]", "").removesuffix(".")
        return tuple((name.removesuffix("[]"), name.endswith("[]")) for name in path.split("."))

    @property
    def open(self) -> bool:
        return self.path.endswith("…")


def _own(path: str, kind: Kind, label: str, yes: str = "", no: str = "", whole: bool = False) -> Field:
    """A column of the ticket with the name it has on the wire."""
    text = kind.type in (Type.STRING, Type.TEXT)
    column = folded("t." + path) if text else Column("t." + path, whole=whole)
    return Field(path, kind, "RV", label, column, yes=yes, no=no)


def _rule(
    path: str, kind: Kind, label: str, reader: Reader = readers.plain, yes: str = "", no: str = ""
) -> Field:
    """A field that only rules see."""
    return Field(path, kind, "R", label, None, reader, yes, no)


def _said(
    path: str,
    kind: Kind,
    label: str,
    column: Column,
    reader: Reader = readers.plain,
    yes: str = "",
    no: str = "",
) -> Field:
    """A field of messages: rules see it, and lists of tickets can be asked for it on a rule's behalf."""
    return Field(path, kind, "R", label, column, reader, yes, no)


TICKET = (
    _own("id", ID, "ticket id", whole=True),
    _own("external_id", STRING, "external id"),
    Field("status", Kind(Type.ENUM, options=sets.STATUSES), "RV", "status", Column("t.status", whole=True)),
    Field(
        "priority", Kind(Type.ENUM, options=frozenset(sets.PRIORITIES)), "RV", "priority", columns.PRIORITY
    ),
    _own("channel", ENUM, "channel", whole=True),
    _own("via", VIA, "origin", whole=True),
    _own(
        "from_agent",
        BOOLEAN,
        "origin",
        "the ticket was started by an agent",
        "the ticket was started by a customer",
    ),
    _own("spam", BOOLEAN, "spam mark", "the ticket is spam", "the ticket is not spam", whole=True),
    _own("imported", BOOLEAN, "import mark", "the ticket was imported", "the ticket was not imported"),
    Field(
        "is_unread",
        BOOLEAN,
        "V",
        "unread mark",
        columns.UNREAD,
        yes="the ticket is unread",
        no="the ticket is read",
    ),
    _own("language", LANGUAGE, "language"),
    Field("subject", TEXT, "RV", "subject", folded("t.subject", "t.subject_folded")),
    Field(
        "messages_count",
        NUMBER,
        "RV",
        "number of messages",
        Column("t.messages_count", whole=True),
        readers.messages_count,
    ),
    _own("created_datetime", DATETIME, "creation time", whole=True),
    _own("updated_datetime", DATETIME, "time of the last update", whole=True),
    _own("opened_datetime", DATETIME, "time it was first opened"),
    _own("closed_datetime", DATETIME, "closing time"),
    _own("trashed_datetime", DATETIME, "time it was moved to the trash"),
    _own("snooze_datetime", DATETIME, "end of its snooze"),
    _own("last_message_datetime", DATETIME, "time of the last message"),
    _own("last_received_message_datetime", DATETIME, "time of the customer's last message"),
    Field("assignee_user", PRESENCE, "RV", "assignee", Column("t.assignee_user_id")),
    Field("assignee_user.id", ID, "RV", "assignee", Column("t.assignee_user_id")),
    Field(
        "assignee_user.email", EMAIL, "RV", "assignee's email", folded("lower(u.email)", within=columns.USER)
    ),
    Field("assignee_user.name", TEXT, "RV", "assignee's name", folded("u.name", within=columns.USER)),
    Field("assignee_team", PRESENCE, "RV", "team", Column("t.assignee_team_id")),
    Field("assignee_team.id", ID, "RV", "team", Column("t.assignee_team_id")),
    Field("assignee_team.name", TEXT, "RV", "team's name", folded("g.name", within=columns.TEAM)),
    Field("tags[]", PRESENCE, "RV", "tags", Column("tt.tag_id", within=columns.TAG_LINK)),
    Field("tags[].name", STRING, "RV", "tags", folded("g.name", within=columns.TAG)),
    Field("tags[].id", ID, "RV", "tags", Column("tt.tag_id", within=columns.TAG_LINK)),
    Field("custom_fields[ID].value", ANY, "RV", "ticket field", None, readers.custom_field),
    Field("integrations[].id", ID, "RV", "integrations", Column("i.id", within=columns.INTEGRATION)),
    Field(
        "integrations[].type",
        ENUM,
        "RV",
        "types of its integrations",
        Column("i.type", within=columns.INTEGRATION),
    ),
    Field(
        "integrations[].address",
        EMAIL,
        "RV",
        "addresses of its integrations",
        folded("lower(i.meta ->> 'address')", within=columns.INTEGRATION),
    ),
    Field(
        "integrations[].name",
        TEXT,
        "RV",
        "names of its integrations",
        folded("i.name", within=columns.INTEGRATION),
    ),
    Field("store.id", ID, "RV", "store", Column("t.store_id")),
    Field(
        "satisfaction_survey.score",
        NUMBER,
        "RV",
        "satisfaction score",
        Column("s.score", within=columns.SURVEY),
    ),
    Field(
        "satisfaction_survey.body_text",
        TEXT,
        "R",
        "comment of the survey",
        folded("s.body_text", within=columns.SURVEY),
    ),
    Field(
        "satisfaction_survey.sent_datetime",
        DATETIME,
        "RV",
        "time the survey was sent",
        Column("s.sent_datetime", within=columns.SURVEY),
    ),
    Field(
        "satisfaction_survey.scored_datetime",
        DATETIME,
        "RV",
        "time the survey was answered",
        Column("s.scored_datetime", within=columns.SURVEY),
    ),
    Field(
        "satisfaction_survey.created_datetime",
        DATETIME,
        "RV",
        "time the survey was made",
        Column("s.created_datetime", within=columns.SURVEY),
    ),
    _rule("meta…", ANY, "ticket meta"),
    Field("customer.id", ID, "RV", "customer", Column("t.customer_id", whole=True)),
)

CUSTOMER = (
    Field("id", ID, "C", "customer", Column("c.id", whole=True)),
    Field("email", EMAIL, "RVC", "customer's email", folded("lower(c.email)", "c.email_folded")),
    Field("name", TEXT, "RVC", "customer's name", folded("c.name", "c.name_folded")),
    _rule("firstname", TEXT, "customer's first name"),
    _rule("lastname", TEXT, "customer's last name"),
    Field("note", TEXT, "RC", "customer's note", folded("c.note")),
    Field("external_id", STRING, "RVC", "customer's external id", folded("c.external_id")),
    Field("language", LANGUAGE, "RVC", "customer's language", Column("c.language")),
    Field("timezone", STRING, "RC", "customer's time zone", folded("c.timezone")),
    Field(
        "channels[].type",
        ENUM,
        "RC",
        "customer's channels",
        Column("h.type", within=columns.CHANNEL),
        readers.channels,
    ),
    Field(
        "channels[].address",
        STRING,
        "RC",
        "customer's addresses",
        folded("h.address", within=columns.CHANNEL),
        readers.channels,
    ),
    Field(
        "created_datetime",
        DATETIME,
        "RC",
        "time the customer was added",
        Column("c.created_datetime", whole=True),
    ),
    Field(
        "updated_datetime",
        DATETIME,
        "RC",
        "time the customer was last changed",
        Column("c.updated_datetime", whole=True),
    ),
    Field("custom_fields[ID].value", ANY, "RVC", "customer field", None, readers.custom_field),
    _rule("meta…", ANY, "customer meta"),
    _rule("data…", ANY, "customer data"),
    _rule("external_data…", ANY, "customer's external data"),
    _rule("integrations…", ANY, "customer's integration data", readers.integrations),
)

MESSAGE = (
    _said("id", ID, "message id", Column("m.id", whole=True)),
    _said("channel", ENUM, "message's channel", Column("m.channel", whole=True)),
    _said("via", VIA, "message's origin", Column("m.via", whole=True)),
    _said(
        "public",
        BOOLEAN,
        "visibility",
        Column("m.public", whole=True),
        yes="the message is public",
        no="the message is an internal note",
    ),
    _said(
        "from_agent",
        BOOLEAN,
        "sender",
        Column("m.from_agent", whole=True),
        yes="the message is from an agent",
        no="the message is from the customer",
    ),
    _said("subject", TEXT, "message's subject", folded("m.subject")),
    _said("body_text", TEXT, "message's text", folded(columns.BODY), readers.body_text),
    _said("stripped_text", TEXT, "message's text without quotation", folded("m.stripped_text")),
    _said("body_html", TEXT, "message's HTML", folded("m.body_html")),
    _said("external_id", STRING, "message's external id", folded("m.external_id")),
    _said("message_id", STRING, "message's id at the sending service", folded("m.message_id")),
    _said("integration_id", ID, "message's integration", Column("m.integration_id")),
    _said("rule_id", ID, "rule that wrote the message", Column("m.rule_id")),
    _said("sender.id", ID, "sender", Column("m.sender_id")),
    _said("sender.email", EMAIL, "sender's email", folded("lower(" + columns.sender("email") + ")")),
    _said("sender.name", TEXT, "sender's name", folded(columns.sender("name"))),
    _said("receiver.id", ID, "receiver", Column("m.receiver_id")),
    _said("receiver.email", EMAIL, "receiver's email", folded("lower(" + columns.receiver("email") + ")")),
    _said("receiver.name", TEXT, "receiver's name", folded(columns.receiver("name"))),
    _said("source.type", ENUM, "message's source", Column("(m.source ->> 'type')")),
    _said(
        "source.from.address",
        EMAIL,
        "address it came from",
        folded("lower(m.source -> 'from' ->> 'address')"),
    ),
    _said("source.from.name", TEXT, "name it came from", folded("(m.source -> 'from' ->> 'name')")),
    _rule("source.to[].address", EMAIL, "addresses it went to"),
    _rule("source.to[].name", TEXT, "names it went to"),
    _rule("source.cc[].address", EMAIL, "cc addresses"),
    _rule("source.cc[].name", TEXT, "cc names"),
    _rule("source.bcc[].address", EMAIL, "bcc addresses"),
    _rule("source.bcc[].name", TEXT, "bcc names"),
    _rule('headers["Name"]', TEXT, "header", readers.header),
    _rule("attachments[]", PRESENCE, "attachments"),
    _rule("attachments[].name", TEXT, "names of the attachments"),
    _rule("attachments[].content_type", STRING, "types of the attachments"),
    _rule("mention_ids[]", ID, "mentioned users"),
    _rule("intents[].name", Kind(Type.ENUM, options=sets.INTENTS), "message's intents", readers.intents),
    _rule("sentiments[].name", Kind(Type.ENUM, options=sets.SENTIMENTS), "message's sentiments"),
    _said("created_datetime", DATETIME, "time of the message", Column("m.created_datetime", whole=True)),
    _said("sent_datetime", DATETIME, "time the message was sent", Column("m.sent_datetime")),
    _said("opened_datetime", DATETIME, "time the message was opened", Column("m.opened_datetime")),
    _said("failed_datetime", DATETIME, "time the sending failed", Column("m.failed_datetime")),
    _rule("meta…", ANY, "message meta"),
)
