"""Both readings of view filters, in memory and in SQL, select the same tickets; and each filter only narrows.

Once by hand: 10,000 generated filters on 60 tickets and 2,000 on 12 customers, 624,000 answers, all equal.
"""

import time

import pytest
from hypothesis import HealthCheck, given, settings

from polus.lang import bind, parse, run, sql, tree
from polus.lang.sight import Sight
from tests.lang import questions, shop, state
from tests.lang.published_views import VIEWS

OF_TICKETS = "select t.id from tickets t where t.account_id = $1 and "
OF_CUSTOMERS = "select c.id from customers c where c.account_id = $1 and "
EXAMPLES = 250
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
# The pool and the shop of this module; as arguments hypothesis would print them whole with each failure.
HERE = {}


@pytest.fixture(scope="module", autouse=True)
async def _here(database):
    HERE.update(pool=database.pool, shop=await shop.make(database.pool, 60, seed=7))


def caller():
    return {**HERE["shop"].users[0], "firstname": "Ada", "lastname": "Straße", "language": "fr"}


async def selected(text, customers=False, definitions=shop.DEFINITIONS):
    """The ids both ways."""
    made = HERE["shop"]
    program = parse.filters(questions.known(text, made))
    found = bind.filters(program, definitions, customers=customers).accept()
    where = sql.where(found, caller(), shop.NOW, taken=1)
    statement = (OF_CUSTOMERS if customers else OF_TICKETS) + where.text
    rows = await HERE["pool"].fetch(statement, made.account_id, *where.values)
    if customers:
        seen = {one["id"]: Sight(customer=one, now=shop.NOW) for one in made.customers}
    else:
        seen = {one["id"]: Sight(one, now=shop.NOW) for one in made.tickets}
    held = {id_ for id_, sight in seen.items() if run.matches(found, sight, caller())}
    return {row["id"] for row in rows}, held


@pytest.mark.thorough
@given(text=questions.filters("V"))
@settings(max_examples=EXAMPLES, **QUIET)
async def test_ticket_filters_select_the_same_both_ways(text):
    stored, held = await selected(text)
    assert stored == held, text


@given(text=questions.filters("C"))
@settings(max_examples=EXAMPLES // 5, **QUIET)
async def test_customer_filters_select_the_same_both_ways(text):
    stored, held = await selected(text, customers=True)
    assert stored == held, text


@pytest.mark.parametrize("text", [row[1] for row in VIEWS], ids=[row[0] for row in VIEWS])
async def test_published_views_select_the_same_both_ways(text):
    stored, held = await selected(text, definitions=state.DEFINITIONS)
    assert stored == held


@pytest.mark.parametrize(
    "value",
    [
        "' or true --",
        "x' || 'y",
        "$1",
        "%",
        "_",
        "\\\\",
        "\\u{1F4A1}",
        "{{current_user.id}}",
        "\\');drop table tickets;--",
    ],
)
async def test_hostile_literals_stay_values(value):
    for name in ("eq", "contains", "startsWith", "endsWith"):
        for path in (
            "ticket.subject",
            "ticket.tags.name",
            "ticket.customer.name",
            "ticket.custom_fields[12]",
        ):
            stored, held = await selected(f'{name}({path}, "{value}")')
            assert stored == held


async def test_a_filter_only_narrows():
    """Whatever it says, trash, spam and other accounts stay out unless they are asked for by name."""
    stored, held = await selected("true || eq(ticket.status, 'open') || !false")
    assert stored == held
    shown = [one for one in HERE["shop"].tickets if not one["trashed_datetime"] and not one["spam"]]
    assert stored == {one["id"] for one in shown}


@pytest.mark.parametrize("word, condition", [
    ("&&", "eq(ticket.tags.name, 'a{n}')"), ("&&", "neq(ticket.tags.name, 'a{n}')"), ("||", "isEmpty(ticket.customer.name)"),
    ("||", "containsAll(ticket.tags.name, ['a', 'b', 'c', 'd', 'e', 'f'])"),
])  # fmt: skip
async def test_a_filter_of_many_subqueries_is_planned_quickly(word, condition):
    """Left to itself PostgreSQL weighs the orders of all joins: 150 took it 15 seconds."""
    text = f" {word} ".join(condition.replace("{n}", str(number)) for number in range(200))
    began = time.monotonic()
    stored, held = await selected(text)
    assert stored == held
    assert time.monotonic() - began < 10


async def test_parameters_follow_those_of_the_statement():
    found = bind.filters(parse.filters("eq(ticket.subject, 'a') && eq(ticket.is_unread, true)"), {}).accept()
    where = sql.where(found, {"id": 5}, shop.NOW, taken=7)
    assert where.values == ["a", True, 5]
    assert [place for place in ("$8", "$9", "$10", "$11") if place in where.text] == ["$8", "$9", "$10"]


@pytest.mark.thorough
async def test_the_database_keeps_trees_of_any_depth():
    code = parse.code(f"if ({'&&'.join(['isEmpty(ticket.id)'] * 2_000)}) Action('deleteTicket')")
    kept = await HERE["pool"].fetchval(
        "select ($1::text)::jsonb -> 'body' -> 0 ->> 'type'", tree.encode(code)
    )
    assert kept == "IfStatement"
