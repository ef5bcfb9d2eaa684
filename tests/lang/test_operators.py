"""What each operator means in memory: the truth table of the reference, missing values, case, and hostile data."""

from datetime import UTC, datetime
from itertools import product

import pytest

from polus.lang import bind, hours, parse, run
from polus.lang.operators import OPERATORS
from polus.lang.sight import Sight
from tests.lang import state


def true(condition, ticket=None, message=None, **rest):
    found = bind.rule(parse.code(f"if ({condition}) Action('deleteTicket')"), state.DEFINITIONS).accept()
    return bool(list(run.reached(found, Sight(ticket, message, now=state.NOW, **rest))))


TAGS = {"tags": [{"name": "vip"}, {"name": "Refund"}]}


@pytest.mark.parametrize(
    "condition, ticket, holds",
    [
        # eq and neq: exact to the character, case-sensitive; e-mail addresses without case
        ("eq(ticket.subject, 'Hat')", {"subject": "Hat"}, True),
        ("eq(ticket.subject, 'hat')", {"subject": "Hat"}, False),
        ("eq(ticket.subject, '')", {"subject": ""}, True),
        ("eq(ticket.subject, null)", {"subject": ""}, False),
        ("eq(ticket.subject, null)", {}, True),
        ("neq(ticket.subject, null)", {}, False),
        ("neq(ticket.subject, 'x')", {}, True),
        ("eq(ticket.customer.email, 'ANA@b.c')", {"customer": {"email": "Ana@B.c"}}, True),
        ("eq(ticket.tags.name, 'vip')", TAGS, True),
        ("eq(ticket.tags.name, 'VIP')", TAGS, False),
        ("neq(ticket.tags.name, 'vip')", TAGS, False),
        ("eq(ticket.tags.name, null)", {"tags": []}, False),
        ("eq(ticket.assignee_user_id, '12')", {"assignee_user": {"id": 12}}, True),
        ("eq(ticket.external_id, 4503599627370497123)", {"external_id": "4503599627370497123"}, True),
        ("eq(ticket.external_id, 1.50)", {"external_id": "1.50"}, True),
        ("eq(ticket.spam, 'TRUE')", {"spam": True}, True),
        ("eq(ticket.assignee_user, null)", {"assignee_user": None}, True),
        ("neq(ticket.assignee_user, null)", {"assignee_user": {"id": 1}}, True),
        # order
        ("gt(ticket.messages_count, 3)", {"messages_count": 4}, True),
        ("gte(ticket.messages_count, '4')", {"messages_count": 4}, True),
        ("lt(ticket.messages_count, 4)", {"messages_count": 4}, False),
        ("gt(ticket.satisfaction_survey.score, 1)", {}, False),
        ("!gt(ticket.satisfaction_survey.score, 1)", {}, True),
        ("gt(ticket.created_datetime, '2026-01-01')", {"created_datetime": "2026-01-01T00:00:00Z"}, False),
        ("gte(ticket.created_datetime, '2026-01-01')", {"created_datetime": "2026-01-01T00:00:00Z"}, True),
        ("lt(ticket.created_datetime, '2026-01-01T02:00:00+02:00')", {"created_datetime": "2025-12-31T23:59:59Z"}, True),
        # texts: folded on both sides, parts of words, words of a phrase in the given order
        ("contains(ticket.subject, 'hat')", {"subject": "WHAT"}, True),
        ("contains(ticket.subject, 'STRASSE')", {"subject": "Lange Straße"}, True),
        ("contains(ticket.subject, 'order late')", {"subject": "late order"}, False),
        ("contains(ticket.subject, 'order  late')", {"subject": "Order\u00a0late"}, True),
        ("contains(ticket.subject, 'a b')", {"subject": "a\nb"}, False),
        ("contains(ticket.subject, 'x')", {}, False),
        ("notContains(ticket.subject, 'x')", {}, True),
        ("containsAny(ticket.subject, [])", {"subject": "x"}, False),
        ("containsAll(ticket.subject, [])", {"subject": "x"}, True),
        ("containsAll(ticket.subject, [])", {}, False),
        ("notContainsAll(ticket.subject, [])", {"subject": "x"}, False),
        ("notContainsAny(ticket.subject, [])", {"subject": "x"}, True),
        ("containsAny(ticket.subject, ['q', 'H'])", {"subject": "hat"}, True),
        ("containsAny(ticket.subject, 'H')", {"subject": "hat"}, True),
        ("containsAll(ticket.subject, ['h', 'T'])", {"subject": "hat"}, True),
        ("notContainsAll(ticket.subject, ['h', 'q'])", {"subject": "hat"}, True),
        ("startsWith(ticket.subject, ['x', 'RE:'])", {"subject": " re: hi"}, True),
        ("endsWith(ticket.subject, 'HI')", {"subject": "re: hi"}, True),
        ("startsWith(ticket.subject, 'x')", {}, False),
        # sets of words: exact membership
        ("containsAny(ticket.channel, ['facebook'])", {"channel": "facebook-messenger"}, False),
        ("startsWith(ticket.channel, 'facebook')", {"channel": "facebook-messenger"}, True),
        ("startsWith(ticket.channel, 'Facebook')", {"channel": "facebook-messenger"}, False),
        ("containsAll(ticket.tags.name, ['vip', 'Refund'])", TAGS, True),
        ("containsAll(ticket.tags.name, ['vip', 'refund'])", TAGS, False),
        ("containsAll(ticket.tags.name, [])", {}, True),
        ("startsWith(ticket.tags.name, 'REF')", TAGS, True),
        # empty
        ("isEmpty(ticket.subject)", {"subject": ""}, True),
        ("isEmpty(ticket.subject)", {"subject": " "}, False),
        ("isEmpty(ticket.messages_count)", {"messages_count": 0}, False),
        ("isEmpty(ticket.spam)", {"spam": False}, False),
        ("isEmpty(ticket.tags)", {"tags": []}, True),
        ("isNotEmpty(ticket.tags)", TAGS, True),
        ("isEmpty(ticket.meta)", {"meta": {}}, True),
        ("isEmpty(ticket.meta.a.b[3].c)", {"meta": {"a": []}}, True),
        # durations
        ("gteTimedelta(ticket.created_datetime, '1h')", {"created_datetime": "2026-06-15T11:00:00Z"}, True),
        ("gtTimedelta(ticket.created_datetime, '1h')", {"created_datetime": "2026-06-15T11:00:00Z"}, False),
        ("lteTimedelta(ticket.created_datetime, '1h')", {"created_datetime": "2026-06-15T11:00:00Z"}, True),
        ("ltTimedelta(ticket.created_datetime, '1h')", {"created_datetime": "2026-06-15T11:00:00Z"}, False),
        ("ltTimedelta(ticket.snooze_datetime, '1h')", {"snooze_datetime": "2026-06-15T13:00:00Z"}, False),
        ("gteTimedelta(ticket.snooze_datetime, '0s')", {"snooze_datetime": None}, False),
        # JSON of unknown shape
        ("eq(ticket.meta.n, '7')", {"meta": {"n": 7}}, True),
        ("eq(ticket.meta.n, 7.0)", {"meta": {"n": "7"}}, True),
        ("eq(ticket.meta.n, true)", {"meta": {"n": "True"}}, True),
        ("eq(ticket.meta.n, 1)", {"meta": {"n": True}}, False),
        ("eq(ticket.meta.n, 'a')", {"meta": {"n": ["b", "a"]}}, True),
        ("eq(ticket.meta.n, 'a')", {"meta": {"n": {"a": 1}}}, False),
        ("contains(ticket.meta.n, 'AB')", {"meta": {"n": "xaby"}}, True),
        ("contains(ticket.meta.n, 1)", {"meta": {"n": "a1b"}}, True),
        ("contains(ticket.meta.n, 1)", {"meta": {"n": 1}}, True),
        ("contains(ticket.meta.n, 'ab')", {"meta": {"n": ["xaby"]}}, False),
        ("gt(ticket.meta.n, 9)", {"meta": {"n": "10.5"}}, True),
        ("gt(ticket.meta.n, '2026-01-01')", {"meta": {"n": "2026-01-02T00:00:00Z"}}, True),
        ("gt(ticket.meta.n, 'a')", {"meta": {"n": "b"}}, False),
        ("gt(ticket.meta.n.p, 2)", {"meta": {"n": [{"p": 1}, {"p": 3}, {}]}}, True),
        ("gtTimedelta(ticket.meta.n, '1d')", {"meta": {"n": "2026-06-01"}}, True),
        ("gtTimedelta(ticket.meta.n, '1d')", {"meta": {"n": 17}}, False),
        ("startsWith(ticket.meta.n, 'A')", {"meta": {"n": [3, None, "abc"]}}, True),
        # custom fields
        ("contains(ticket.custom_fields[8], 'Order')", {"custom_fields": {"8": {"value": "Order::Late"}}}, True),
        ("contains(ticket.custom_fields[8], 'Order::L')", {"custom_fields": {"8": {"value": "Order::Late"}}}, False),
        ("contains(ticket.custom_fields[8], 'order')", {"custom_fields": {"8": {"value": "Order"}}}, False),
        ("eq(ticket.custom_fields[8], 'Order')", {"custom_fields": {"8": {"value": "Order::Late"}}}, False),
        ("startsWith(ticket.custom_fields[8], 'ord')", {"custom_fields": {"8": {"value": "Order"}}}, True),
        ("eq(ticket.custom_fields[9], 0.1)", {"custom_fields": {"9": {"value": 0.1}}}, True),
    ],
)  # fmt: skip
def test_truth(condition, ticket, holds):
    assert true(condition, ticket) is holds
    assert true(f"!{condition}", ticket) is not holds


@pytest.mark.parametrize("row", [row for row in OPERATORS.values() if row.negates], ids=lambda row: row.name)
def test_a_negation_is_the_exact_opposite(row):
    values = [None, "", "x", "X y", "a"]
    operands = {"nothing": [""], "one value or null": [", 'x'", ", null"]}.get(
        row.operand.value, [", 'x'", ", 'a'"]
    )
    path = "ticket.created_datetime" if "Business" in row.name else "ticket.subject"
    for value, operand in product(values, operands):
        held = {"subject": value, "created_datetime": value and "2026-06-15T11:00:00Z"}
        assert true(f"{row.name}({path}{operand})", held) is not true(f"{row.negates}({path}{operand})", held)


def test_html_is_invisible_to_the_text_of_a_message():
    markup = {
        "body_text": None,
        "body_html": '<p class="refund">See <a href="https://refund.example">the offer</a></p>',
    }
    assert not true("contains(message.body_text, 'class')", message=markup)
    assert true("contains(message.text, 'the offer')", message=markup)
    assert true("contains(message.body_html, 'CLASS')", message=markup)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "value", [3, 1.5, True, [], ["x"], [[]], {}, {"name": {}}, "x", "", None, [None, {"name": 3}]]
)
@pytest.mark.parametrize("path", [
    "ticket.subject", "ticket.created_datetime", "ticket.messages_count", "ticket.spam", "ticket.id", "ticket.tags.name",
    "ticket.channel", "ticket.customer.email", "ticket.meta", "ticket.custom_fields[9]", "ticket.assignee_user.id",
])  # fmt: skip
def test_no_data_makes_an_evaluation_fail(path, value):
    held = {}
    for name in (
        "subject",
        "created_datetime",
        "messages_count",
        "spam",
        "id",
        "tags",
        "channel",
        "customer",
        "meta",
    ):
        held[name] = value
    held |= {"custom_fields": {"9": value}, "assignee_user": value}
    for row in OPERATORS.values():
        for operand in (
            "",
            ", 'x'",
            ", 3",
            ", true",
            ", '3d'",
            ", '2026-01-01'",
            ", null",
            ", ['open', 'x']",
        ):
            program = parse.code(f"if ({row.name}({path}{operand})) Action('deleteTicket')")
            reading = bind.rule(program, state.DEFINITIONS)
            if not reading.complaints:
                list(run.reached(reading.accept(), Sight(held, None, now=state.NOW)))


HOURS = [
    ({"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}, "2026-06-15T09:00", True),
    ({"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}, "2026-06-15T08:59", False),
    ({"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}, "2026-06-15T17:00", False),
    ({"days": "1", "from_time": "22:00", "to_time": "06:00"}, "2026-06-16T05:59", True),
    ({"days": "1", "from_time": "22:00", "to_time": "06:00"}, "2026-06-15T05:59", False),
    ({"days": "7", "from_time": "22:00", "to_time": "06:00"}, "2026-06-15T05:59", True),
    ({"days": "1", "from_time": "08:00", "to_time": "24:00"}, "2026-06-15T23:59", True),
    ({"days": "1", "from_time": "08:00", "to_time": "08:00"}, "2026-06-15T00:00", True),
    ({"days": "1", "from_time": "08:00", "to_time": "08:00"}, "2026-06-16T00:00", False),
]


@pytest.mark.parametrize("span, wall, inside", HOURS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Asia/Kolkata"])
def test_business_hours_follow_the_wall_clock_of_the_zone(span, wall, inside, zone):
    found = hours.parse({"timezone": zone, "business_hours": span})
    moment = datetime.fromisoformat(wall).replace(tzinfo=found.zone).astimezone(UTC)
    held = {"created_datetime": moment.isoformat()}
    assert true("duringBusinessHours(ticket.created_datetime)", held, hours=found) is inside
    assert true("outsideBusinessHours(ticket.created_datetime)", held, hours=found) is not inside


def test_no_hours_at_all_count_as_outside():
    held = {"created_datetime": "2026-06-15T12:00:00Z"}
    assert true("outsideBusinessHours(ticket.created_datetime)", held, hours=None)
    assert true("outsideBusinessHours(ticket.created_datetime)", {}, hours=state.OFFICE)


def test_several_spans_are_united():
    spans = [
        {"days": "1", "from_time": "09:00", "to_time": "12:00"},
        {"days": "1", "from_time": "13:00", "to_time": "17:00"},
    ]
    found = hours.parse({"timezone": "UTC", "business_hours": spans})
    inside = [found.contains(datetime(2026, 6, 15, hour, 30, tzinfo=UTC)) for hour in (9, 12, 13)]
    assert inside == [True, False, True]


@pytest.mark.parametrize("wrong", [{"timezone": "Mars/Base"}, {"business_hours": [{"days": "8", "from_time": "09:00", "to_time": "17:00"}]}, {"business_hours": [{"days": "1"}]}, {"business_hours": [3]}, {"business_hours": [{"days": "1", "from_time": "9", "to_time": "x"}]}])  # fmt: skip
def test_wrong_hours_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        hours.parse({"timezone": "UTC", "business_hours": []} | wrong)
