"""Messages before they are stored: who speaks to whom, on which channel, and whether it must leave the house.

Pure but for `senders.find`; the reference's rules about senders and receivers are here and nowhere else.
"""

import datetime
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from polus.base import errors, html, text
from polus.desk.tickets.people import Known, Reference
from polus.lang.actions import is_external
from polus.store.work import Work

NOTE = "internal-note"
# Channels that some integration delivers; any other slug is handed to HTTP integrations only and counts as sent.
DELIVERED = frozenset(
    [
        "aircall",
        "chat",
        "contact_form",
        "email",
        "facebook",
        "facebook-mention",
        "facebook-messenger",
        "facebook-recommendations",
        "help-center",
        "instagram-ad-comment",
        "instagram-comment",
        "instagram-direct-message",
        "instagram-mention",
        "phone",
        "sms",
        "twitter",
        "twitter-direct-message",
        "whatsapp",
        "yotpo-review",
    ]
)
# These go out through an e-mail address of the account.
BY_EMAIL = frozenset(("email", "contact_form", "help-center"))
# Answers on these go nowhere by themselves, and agents are not offered them.
UNOFFERED = frozenset(("api", NOTE))
# These go out as texts; the type of their `source`.
BY_TEXT: Mapping[str, str] = {"sms": "sms", "whatsapp": "whatsapp-message"}
TEXT_LENGTH = 1600  # characters of a text
NEED_USER = "The sender of an agent's message must be a user."
NEED_CUSTOMER = "The sender of a customer's message must be a customer."
RECEIVER_USER = "The receiver of an agent's message must be a customer."
RECEIVER_CUSTOMER = "A customer's message has no receiver."
NOTE_FROM_AGENT = "An internal note is always from an agent."
NO_ADDRESS = "No connected e-mail address to send from."
NO_RECIPIENT = "The customer has no e-mail address to send to."


class Draft(msgspec.Struct, kw_only=True):
    """A message to be stored. References are `{id}` or `{email, …}`; attachments and lists as on the wire."""

    channel: str
    from_agent: bool
    via: str = "api"
    source: dict[str, Any] | None = None
    sender: dict[str, Any] | None = None
    receiver: dict[str, Any] | None = None
    subject: str | None = None
    body_text: str | None = None
    body_html: str | None = None
    stripped_text: str | None = None
    stripped_html: str | None = None
    stripped_signature: str | None = None
    attachments: list[dict[str, Any]] | None = None
    macros: list[dict[str, Any]] | None = None
    actions: list[Any] | None = None
    headers: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    message_id: str | None = None
    external_id: str | None = None
    integration_id: int | None = None
    rule_id: int | None = None
    imported: bool | None = False
    mention_ids: list[int] = []
    created_datetime: datetime.datetime | None = None
    sent_datetime: datetime.datetime | None = None
    failed_datetime: datetime.datetime | None = None
    opened_datetime: datetime.datetime | None = None
    deleted_datetime: datetime.datetime | None = None
    last_sending_error: dict[str, Any] | None = None
    # Where the writer's own words end, in the text and in the HTML, when something is quoted below them.
    own_words: tuple[int, int] | None = None
    public: bool = True

    @property
    def note(self) -> bool:
        """Whether only agents see it."""
        return self.channel == NOTE

    @property
    def incoming(self) -> bool:
        """Whether a customer wrote it."""
        return not self.from_agent

    @property
    def excerpt(self) -> str:
        """The first 200 characters of what it says; `""` when it says nothing."""
        said = self.stripped_text or self.body_text or (self.body_html and html.to_text(self.body_html)) or ""
        return text.excerpt(said)

    @property
    def unsent(self) -> bool:
        """Whether it is a public agent's message that still has to leave the house."""
        return (
            self.from_agent
            and not self.note
            and self.sent_datetime is None
            and self.failed_datetime is None
            and not self.imported
            and self.channel in DELIVERED
        )

    @property
    def held(self) -> bool:
        """Whether it waits for actions to the outside that travel with it; see `macros.outside`."""
        if not self.from_agent or self.imported:
            return False
        names = [action.get("name") for action in self.actions or () if isinstance(action, dict)]
        return any(isinstance(name, str) and is_external(name) for name in names)

    @property
    def by_email(self) -> bool:
        """Whether an e-mail address must be found to send it from."""
        return self.unsent and self.channel in BY_EMAIL


def custom(channel: str) -> bool:
    """Whether it is a channel of somebody's own, whose answers HTTP integrations carry."""
    return channel not in DELIVERED and channel not in UNOFFERED


def references(draft: Draft) -> list[Reference | None]:
    """Whom the draft names besides the ticket's customer."""
    return [draft.sender, draft.receiver]


def check(draft: Draft, known: Known) -> dict[str, Any]:
    """The field messages of a draft whose sender or receiver is of the wrong kind; empty when all is well."""
    problems: dict[str, Any] = {}
    if draft.note and not draft.from_agent:
        problems["from_agent"] = [NOTE_FROM_AGENT]
    if draft.from_agent and draft.sender and not _empty(draft.sender) and known.user(draft.sender) is None:
        problems["sender"] = [NEED_USER]
    if draft.incoming and draft.sender and not _empty(draft.sender):
        reference = draft.sender
        if (reference.get("id") is not None and known.customer(reference) is None) or (
            reference.get("id") is None and known.user(reference) and not known.customer(reference)
        ):
            problems["sender"] = [NEED_CUSTOMER]
    receiver = draft.receiver if draft.receiver and not _empty(draft.receiver) else None
    if receiver and draft.incoming and known.customer(receiver) and not known.user(receiver):
        problems["receiver"] = [RECEIVER_CUSTOMER]
    answered = receiver if draft.from_agent and not draft.note else None
    if answered and answered.get("id") is not None and known.customer(answered) is None:
        problems["receiver"] = [RECEIVER_USER]
    if draft.mention_ids and not draft.note:
        problems["mention_ids"] = ["Only internal notes mention users."]
    return problems


def _empty(reference: Reference) -> bool:
    return reference.get("id") is None and not reference.get("email") and not reference.get("channels")


def source_of(draft: Draft) -> dict[str, Any]:
    """The source as stored: the type by default the channel's, absent lists left out."""
    given = {key: value for key, value in (draft.source or {}).items() if value is not None}
    given["type"] = given.get("type") or draft.channel
    for name in ("to", "cc", "bcc"):
        if name in given:
            given[name] = [_address(address) for address in given[name]]
    if "from" in given:
        given["from"] = _address(given["from"])
    return given


def _address(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": given.get("name"), "address": given.get("address")}


def first_address(draft: Draft, name: str) -> dict[str, Any] | None:
    """The first address of `source.<name>` that is not empty."""
    value = (draft.source or {}).get(name)
    candidates = value if isinstance(value, list) else [value]
    for candidate in candidates:
        if candidate and candidate.get("address"):
            return dict(candidate)
    return None


# The account's connected addresses in the order of preference, and the customer's own preferred address.
SENDERS = """
select i.id, coalesce(o.name, i.name) as name, o.address, i.id::text = (select s.data->>'email' from account_settings s
    where s.account_id = $1 and s.type = 'default-integration') as preferred
from integrations i join lateral (
  select null as name, lower(i.meta->>'address') as address, 0 as place
  union all select a.name, lower(a.address), a.id from mail_aliases a
  where a.account_id = i.account_id and a.integration_id = i.id) o on true
where i.account_id = $1 and i.type = 'email' and i.deactivated_datetime is null order by i.id, o.place
"""
CUSTOMER_EMAIL = """
select h.address, c.name from customers c join customer_channels h
  on h.account_id = c.account_id and h.customer_id = c.id
where c.account_id = $1 and c.id = $2 and h.type = 'email' and h.deleted_datetime is null
  and c.deleted_datetime is null
order by h.preferred desc, h.id limit 1
"""


async def senders(work: Work) -> list[Any]:
    """The addresses that mails can go out from: id of the integration, name, address, whether it is preferred."""
    return list(await work.db.fetch(SENDERS, work.account.id))


async def address(
    work: Work,
    draft: Draft,
    customer_id: int,
    received_by: int | None,
    received_at: Collection[str] = (),
) -> None:
    """Fill in from which address of the account the draft goes out and to whom; 400 on `source` when it cannot.

    `received_by` is the integration that the customer's last message came through: an answer without a given
    address comes from there, then from the default one; `received_at` are the addresses it was written to, so that the
    answer comes from the very alias.
    """
    rows = await senders(work)
    chosen = _sender(draft, rows, received_by, received_at)
    if chosen is None:
        raise errors.Invalid({"source": {"from": [NO_ADDRESS]}})
    source = dict(draft.source or {})
    if first_address(draft, "to") is None:
        customer = await work.db.fetchrow(CUSTOMER_EMAIL, work.account.id, customer_id)
        if customer is None:
            raise errors.Invalid({"source": {"to": [NO_RECIPIENT]}})
        source["to"] = [{"name": customer["name"], "address": customer["address"]}]
    given = first_address(draft, "from")
    source["from"] = {
        "name": (given or {}).get("name") or chosen["name"],
        "address": given["address"] if given else chosen["address"],
    }
    draft.source = source
    draft.integration_id = chosen["id"]


def _sender(draft: Draft, rows: list[Any], received_by: int | None, received_at: Collection[str]) -> Any:
    given = first_address(draft, "from")
    if given is not None:
        wanted = given["address"].lower()
        return next((row for row in rows if row["address"] == wanted), None)
    if draft.integration_id is not None:
        of_it = [row for row in rows if row["id"] == draft.integration_id]
        return next((row for row in of_it if row["address"] in received_at), next(iter(of_it), None))
    received = [row for row in rows if row["id"] == received_by]
    by_choice = (
        [row for row in received if row["address"] in received_at]
        or received
        or [row for row in rows if row["preferred"]]
    )
    return by_choice[0] if by_choice else next(iter(rows), None)
