"""View filters of the kinds shops publish hold for the tickets they should, and can be read aloud."""

import pytest

from polus.lang import bind, parse, run, say
from polus.lang.nodes import Reference
from tests.lang import state
from tests.lang.published_views import ME, VIEWS


def view(text, **rest):
    return bind.filters(parse.filters(text), state.DEFINITIONS, **rest).accept()


def matches(text, changes, caller=ME):
    sight = state.sight()
    customer = sight.ticket["customer"] | changes.get("customer", {})
    sight.change({**sight.ticket, **changes, "customer": customer})
    return run.matches(view(text), sight, caller)


@pytest.mark.parametrize("text, inside, outside", [row[1:] for row in VIEWS], ids=[row[0] for row in VIEWS])
def test_published_views(text, inside, outside):
    assert matches(text, inside)
    assert not matches(text, outside)


@pytest.mark.parametrize("text", [row[1] for row in VIEWS], ids=[row[0] for row in VIEWS])
def test_published_views_can_be_read_aloud(text):
    said = say.filters(view(text))
    assert said.startswith(("Tickets where ", "All tickets"))
    assert said.endswith(".")
    assert "{" not in said


def test_there_are_enough_kinds_of_views():
    assert len(VIEWS) >= 40


def test_variables_change_values_never_the_expression():
    hostile = {"name": "x') || true || eq(ticket.subject, 'y", "id": None}
    assert not matches("eq(ticket.subject, '{{current_user.name}}')", {"subject": "z"}, hostile)
    assert matches("eq(ticket.subject, '{{current_user.name}}')", {"subject": hostile["name"]}, hostile)
    assert matches("eq(ticket.subject, 'by {{current_user.name}}!')", {"subject": "by Leo!"}, {"name": "Leo"})
    assert matches(
        "eq(ticket.subject, '{{current_user.name}}')",
        {"subject": "{{current_user.id}}"},
        {"name": "{{current_user.id}}"},
    )


@pytest.mark.parametrize(
    "text",
    [
        "eq(ticket.assignee_user.id, '{{current_user.id}}')",
        "eq(ticket.assignee_user.id, '{{current_user.email}}')",
        "contains(ticket.subject, '{{current_user.firstname}}')",
        "startsWith(ticket.subject, ['{{current_user.firstname}}'])",
        "containsAny(ticket.tags.name, ['{{current_user.firstname}}'])",
        "containsAll(ticket.subject, ['order', '{{current_user.firstname}}'])",
        "eq(ticket.language, '{{current_user.language}}')",
        "gt(ticket.created_datetime, '{{current_user.timezone}}')",
        "gteTimedelta(ticket.created_datetime, '{{current_user.timezone}}')",
    ],
)
def test_a_variable_without_a_fitting_value_matches_nothing(text):
    assert not matches(text, {}, {"email": "no number", "language": "klingon"})
    assert matches("!" + text, {}, {"email": "no number", "language": "klingon"})


def test_reading_aloud():
    names = {
        Reference("Team", 3): "Returns",
        Reference("User", 5): "Ada",
        Reference("Custom field", 8): "contact reason",
    }

    def said(text):
        return say.filters(view(text), names)

    assert (
        said(VIEWS[0][1])
        == "Tickets where the assignee is you and the status is open, without trash and spam."
    )
    assert said("eq(ticket.spam, true)") == "Tickets where the ticket is spam, without trash."
    assert (
        said("isNotEmpty(ticket.trashed_datetime)")
        == "Tickets where the time it was moved to the trash is set."
    )
    assert said("eq(ticket.assignee_team.id, 3) || neq(ticket.assignee_user.id, 5) && containsAll(ticket.tags.name, ['a', 'b'])") == (
        "Tickets where the team is Returns or (the assignee is not Ada and the tags include all of “a” and “b”), without trash and spam."
    )  # fmt: skip
    assert said("!contains(ticket.custom_fields[8], 'x') && !(true && false) && gteTimedelta(ticket.created_datetime, '1d 12h')") == (
        "Tickets where the contact reason is not “x” and not (always and never) and the creation time is at least "
        "1 day and 12 hours ago, without trash and spam."
    )  # fmt: skip
    assert say.filters(view("", customers=True)) == "All customers."


def test_every_field_and_operator_can_be_read_aloud():
    for operand in ("", ", 'open'", ", 3", ", '3d'", ", null", ", true", ", ['a', 'b']", ", '2026-01-01'"):
        for name in ("eq", "neq", "gt", "contains", "notContainsAny", "endsWith", "isEmpty", "gtTimedelta"):
            for path in (
                "ticket.status",
                "ticket.id",
                "ticket.spam",
                "ticket.created_datetime",
                "ticket.tags.name",
            ):
                reading = bind.filters(parse.filters(f"{name}({path}{operand})"), state.DEFINITIONS)
                if not reading.complaints:
                    assert "{" not in say.filters(reading.accept())
