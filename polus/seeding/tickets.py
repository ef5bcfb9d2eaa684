"""The tickets that are seeded: from whom, about what, and what became of them. Deterministic, and no database.

The same seed, number of tickets and moment give the same rows; only ids come from outside.
"""

import datetime
import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec

from polus.base import text
from polus.seeding import conversations, lines, moments, people, phrases
from polus.seeding.conversations import ANSWERED, ASKED, FURTHER, NOTED, NUDGED, SPAM, THANKED, Said, Setting
from polus.seeding.moments import DAY, stamp
from polus.seeding.people import Customer
from polus.seeding.shops import SPAM_TAG, VIP_TAG, Agent, Shop

# Column and what its place in the line is filled with.
TICKET = {
    "account_id": "%(account)s", "id": "%(ticket)s", "status": "%(status)s", "priority": "%(priority)s",
    "channel": "%(channel)s", "via": "%(channel)s", "from_agent": "f", "spam": "%(spam)s", "imported": "f",
    "customer_id": "%(customer)s", "assignee_user_id": "%(assignee)s", "assignee_team_id": "%(team)s",
    "language": "%(language)s", "subject": "%(subject)s", "excerpt": "%(excerpt)s", "messages_count": "%(count)s",
    "not_delivered": "%(undelivered)s", "integration_ids": "%(integrations)s", "unread_datetime": "%(received)s",
    "created_datetime": "%(begun)s", "processed_datetime": "%(begun)s", "opened_datetime": "%(opened)s",
    "last_received_message_datetime": "%(received)s", "last_message_datetime": "%(spoken)s",
    "updated_datetime": "%(updated)s", "closed_datetime": "%(closed)s", "trashed_datetime": "%(trashed)s",
    "snooze_datetime": "%(snoozed)s",
}  # fmt: skip
TICKET_LINE = "\t".join(TICKET.values()) + "\n"

COLUMNS: dict[str, Sequence[str]] = {
    "customers": people.COLUMNS,
    "customer_channels": people.CHANNEL_COLUMNS,
    "customer_words": people.WORD_COLUMNS,
    "tickets": tuple(TICKET),
    "messages": conversations.COLUMNS,
    "ticket_tags": ("account_id", "ticket_id", "tag_id"),
    "ticket_reads": ("account_id", "ticket_id", "user_id", "read_datetime"),
}
"""What is written, by table, in an order that foreign keys allow."""

MESSAGES = 3
"""Of each ticket."""

NEW_CUSTOMERS = 0.35
REGULARS = 20_000  # customers who may write again

# What is said in tickets of each fate; one row is chosen.
SOLVED = (
    (ASKED, ANSWERED, THANKED),
    (ASKED, NUDGED, ANSWERED),
    (ASKED, NOTED, ANSWERED),
    (ASKED, ANSWERED, ANSWERED),
)
WAITING = (
    (ASKED, ANSWERED, FURTHER),
    (ASKED, NUDGED, NOTED),
    (ASKED, NOTED, NUDGED),
    (ASKED, NOTED, ANSWERED),
)


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a ticket; `assigned` is the share that is somebody's."""

    name: str
    plots: tuple[tuple[str, ...], ...]
    assigned: float


OPEN = Fate("open", WAITING, 0.5)
CLOSED = Fate("closed", SOLVED, 0.9)
SNOOZED = Fate("snoozed", SOLVED[1:3], 0.9)
TRASHED = Fate("trashed", SOLVED, 0.4)
JUNK = Fate("spam", ((SPAM, SPAM, SPAM),), 0.0)


class Ids(msgspec.Struct):
    """Numbers of the database's sequences."""

    people: Iterator[int]
    tickets: Iterator[int]
    messages: Iterator[int]


class Told(NamedTuple):
    """A message and when it came, also as text."""

    said: Said
    moment: float
    at: str


class Author:
    """Writes the tickets one after the other, the oldest first."""

    def __init__(self, shop: Shop, total: int, seed: int, until: datetime.datetime) -> None:
        self._shop = shop
        self._setting = Setting(shop.account_id, shop.integration_id, shop.address)
        self._total = total
        self._until = until.timestamp()
        # A second seeding of an account is another story.
        self._random = Random(str(seed) + "/" + str(shop.first))  # noqa: S311
        self._regulars: list[Customer] = []
        self._customers = shop.first
        self._tickets = 0

    def newcomers(self, count: int) -> list[bool]:
        """Of the next `count` tickets: whether each is a new customer's."""
        found = [self._random.random() < NEW_CUSTOMERS for _ in range(count)]
        if not self._tickets:
            found[0] = True
        return found

    def batch(self, newcomers: Sequence[bool], ids: Ids) -> dict[str, list[str]]:
        """These tickets with all that belongs to them, as lines by table."""
        made: dict[str, list[str]] = {table: [] for table in COLUMNS}
        for new in newcomers:
            self._ticket(made, ids, new=new)
        return made

    def _ticket(self, made: dict[str, list[str]], ids: Ids, *, new: bool) -> None:
        # From near 1 for the first to near 0 for the last, never the same twice.
        left = (self._total - self._tickets - self._random.random()) / self._total
        self._tickets += 1
        begun = moments.created(left, self._until)
        customer = self._newcomer(made, ids, begun) if new else self._one_of(self._regulars)
        fate = self._fate((self._until - begun) / DAY)
        channel = "email" if fate is JUNK else self._channel(customer)
        agent = self._shop.agents[int(self._random.random() ** 1.5 * len(self._shop.agents))]
        stories: Sequence[Any] = phrases.shop().spam if fate is JUNK else customer.language.stories
        story = int(self._random.random() * len(stories))
        told = self._conversation(begun, fate, channel, customer, story)

        values = self._places(next(ids.tickets), customer, agent)
        undelivered = self._write(made["messages"], ids, values, told)
        values |= self._facts(values, told, undelivered=undelivered)
        values |= self._state(fate, channel, agent, told[-1].moment)
        made["tickets"].append(TICKET_LINE % values)
        self._tag(made["ticket_tags"], values["ticket"], fate, None if fate is JUNK else stories[story].tag)
        seen = [one.at for one in told if one.said.from_agent]
        if seen:
            row = (str(self._shop.account_id), str(values["ticket"]), str(agent.id), seen[-1])
            made["ticket_reads"].append("\t".join(row) + "\n")

    def _one_of(self, things: Sequence[Any]) -> Any:
        return things[int(self._random.random() * len(things))]

    def _newcomer(self, made: dict[str, list[str]], ids: Ids, begun: float) -> Customer:
        invented = people.invent(self._random, self._customers)
        self._customers += 1
        customer = msgspec.structs.replace(invented, id=next(ids.people))
        tables = ("customers", "customer_channels", "customer_words")
        for table, line in zip(
            tables, people.rows(customer, self._shop.account_id, stamp(begun)), strict=True
        ):
            made[table].append(line)
        if len(self._regulars) < REGULARS:
            self._regulars.append(customer)
        else:
            self._regulars[customer.number % REGULARS] = customer
        return customer

    def _fate(self, age: float) -> Fate:
        """`age` in days."""
        place = self._random.random()
        if place < 0.035:
            return JUNK if place < 0.02 else TRASHED
        if age < 20 and place < 0.085:
            return SNOOZED
        return OPEN if self._random.random() < 0.015 + 0.6 * math.exp(-age / 4) else CLOSED

    def _channel(self, customer: Customer) -> str:
        place = self._random.random()
        if customer.phone and place < 0.2:
            return "sms"
        return "email" if place < 0.78 else "chat" if place < 0.9 else "contact_form"

    def _conversation(
        self, begun: float, fate: Fate, channel: str, customer: Customer, story: int
    ) -> list[Told]:
        random, language = self._random.random, customer.language
        plot = self._one_of(fate.plots)
        told = []
        for what, moment in zip(
            plot, moments.conversation(begun, self._until, MESSAGES, random), strict=True
        ):
            way = int(random() * conversations.choices(language, what))
            said = conversations.said(self._setting, language, story, what, way, channel)
            told.append(Told(said, moment, stamp(moment)))
        return told

    def _places(self, ticket_id: int, customer: Customer, agent: Agent) -> dict[str, Any]:
        """What the places of phrases are filled with."""
        return {
            "account": self._shop.account_id,
            "ticket": ticket_id,
            "customer": customer.id,
            "name": customer.name,
            "given": customer.given,
            "email": customer.email,
            "host": customer.email.partition("@")[2],
            "phone": customer.phone,
            "language": customer.language.code,
            "agent": agent.name,
            "agent_id": agent.id,
            "order": "#" + str(10_000 + int(self._random.random() * 900_000)),
            "product": self._one_of(phrases.shop().products),
        }

    def _write(self, made: list[str], ids: Ids, values: dict[str, Any], told: Sequence[Told]) -> bool:
        """Write the messages; whether the last one that went out was not delivered."""
        token, undelivered = self._random.getrandbits(64), False
        for place, (said, _, at) in enumerate(told):
            values |= {"id": next(ids.messages), "token": format(token + place, "x"), "created": at}
            sent, failed, error = at, lines.NULL, lines.NULL
            if said.from_agent and not said.note:
                undelivered = said.integration and self._random.random() < 0.01
                if undelivered:
                    sent, failed, error = lines.NULL, at, conversations.FAILURE
            values |= {"sent": sent, "failed": failed, "error": error}
            made.append(said.line % values)
        return undelivered

    def _facts(self, values: dict[str, Any], told: Sequence[Told], *, undelivered: bool) -> dict[str, Any]:
        """What the ticket repeats of its messages."""
        subject = told[0].said.subject
        mailed = any(one.said.integration for one in told)
        seen = [one.moment for one in told if one.said.from_agent]
        opened = stamp(max(told[0].moment, seen[0] - 300 * self._random.random())) if seen else lines.NULL
        return {
            "subject": lines.NULL if subject is None else subject % values,
            "excerpt": lines.escaped(text.excerpt(told[-1].said.text % values)),
            "count": len(told),
            "undelivered": "t" if undelivered else "f",
            "integrations": "{" + (str(self._shop.integration_id) if mailed else "") + "}",
            "begun": told[0].at,
            "received": [one.at for one in told if not one.said.from_agent][-1],
            "spoken": [one.at for one in told if not one.said.note][-1],
            "opened": opened,
        }

    def _state(self, fate: Fate, channel: str, agent: Agent, last: float) -> dict[str, Any]:
        """Status, assignment and their moments; `last` is the newest message's."""
        random = self._random.random
        done = min(last + 60 + 7200 * random(), self._until)
        is_done = fate in (CLOSED, SNOOZED) or (fate is TRASHED and random() < 0.5)
        assigned = random() < fate.assigned
        teamed = assigned or (fate is not JUNK and random() < 0.4)
        return {
            "channel": channel,
            "status": "closed" if is_done else "open",
            "priority": (2, 3, 1, 4)[bisect((0.85, 0.93, 0.98), random())],
            "spam": "t" if fate is JUNK else "f",
            "assignee": agent.id if assigned else lines.NULL,
            "team": agent.team_id if teamed else lines.NULL,
            "closed": stamp(done) if is_done else lines.NULL,
            "trashed": stamp(done) if fate is TRASHED else lines.NULL,
            "snoozed": stamp(self._until + 3600 + 14 * DAY * random()) if fate is SNOOZED else lines.NULL,
            "updated": stamp(done if is_done or fate is TRASHED else last),
        }

    def _tag(self, made: list[str], ticket_id: int, fate: Fate, topic: str | None) -> None:
        names = [] if topic is None or self._random.random() < 0.15 else [topic]
        if self._random.random() < 0.05:
            names.append(VIP_TAG)
        if fate is JUNK:
            names.append(SPAM_TAG)
        account = str(self._shop.account_id)
        made.extend(
            account + "\t" + str(ticket_id) + "\t" + str(self._shop.tags[name]) + "\n" for name in names
        )
