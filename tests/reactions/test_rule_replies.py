"""Automatic replies on other channels than e-mail."""

from polus.desk.accounts import Book
from polus.reactions.outbox import Outbox
from polus.reactions.table import REACTIONS, subscribe
from polus.store import work as works
from polus.store.queue import Queue
from tests import make
from tests.reactions.test_rules_run import Shop, shop  # noqa: F401

VISITOR = """
with integration as (
  insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
  values ($1, 'chat', 'Chat', '{}', now(), now()) returning id
), visitor as (
  insert into chat_visitors (account_id, integration_id, token, ticket_id, created_datetime, seen_datetime)
  select $1, id, decode(md5($2::bigint::text), 'hex'), $2::bigint, now(), now() from integration returning id
)
insert into chat_lines (account_id, visitor_id, message_id) select $1, id, $3 from visitor returning id
"""


async def test_a_visitor_is_answered_in_his_chat(shop: Shop) -> None:  # noqa: F811
    world, before = shop.world, dict(works.subscriptions)
    rule = await shop.rule("Action('replyToTicket', {body_text: 'Hi {{ticket.customer.firstname}}'})")
    subscribe()
    try:
        ticket = await make.ticket(world, messages=[make.mail(channel="chat", via="chat", source=None)])
        await world.rows(VISITOR, ticket["id"], ticket["messages"][0]["id"])
        outbox = Outbox(world.database, REACTIONS, Book(world.database, "http://helpdesk.example"))
        await Queue(world.database, outbox.lane()).drain()
    finally:
        works.subscriptions.clear()
        works.subscriptions.update(before)
    _, reply = (await shop.see(ticket["id"]))["messages"]
    assert (reply["channel"], reply["via"], reply["rule_id"], reply["body_text"]) == (
        "chat",
        "rule",
        rule,
        "Hi Mia",
    )
    assert reply["sent_datetime"] is not None
    lines = await world.rows("select message_id from chat_lines where account_id = $1 order by id")
    assert [row[0] for row in lines] == [ticket["messages"][0]["id"], reply["id"]]
