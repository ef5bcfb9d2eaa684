"""What rules read of a ticket: so that a trial over history fetches no more than that to find out that nothing applies.

A screened ticket has the shape of the full wire form with parts left out; conditions cannot tell the difference.
"""

from collections.abc import Iterable, Iterator, Sequence

from polus.desk.customers import forms as customers
from polus.desk.rules.active import Active
from polus.desk.tickets import projections
from polus.lang.nodes import All, Condition, If, Not, Some, Statement, Test

# Nothing of these is versioned: a trial sees them as they are today.
TODAY = (
    "customer.",
    "ticket.integrations",
    "ticket.store",
    "ticket.meta",
    "ticket.external_id",
    "ticket.language",
)

_SENDER = (
    "'sender', case when m.from_agent then (select "
    + projections.USER
    + " from users u where u.account_id = m.account_id and u.id = m.sender_id) else (select "
    + customers.PERSON
    + " from customers c where c.account_id = m.account_id and c.id = m.sender_id) end"
)
_RECEIVER = (
    "'receiver', (select "
    + customers.PERSON
    + " from customers c where c.account_id = m.account_id and c.id = m.receiver_id)"
)
# Keys of a message in a ticket, by the first name of a path below it; those of BASE are always there.
MESSAGE = {
    name: "'" + name + "', m." + name
    for name in (
        "via subject body_text body_html stripped_text external_id message_id integration_id rule_id source headers"
        " attachments intents meta sent_datetime opened_datetime failed_datetime"
    ).split()
} | {
    "sender": _SENDER,
    "receiver": _RECEIVER,
    "mention_ids": """'mention_ids', (select coalesce(json_agg(n.user_id order by n.user_id), '[]'::json)
      from message_mentions n where n.account_id = m.account_id and n.message_id = m.id)""",
    "sentiments": """'sentiments', (select coalesce(json_agg(json_build_object('name', s)), '[]'::json)
      from unnest(m.sentiments) g (s))""",
}
MESSAGE_BASE = """'id', m.id, 'created_datetime', m.created_datetime, 'from_agent', m.from_agent, 'public', m.public,
  'channel', m.channel, 'imported', m.imported"""

TICKET_BASE = (
    """'id', t.id, 'external_id', t.external_id, 'language', t.language, 'status', t.status, 'priority', """
    + projections.PRIORITY
    + """, 'channel', t.channel, 'via', t.via, 'from_agent', t.from_agent, 'subject', t.subject, 'spam', t.spam,
  'imported', t.imported, 'created_datetime', t.created_datetime, 'opened_datetime', t.opened_datetime,
  'last_received_message_datetime', t.last_received_message_datetime, 'last_message_datetime', t.last_message_datetime,
  'updated_datetime', t.updated_datetime, 'closed_datetime', t.closed_datetime, 'snooze_datetime', t.snooze_datetime,
  'trashed_datetime', t.trashed_datetime, 'assignee_user_id', t.assignee_user_id,
  'assignee_team_id', t.assignee_team_id, 'custom_fields', t.custom_fields, 'customer_id', t.customer_id"""
)
TICKET = {
    "meta": "'meta', t.meta",
    "tags": projections.TAGS.strip().removesuffix(","),
    "integrations": """'integrations', coalesce((select json_agg(json_build_object('id', i.id, 'type', i.type,
      'name', i.name, 'address', i.meta->>'address') order by array_position(t.integration_ids, i.id))
    from integrations i where i.account_id = t.account_id and i.id = any(t.integration_ids)), '[]'::json)""",
    "store": "'store', case when t.store_id is not null then json_build_object('id', t.store_id) end",
    "satisfaction_survey": """'satisfaction_survey', (select json_build_object('score', s.score,
      'body_text', s.body_text, 'sent_datetime', s.sent_datetime, 'scored_datetime', s.scored_datetime,
      'created_datetime', s.created_datetime)
    from satisfaction_surveys s where s.account_id = t.account_id and s.ticket_id = t.id)""",
}
CUSTOMER = (
    "'customer', (select "
    + customers.DETAIL
    + " from customers c where c.account_id = t.account_id and c.id = t.customer_id)"
)
CUSTOMER_ID = "'customer', json_build_object('id', t.customer_id)"
MESSAGES = (
    "'messages', coalesce((select json_agg(json_build_object({keys}) order by m.created_datetime, m.id) from messages m"
    " where m.account_id = t.account_id and m.ticket_id = t.id), '[]'::json)"
)
SCREEN = (
    "select t.id, json_build_object({keys})::text as wire from unnest($2::bigint[]) as g (id)"
    " join tickets t on t.account_id = $1 and t.id = g.id where t.account_id = $1 and t.merged_into_id is null"
)


def statement(rules: Iterable[Active]) -> str:
    """The statement that reads tickets (`$2`) as far as these rules ask; made of the constants above only."""
    asked = {name for rule in rules for name in read(rule.code.statements)}
    message = [MESSAGE_BASE]
    message += [text for name, text in MESSAGE.items() if "message." + name in asked]
    ticket = [TICKET_BASE, MESSAGES.replace("{keys}", ", ".join(message))]
    ticket += [text for name, text in TICKET.items() if "ticket." + name in asked]
    ticket.append(CUSTOMER if any(name.startswith("customer.") for name in asked) else CUSTOMER_ID)
    return SCREEN.replace("{keys}", ", ".join(ticket))


def read(statements: Sequence[Statement]) -> Iterator[str]:
    """The first name of each path that conditions ask for, below `ticket`, `customer` or `message`."""
    for condition in conditions(statements):
        found = condition.found
        first = str(found.steps[0])
        if found.base == ("ticket",):
            yield "ticket." + first
        elif found.base == ("ticket", "customer"):
            yield "customer." + first
        else:
            yield "message." + first


def conditions(statements: Sequence[Statement]) -> Iterator[Condition]:
    """All conditions of a rule."""
    for statement in statements:
        if isinstance(statement, If):
            for test, body in statement.branches:
                yield from _of(test)
                yield from conditions(body)
            yield from conditions(statement.otherwise)


def _of(test: Test) -> Iterator[Condition]:
    if isinstance(test, Condition):
        yield test
    elif isinstance(test, All | Some):
        for part in test.parts:
            yield from _of(part)
    elif isinstance(test, Not):
        yield from _of(test.part)


def approximate(rule: Active) -> list[str]:
    """The paths of its conditions whose value in the past is not known: today's is taken."""
    found = dict.fromkeys(
        condition.path
        for condition in conditions(rule.code.statements)
        if any(_name(condition).startswith(prefix) for prefix in TODAY)
        or "usiness" in condition.operator.name
    )
    return list(found)


def _name(condition: Condition) -> str:
    found = condition.found
    if found.base == ("ticket", "customer"):
        return "customer." + str(found.steps[0])
    return (".".join(map(str, found.base))) + "." + str(found.steps[0])
