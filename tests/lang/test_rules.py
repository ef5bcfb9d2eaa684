"""Rules of the kinds shops publish run as written, within their share of steps, and can be read aloud."""

import pytest

from polus.lang import bind, parse, run, say
from polus.lang.sight import Exhausted, Meter, Sight
from tests.lang import state
from tests.lang.published_rules import RULES


def rule(code):
    return bind.rule(parse.code(code), state.DEFINITIONS).accept()


def names(code, *changes, **rest):
    return [done.name for done in run.reached(rule(code), state.sight(*changes, **rest))]


@pytest.mark.parametrize(
    "code, changes, actions, silent", [row[1:] for row in RULES], ids=[row[0] for row in RULES]
)
def test_published_rules(code, changes, actions, silent):
    assert names(code, *changes) == actions
    if silent is not None:
        assert names(code, *silent) == []


@pytest.mark.parametrize("code", [row[1] for row in RULES], ids=[row[0] for row in RULES])
def test_published_rules_can_be_read_aloud(code):
    lines = say.rule(rule(code))
    assert lines
    for line in lines:
        assert "{" not in line.text or "{{" in line.text


def test_there_are_enough_kinds_of_rules():
    assert len(RULES) >= 40


def test_arguments_arrive_as_data():
    code = "Action('SETASSIGNEE', {assignee_user: {id: 3, 'name': \"Ada\"}}); Action('addTags', {tags: ['a', \"b\"], })"
    first, second = run.reached(rule(code), state.sight())
    assert (first.name, first.arguments) == ("setAssignee", {"assignee_user": {"id": 3, "name": "Ada"}})
    assert second.arguments == {"tags": ["a", "b"]}


def test_an_effect_is_seen_by_the_statements_after_it():
    code = """Action('setStatus', {status: 'closed'});
    if (eq(ticket.status, 'closed')) Action('addTags', {tags: 'x'}); else Action('addTags', {tags: 'y'})"""
    sight = state.sight()
    seen = []
    for done in run.reached(rule(code), sight):
        seen.append(done)
        if done.name == "setStatus":
            sight.change({**sight.ticket, "status": "closed"}, sight.message)
    assert seen[1].arguments == {"tags": "x"}


def test_conditions_stop_when_the_answer_is_known():
    cheap, dear = state.sight(), state.sight()
    list(run.reached(rule("if (false && contains(message.body_text, 'x')) ;"), cheap))
    list(run.reached(rule("if (true && contains(message.body_text, 'x')) ;"), dear))
    assert cheap.meter.spent < dear.meter.spent


def test_a_run_without_a_message_or_a_ticket_fails_no_condition():
    code = "if (contains(message.body_text, 'x') || eq(ticket.customer.email, 'x')) Action('deleteTicket')"
    assert list(run.reached(rule(code), Sight(None, None, now=state.NOW))) == []
    assert list(
        run.reached(rule("if (isEmpty(message.body_text)) Action('deleteTicket')"), Sight(now=state.NOW))
    )


def heavy(size):
    """A rule that looks for 1,000 words in a long text."""
    words = ", ".join(f"'word{n}'" for n in range(1_000))
    return rule(f"if (containsAny(message.body_text, [{words}])) Action('deleteTicket')"), "a " * (size // 2)


def test_steps_are_counted_alike_each_time_and_end_a_run():
    found, text = heavy(50_000)
    spent = []
    sight = state.sight({}, {"body_text": text})
    for _ in range(2):
        sight.meter = Meter()
        assert list(run.reached(found, sight)) == []
        spent.append(sight.meter.spent)
    assert spent[0] == spent[1] > 50_000
    found, text = heavy(1_000_000)
    with pytest.raises(Exhausted, match="steps"):
        list(run.reached(found, state.sight({}, {"body_text": text})))


def test_actions_cost_steps():
    code = "Action('addTags', {tags: 'x'})\n" * 500
    sight = state.sight()
    sight.meter = Meter(steps=10_000)
    with pytest.raises(Exhausted):
        list(run.reached(rule(code), sight))


def test_the_clock_is_a_backstop():
    found, text = heavy(50_000)
    sight = state.sight({}, {"body_text": text})
    sight.meter = Meter(seconds=-1)
    with pytest.raises(Exhausted, match="time"):
        list(run.reached(found, sight))


def test_reading_aloud():
    lines = say.rule(rule(RULES[1][1]))
    assert [("  " * line.depth) + line.text for line in lines] == [
        "If the message's intents include any of shipping/status:",
        "  If the customer's integration data shopify.orders[0].fulfillments[0].tracking_number is not empty:",
        "    apply macro 41",
        "    set the status to closed",
        "  Otherwise:",
        "    add the tags wismo, not-shipped",
        "    set the priority to high",
    ]
