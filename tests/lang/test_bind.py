"""What is checked when code is saved: messages, their places and order, what it refers to."""

import pytest

from polus.lang import bind, parse
from polus.lang.nodes import Reference
from polus.lang.refused import Refused
from tests.lang import state


def rule(code):
    return bind.rule(parse.code(code), state.DEFINITIONS)


def view(text, **rest):
    return bind.filters(parse.filters(text), state.DEFINITIONS, **rest)


def said(reading, missing=()):
    with pytest.raises(Refused) as caught:
        reading.accept(missing)
    return caught.value.messages


@pytest.mark.parametrize(
    "text, message",
    [
        ("equals(ticket.id, 1)", "Unknown function 'equals' at line 1, column 0."),
        ("EQ(ticket.id, 1)", "Unknown function 'EQ' at line 1, column 0."),
        ("eq(ticket.id)", "Function 'eq' takes 2 arguments (line 1, column 0)."),
        ("isEmpty(ticket.id, 1)", "Function 'isEmpty' takes 1 argument (line 1, column 0)."),
        ("eq(ticket.colour, 1)", "Unknown field 'ticket.colour' at line 1, column 3."),
        ("eq(message.body_text, 'x')", "Unknown field 'message.body_text' at line 1, column 3."),
        ("eq(customer.name, 'x')", "Unknown field 'customer.name' at line 1, column 3."),
        ("eq(ticket, 'x')", "Unknown field 'ticket' at line 1, column 3."),
        ("eq(ticket.meta.x, 'x')", "Unknown field 'ticket.meta.x' at line 1, column 3."),
        ("eq(ticket.tags[0].name, 'x')", "Unknown field 'ticket.tags[0].name' at line 1, column 3."),
        ("eq(ticket.__proto__, 'x')", "Unknown field 'ticket.__proto__' at line 1, column 3."),
        ("eq(ticket.customer.note, 'x')", "Unknown field 'ticket.customer.note' at line 1, column 3."),
        ("eq(ticket.custom_fields[77], 'x')", "Custom field 77 does not exist."),
        ("eq(ticket.custom_fields[22], 1)", "Custom field 22 does not exist."),
        ("eq(ticket.custom_fields[9].label, 1)", "Unknown field 'ticket.custom_fields[9].label' at line 1, column 3."),
        ("gt(ticket.subject, 1)", "Function 'gt' cannot be used on 'ticket.subject' (type text) at line 1, column 0."),
        ("gt(ticket.priority, 'low')", "Function 'gt' cannot be used on 'ticket.priority' (type enum) at line 1, column 0."),
        ("contains(ticket.tags, 'x')", "Function 'contains' cannot be used on 'ticket.tags' (type list<object>) at line 1, column 0."),
        ("eq(ticket.tags, null)", "Function 'eq' cannot be used on 'ticket.tags' (type list<object>) at line 1, column 0."),
        ("eq(ticket.assignee_user, 3)", "Function 'eq' cannot be used on 'ticket.assignee_user' (type object) at line 1, column 0."),
        ("eq(ticket.status, 'opened')", "Invalid value for 'ticket.status' at line 1, column 18: not one of closed, open."),
        ("eq(ticket.id, 'x')", "Invalid value for 'ticket.id' at line 1, column 14: not an id."),
        ("eq(ticket.id, -1)", "Invalid value for 'ticket.id' at line 1, column 14: not an id."),
        ("eq(ticket.spam, 'maybe')", "Invalid value for 'ticket.spam' at line 1, column 16: not true or false."),
        ("eq(ticket.subject, 3)", "Invalid value for 'ticket.subject' at line 1, column 19: not a text."),
        ("gt(ticket.created_datetime, 'soon')", "Invalid value for 'ticket.created_datetime' at line 1, column 28: not a valid datetime."),
        ("gt(ticket.messages_count, '1e999')", "Invalid value for 'ticket.messages_count' at line 1, column 26: not a number."),
        ("gt(ticket.messages_count, null)", "Invalid value for 'ticket.messages_count' at line 1, column 26: null where a value is expected."),
        ("eq(ticket.subject, ['x'])", "Invalid value for 'ticket.subject' at line 1, column 19: a list where one value is expected."),
        ("containsAny(ticket.subject, [['x']])", "Invalid value for 'ticket.subject' at line 1, column 28: a list inside a list."),
        ("contains(ticket.subject, '')", "Invalid value for 'ticket.subject' at line 1, column 25: an empty text."),
        ("startsWith(ticket.subject, ' ')", "Invalid value for 'ticket.subject' at line 1, column 27: an empty text."),
        ("gtTimedelta(ticket.created_datetime, '1y')", "Invalid value for 'ticket.created_datetime' at line 1, column 37: not a duration such as '3d' or '1d 12h', at most 3650 days."),
        ("gtTimedelta(ticket.created_datetime, 3)", "Invalid value for 'ticket.created_datetime' at line 1, column 37: not a duration such as '3d'."),
        ("gtTimedelta(ticket.subject, '1d')", "Function 'gtTimedelta' cannot be used on 'ticket.subject' (type text) at line 1, column 0."),
        ("duringBusinessHours(ticket.created_datetime)", "Function 'duringBusinessHours' cannot be used in a view (line 1, column 0)."),
        ("eq(ticket.subject, '{{current_user.password}}')", "Invalid value for 'ticket.subject' at line 1, column 19: unknown variable 'current_user.password'."),
        ("eq(ticket.subject, '{{ticket.subject}}')", "Invalid value for 'ticket.subject' at line 1, column 19: unknown variable 'ticket.subject'."),
    ],
)  # fmt: skip
def test_complaints_about_views(text, message):
    assert said(view(text)) == [message]


@pytest.mark.parametrize(
    "code, message",
    [
        ("Action('explode')", "Unknown action 'explode' at line 1, column 0."),
        ("\n  Action('explode')", "Unknown action 'explode' at line 2, column 2."),
        ("Action('http', {url: 'https://x'})", "Action 'http' cannot be used in a rule."),
        ("Action('shopifyRefundOrder', {})", "Action 'shopifyRefundOrder' cannot be used in a rule."),
        ("Action('setResponseText', {body_text: 'x'})", "Action 'setResponseText' cannot be used in a rule."),
        ("Action('addTags')", "Invalid argument 'tags' of action 'addTags': missing."),
        ("Action('addTags', {tags: ' , '})", "Invalid argument 'tags' of action 'addTags': no tag name."),
        ("Action('addTags', {tags: 3})", "Invalid argument 'tags' of action 'addTags': not a text of tag names with commas between them."),
        ("Action('addTags', {tags: 'x', tag: 'y'})", "Invalid argument 'tag' of action 'addTags': unknown."),
        ("Action('addTags', {tags: 'x', __proto__: {a: 1}})", "Invalid argument '__proto__' of action 'addTags': unknown."),
        ("Action('addTags', {Tags: 'x', tags: 'y'})", "Invalid argument 'Tags' of action 'addTags': unknown."),
        ("Action('setStatus', {status: 'done'})", "Invalid argument 'status' of action 'setStatus': not one of open, closed."),
        ("Action('setAssignee', {assignee_user: 3})", "Invalid argument 'assignee_user' of action 'setAssignee': not null or an object with an id."),
        ("Action('setAssignee', {assignee_user: {id: 'x'}})", "Invalid argument 'assignee_user' of action 'setAssignee': not an id."),
        ("Action('snoozeTicket', {snooze_timedelta: '1x'})", "Invalid argument 'snooze_timedelta' of action 'snoozeTicket': not a duration such as '3d' or '1d 12h', at most 3650 days."),
        ("Action('snoozeTicket', {})", "Invalid argument 'snooze_timedelta' of action 'snoozeTicket': missing."),
        ("Action('snoozeTicket', {snooze_datetime: 'x'})", "Invalid argument 'snooze_datetime' of action 'snoozeTicket': not a valid datetime."),
        ("Action('replyToTicket', {})", "Invalid argument 'body_text' of action 'replyToTicket': missing."),
        ("Action('replyToTicket', {body_text: 3})", "Invalid argument 'body_text' of action 'replyToTicket': not a text."),
        ("Action('applyMacro', {macro: 'x'})", "Invalid argument 'macro' of action 'applyMacro': not an id."),
        ("Action('setCustomFieldValue', {custom_field_id: 8, value: [1]})", "Invalid argument 'value' of action 'setCustomFieldValue': not a text, a number, true, false or null."),
        ("Action('sendEmail', {to: 3, subject: 'x', body_text: 'y'})", "Invalid argument 'to' of action 'sendEmail': not a text or a list of e-mail addresses."),
        ("if (eq(ticket.is_unread, true)) ;", "Unknown field 'ticket.is_unread' at line 1, column 7."),
        ("if (eq(message.headers, 'x')) ;", "Unknown field 'message.headers' at line 1, column 7."),
        ("if (contains(message.intents.name, 'refund')) ;", None),
    ],
)  # fmt: skip
def test_complaints_about_rules(code, message):
    (found,) = said(rule(code))
    assert (
        found == message
        if message
        else found.startswith("Invalid value for 'message.intents.name' at line 1, column 35")
    )


def test_all_complaints_come_together_in_the_order_of_the_text():
    messages = said(
        rule(
            "if (foo(ticket.bar, 1)) { Action('addTags', {tags: 'x'}) }\nAction('applyMacro', {macro: 41}); Action('nope')"
        ),
        missing=[Reference("Macro", 41)],
    )
    assert messages == [
        "Unknown function 'foo' at line 1, column 4.",
        "Unknown field 'ticket.bar' at line 1, column 8.",
        "Macro 41 does not exist.",
        "Unknown action 'nope' at line 2, column 35.",
    ]


def test_at_most_twenty_complaints():
    assert len(said(view(" && ".join(["foo(ticket.id, 1)"] * 30)))) == 20


def test_references():
    reading = rule(
        """if (eq(ticket.assignee_user.id, '5') && containsAny(ticket.tags.name, ['vip', "gold"]) && eq(ticket.custom_fields[8], 'x')
        && neq(ticket.assignee_team_id, 6) && contains(ticket.integrations.id, 7) && eq(ticket.store.id, 9)
        && startsWith(ticket.tags.name, 'not-a-tag') && gt(ticket.assignee_user.id, 99)) {
          Action('addTags', {tags: 'a, b'}); Action('setAssignee', {assignee_user: {id: 1}});
          Action('setTeamAssignee', {assignee_team: {id: '2'}}); Action('applyMacro', {macro: '41'});
          Action('setCustomFieldValue', {custom_field_id: 3, value: 1});
          Action('setAssignee', {assignee_user: {id: '{{current_user.id}}'}}) }"""
    )
    assert reading.references == {
        Reference("User", 5), Reference("Tag", "vip"), Reference("Tag", "gold"), Reference("Custom field", 8),
        Reference("Team", 6), Reference("Integration", 7), Reference("Integration", 9), Reference("Tag", "a"),
        Reference("Tag", "b"), Reference("User", 1), Reference("Team", 2), Reference("Macro", 41),
        Reference("Custom field", 3),
    }  # fmt: skip
    assert reading.accept().references == reading.references
    assert said(reading, [Reference("User", 5), Reference("Team", 2)]) == [
        "User 5 does not exist.",
        "Team 2 does not exist.",
    ]


def test_variables_of_views_refer_to_nobody():
    assert view("eq(ticket.assignee_user.id, '{{current_user.id}}')").references == frozenset()


@pytest.mark.parametrize(
    "text, trash, spam",
    [
        ("", True, True),
        ("eq(ticket.status, 'open')", True, True),
        ("isNotEmpty(ticket.trashed_datetime)", False, False),
        ("eq(ticket.spam, true)", True, False),
        ("eq(ticket.spam, true) || isEmpty(ticket.trashed_datetime)", False, False),
    ],
)
def test_what_a_view_hides(text, trash, spam):
    found = view(text).accept()
    assert (found.hides_trashed, found.hides_spam) == (trash, spam)


def test_customer_lists_have_their_own_root():
    found = view(
        "contains(customer.channels.address, '+33') && gt(customer.custom_fields[22], 3)", customers=True
    ).accept()
    assert (found.customers, found.hides_trashed, found.hides_spam) == (True, False, False)
    assert said(view("eq(ticket.id, 1)", customers=True)) == [
        "Unknown field 'ticket.id' at line 1, column 3."
    ]
    assert said(view("eq(customer.firstname, 'x')", customers=True))


@pytest.mark.parametrize(
    "path",
    [
        "ticket['subject']", "ticket.requester.email", "ticket.custom_fields['8'].value", "ticket.customer.custom_fields[21]",
        "ticket.first_message.body_text", "ticket.messages[-2].sender.email", "ticket.messages.subject",
        "ticket.messages[0].headers['X-A']", "ticket.last_message.attachments[0].name", "message.source.to[1].address",
        "ticket.customer.integrations['12'].orders[0].name", "ticket.customer.integrations.magento2.x.y", "message.meta.a[0].b",
        "ticket.tags[0].name", "message.text", "ticket.customer.channels[0].address", "message.intents[0].name",
    ],
)  # fmt: skip
def test_paths_of_rules(path):
    rule(f"if (contains({path}, 'order/wrong')) ;").accept() if "intents" in path else rule(
        f"if (contains({path}, 'x')) ;"
    ).accept()


@pytest.mark.parametrize(
    "path",
    [
        "ticket.status[0]", "ticket.tags[0][1].name", "ticket.messages", "ticket.messages[0]", "message.sender", "ticket.customer",
        "ticket.messages[0][1].subject", "ticket.first_message[0].subject", "message.headers.a.b", "message.source",
        "ticket.custom_fields", "ticket.custom_fields.x", "ticket.custom_fields[-8]", "ticket.custom_fields[8].value.x",
        "ticket.constructor", "ticket.customer.customer", "ticket.meta2",
    ],
)  # fmt: skip
def test_paths_that_lead_to_no_field(path):
    (message,) = said(rule(f"if (isEmpty({path})) ;"))
    assert message.startswith("Unknown field")
