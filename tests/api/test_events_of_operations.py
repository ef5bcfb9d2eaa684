"""Which events each operation writes, with what was there before: the table that the reference describes in words."""

import re
from typing import Any

import pytest

from polus.api.operation import Operation
from tests import samples
from tests import world as worlds

pytestmark = pytest.mark.thorough

PEOPLE = {"observer-agent": "oda", "lite-agent": "lia", "basic-agent": "bea", "agent": "leo", "admin": "ada"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
# Room for what every filling of the shop makes anew.
ROOM = (
    "update custom_fields set deactivated_datetime = now() where account_id = $1",
    "delete from views where account_id = $1 and category = 'user'",
)
Told = dict[str, list[tuple[str, str, Any]]]

EVENTS: Told = {
    "bulk-archive-macros": [("macro-updated", "Macro", {"archived_datetime": [None, "@"]})],
    "bulk-unarchive-macros": [("macro-updated", "Macro", {"archived_datetime": ["@", None]})],
    "cancel-job": [],
    "create-account-setting": [("account-setting-created", "AccountSetting", None)],
    "create-custom-field": [("custom-field-created", "CustomField", {"name": "Shoe size"})],
    "create-customer": [("customer-created", "Customer", {"name": "Nora North"})],
    "create-integration": [("integration-created", "Integration", {"name": "Stock"})],
    "create-job": [],
    "create-macro": [("macro-created", "Macro", {"name": "Refund"})],
    "create-metric-card-feedback": [],
    "create-rule": [("rule-created", "Rule", {"name": "Sweets"})],
    "create-satisfaction-survey": [],
    "create-tag": [("tag-created", "Tag", {"name": "urgent"})],
    "create-team": [("team-created", "Team", {"name": "Night shift"})],
    "create-ticket": [
        ("ticket-created", "Ticket", None),
        (
            "ticket-message-created",
            "TicketMessage",
            {"channel": "email", "ticket_id": "#", "from_agent": False},
        ),
    ],
    "create-ticket-message": [
        (
            "ticket-message-created",
            "TicketMessage",
            {"channel": "internal-note", "ticket_id": "#", "from_agent": True},
        ),
        ("ticket-updated", "Ticket", None),
    ],
    "create-ticket-tags": [
        ("ticket-tags-added", "Ticket", {"tags": [{"id": "#", "name": "Marzipan tag2"}]}),
        ("ticket-updated", "Ticket", None),
    ],
    "create-user": [("user-created", "User", None), ("user-invited", "User", None)],
    "create-view": [("view-created", "View", {"name": ""})],
    "create-voice-call-summary": [],
    "create-widget": [("widget-created", "Widget", None)],
    "delete-customer": [("customer-deleted", "Customer", {"name": "Noa Marzipan"})],
    "delete-customer-custom-field-value": [
        ("customer-updated", "Customer", {"custom_fields": {"#": ["Marzipan", None]}})
    ],
    "delete-customers": [("customer-deleted", "Customer", {"name": "Noa Marzipan"})],
    "delete-integration": [
        ("widget-deleted", "Widget", None),
        ("integration-deleted", "Integration", {"name": "Marzipan stock"}),
    ],
    "delete-macro": [("macro-deleted", "Macro", {"name": "Marzipan"})],
    "delete-rule": [("rule-deleted", "Rule", {"name": "Marzipan rule"})],
    "delete-tag": [("tag-deleted", "Tag", {"name": "Marzipan tag"})],
    "delete-tags": [
        ("tag-deleted", "Tag", {"name": "Marzipan tag"}),
        ("tag-deleted", "Tag", {"name": "Marzipan tag2"}),
    ],
    "delete-team": [("team-deleted", "Team", {"name": "Marzipan team"})],
    "delete-ticket": [("ticket-deleted", "Ticket", {"subject": "Marzipan is late", "customer_id": "#"})],
    "delete-ticket-custom-field": [
        ("ticket-updated", "Ticket", {"custom_fields": {"#": ["Marzipan", None]}})
    ],
    "delete-ticket-message": [
        (
            "ticket-message-deleted",
            "TicketMessage",
            {"channel": "internal-note", "ticket_id": "#", "from_agent": True},
        )
    ],
    "delete-ticket-tags": [
        ("ticket-tags-removed", "Ticket", {"tags": [{"id": "#", "name": "Marzipan tag"}]}),
        ("ticket-updated", "Ticket", None),
    ],
    "delete-user": [
        ("ticket-updated", "Ticket", {"assignee_user_id": ["#", None]}),
        ("ticket-unassigned", "Ticket", {"assignee_user_id": "#"}),
        ("user-deleted", "User", {"name": "Uma Marzipan"}),
    ],
    "delete-view": [("view-deleted", "View", {"name": "Marzipan"})],
    "delete-voice-call-recording": [],
    "delete-widget": [("widget-deleted", "Widget", None)],
    "merge-customers": [("customer-merged", "Customer", {"source_id": "#", "target_id": "#"})],
    "merge-tags": [
        ("tag-deleted", "Tag", {"name": "Marzipan tag2"}),
        ("tag-merged", "Tag", {"source_tags_ids": ["#"]}),
    ],
    "merge-tickets": [("ticket-merged", "Ticket", {"source_id": "#", "target_id": "#"})],
    "search": [],
    "split-ticket": [
        ("ticket-created", "Ticket", None),
        ("ticket-split", "Ticket", {"split_from": "#"}),
        ("ticket-assigned", "Ticket", {"assignee_user_id": "#"}),
        ("ticket-updated", "Ticket", None),
    ],
    "update-account-setting": [],
    "update-custom-field": [
        ("custom-field-updated", "CustomField", {"description": [None, "Why they write."]})
    ],
    "update-custom-fields": [("custom-field-updated", "CustomField", {"priority": ["#", "#"]})],
    "update-customer": [("customer-updated", "Customer", {"note": [None, "Likes sugar."]})],
    "update-customer-custom-field-value": [
        ("customer-updated", "Customer", {"custom_fields": {"#": ["blue", "green"]}})
    ],
    "update-customer-custom-field-values": [
        ("customer-updated", "Customer", {"custom_fields": {"#": ["Marzipan", "blue"]}})
    ],
    "update-customer-data": [("customer-updated", "Customer", {"data": True})],
    "update-integration": [("integration-updated", "Integration", {"name": ["Marzipan stock", "Shelves"]})],
    "update-job": [],
    "update-macro": [("macro-updated", "Macro", {"name": ["Marzipan", "Sorry"]})],
    "update-presence": [("user-updated", "User", {"available": [True, False]})],
    "update-rule": [
        (
            "rule-updated",
            "Rule",
            {
                "code": [
                    "if (isNotEmpty(ticket.tags)) { Action('addTags', {tags: 'Marzipan tag2'}); }",
                    "if (isEmpty(ticket.tags)) { Action('setTeamAssignee', {assignee_team: {id: #}}); }",
                ],
                "deactivated_datetime": ["@", None],
            },
        ),
        ("rule-reactivated", "Rule", None),
    ],
    "update-rules-priorities": [("rule-priority-updated", "Rule", {"priority": ["#", "#"]})],
    "update-satisfaction-survey": [
        ("satisfaction-survey-responded", "SatisfactionSurvey", {"score": "#", "ticket_id": "#"})
    ],
    "update-tag": [
        ("tag-renamed", "Tag", {"name": ["Marzipan tag", "sweets"]}),
        ("tag-updated", "Tag", {"name": ["Marzipan tag", "sweets"]}),
    ],
    "update-team": [("team-updated", "Team", {"name": ["Marzipan team", "Day shift"]})],
    "update-ticket": [],
    "update-ticket-custom-field": [("ticket-updated", "Ticket", {"custom_fields": {"#": ["late", "lost"]}})],
    "update-ticket-custom-fields": [
        ("ticket-updated", "Ticket", {"custom_fields": {"#": ["Marzipan", "late"]}})
    ],
    "update-ticket-message": [
        (
            "ticket-message-updated",
            "TicketMessage",
            {"channel": "internal-note", "ticket_id": "#", "from_agent": True},
        )
    ],
    "update-ticket-tags": [
        ("ticket-tags-removed", "Ticket", {"tags": [{"id": "#", "name": "sweets"}]}),
        ("ticket-updated", "Ticket", None),
    ],
    "update-user": [("user-updated", "User", {"bio": [None, "Answers on Mondays."]})],
    "update-view": [("view-updated", "View", {"name": ["Marzipan", "Mine"]})],
    "update-view-items": [],
    "update-widget": [("widget-updated", "Widget", {"order": ["#", "#"]})],
    "upload-files": [],
}

# Changes that are told by events of their own: operation, body, events.
FURTHER: list[tuple[str, Any, list[tuple[str, str, Any]]]] = [
    (
        "update-account-setting",
        {"type": "views-visibility", "data": {"hidden_views": [1]}},
        [("account-setting-updated", "AccountSetting", {"hidden_views": True})],
    ),
    (
        "update-ticket",
        {"status": "closed"},
        [
            ("ticket-updated", "Ticket", {"status": ["open", "closed"], "closed_datetime": [None, "@"]}),
            ("ticket-closed", "Ticket", None),
        ],
    ),
    (
        "update-ticket",
        {"status": "open"},
        [
            ("ticket-updated", "Ticket", {"status": ["closed", "open"], "closed_datetime": ["@", None]}),
            ("ticket-reopened", "Ticket", None),
        ],
    ),
    (
        "update-ticket",
        {"subject": "New"},
        [
            ("ticket-updated", "Ticket", {"subject": ["Marzipan is late", "New"]}),
            ("ticket-subject-updated", "Ticket", {"subject": ["Marzipan is late", "New"]}),
        ],
    ),
    (
        "update-ticket",
        {"priority": "high", "tags": []},
        [
            ("ticket-updated", "Ticket", {"priority": ["normal", "high"]}),
            ("ticket-tags-removed", "Ticket", {"tags": [{"id": "#", "name": "Marzipan tag"}]}),
            ("ticket-updated", "Ticket", None),
        ],
    ),
    (
        "update-ticket",
        {"customer": {"id": "customer2"}},
        [
            ("ticket-updated", "Ticket", {"customer_id": ["#", "#"]}),
            ("ticket-customer-updated", "Ticket", {"customer_id": ["#", "#"]}),
        ],
    ),
    (
        "update-ticket",
        {"assignee_user": None},
        [
            ("ticket-updated", "Ticket", {"assignee_user_id": ["#", None]}),
            ("ticket-unassigned", "Ticket", {"assignee_user_id": "#"}),
        ],
    ),
    (
        "update-ticket",
        {"assignee_user": {"id": "user"}},
        [
            ("ticket-updated", "Ticket", {"assignee_user_id": [None, "#"]}),
            ("ticket-assigned", "Ticket", {"assignee_user_id": "#"}),
        ],
    ),
    (
        "update-ticket",
        {"assignee_team": {"id": "team"}},
        [
            ("ticket-updated", "Ticket", {"assignee_team_id": [None, "#"]}),
            ("ticket-team-assigned", "Ticket", {"assignee_team_id": "#"}),
        ],
    ),
    (
        "update-ticket",
        {"assignee_team": None},
        [
            ("ticket-updated", "Ticket", {"assignee_team_id": ["#", None]}),
            ("ticket-team-unassigned", "Ticket", {"assignee_team_id": "#"}),
        ],
    ),
    (
        "update-ticket",
        {"spam": True},
        [("ticket-updated", "Ticket", {"spam": [False, True]}), ("ticket-marked-spam", "Ticket", None)],
    ),
    (
        "update-ticket",
        {"spam": False},
        [("ticket-updated", "Ticket", {"spam": [True, False]}), ("ticket-unmarked-spam", "Ticket", None)],
    ),
    (
        "update-ticket",
        {"trashed_datetime": "2026-03-01T00:00:00Z"},
        [("ticket-updated", "Ticket", {"trashed_datetime": [None, "@"]}), ("ticket-trashed", "Ticket", None)],
    ),
    (
        "update-ticket",
        {"trashed_datetime": None},
        [
            ("ticket-updated", "Ticket", {"trashed_datetime": ["@", None]}),
            ("ticket-untrashed", "Ticket", None),
        ],
    ),
    (
        "update-ticket",
        {"snooze_datetime": "2040-01-01T00:00:00Z"},
        [
            (
                "ticket-updated",
                "Ticket",
                {
                    "status": ["open", "closed"],
                    "closed_datetime": [None, "@"],
                    "snooze_datetime": [None, "@"],
                },
            ),
            ("ticket-closed", "Ticket", None),
            ("ticket-snoozed", "Ticket", {"snooze_datetime": "@"}),
        ],
    ),
    (
        "update-integration",
        {"deactivated_datetime": "2026-03-01T00:00:00Z"},
        [
            ("integration-updated", "Integration", {"deactivated_datetime": [None, "@"]}),
            (
                "integration-deactivated",
                "Integration",
                {"name": "Marzipan stock", "reason": "Somebody switched it."},
            ),
        ],
    ),
    (
        "update-integration",
        {"deactivated_datetime": None, "http": {"hmac_secret": "s3cret"}},
        [
            (
                "integration-updated",
                "Integration",
                {"http": {"hmac_secret": True}, "deactivated_datetime": ["@", None]},
            ),
            (
                "integration-reactivated",
                "Integration",
                {"name": "Marzipan stock", "reason": "Somebody switched it."},
            ),
        ],
    ),
    (
        "update-rule",
        {"deactivated_datetime": "2026-03-01T00:00:00Z"},
        [("rule-updated", "Rule", {"deactivated_datetime": ["@", "@"]})],
    ),
    (
        "update-customer",
        {"email": "other@example.com", "note": "x" * 1001},
        [
            (
                "customer-updated",
                "Customer",
                {"note": True, "email": ["mia@example.com", "other@example.com"], "channels": True},
            )
        ],
    ),
]


@pytest.fixture(scope="module")
async def told(database: Any, http: Any, url: str) -> Told:
    """What the sample call of each operation recorded: type, object type, data."""
    world = await worlds.make(database, http, url)
    found = {}
    things = await samples.fill(world)
    # What takes something away comes last, and from a shop that has it again.
    for operation in sorted(samples.OPERATIONS, key=_spoils):
        if _spoils(operation):
            for sql in ROOM:
                await world.rows(sql)
            things = await samples.fill(world)
        before = len(await world.events())
        client = world.people[PEOPLE[operation.role]]
        answer = await samples.call(client, operation, samples.path(operation, things), things)
        assert answer.status == operation.status, (operation.id, answer.raw)
        found[operation.id] = [(t, o, _plain(data)) for t, o, _, data in (await world.events())[before:]]
    return found


def _spoils(operation: Operation) -> bool:
    return operation.method == "DELETE" or operation.id.startswith(("merge-", "split-"))


def _plain(data: Any) -> Any:
    """Without what is different in each run: numbers are `#`, moments `@`."""
    if isinstance(data, dict):
        return {("#" if key.isdigit() else key): _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(item) for item in data]
    if isinstance(data, int) and not isinstance(data, bool):
        return "#"
    if isinstance(data, str):
        return "@" if MOMENT.fullmatch(data) else re.sub(r"\b\d+\b", "#", re.sub(r" \d+$", "", data))
    return data


@pytest.fixture(scope="module")
async def further(database: Any, http: Any, url: str) -> list[list[tuple[str, str, Any]]]:
    """What the further changes recorded, one after the other in one shop."""
    world = await worlds.make(database, http, url)
    things = await samples.fill(world)
    by_id = {operation.id: operation for operation in samples.OPERATIONS}
    found = []
    for name, body, _ in FURTHER:
        before = len(await world.events())
        answer = await world.ada.put(samples.path(by_id[name], things), _filled(body, things))
        assert answer.status == by_id[name].status, answer.raw
        found.append([(t, o, _plain(data)) for t, o, _, data in (await world.events())[before:]])
    return found


def _filled(body: Any, things: Any) -> Any:
    """The body with the ids of things in place of their names."""
    if isinstance(body, dict):
        return {key: things[value] if key == "id" else _filled(value, things) for key, value in body.items()}
    return body


def test_each_operation_that_changes_something_has_a_line(told: Told) -> None:
    """A new one is written down here with what it records; one that only reads records nothing.

    Operations of Polus' own (`/api/_polus/`) may be told of by their own tests instead.
    """
    wire = [operation for operation in samples.OPERATIONS if "/_polus/" not in operation.path]
    silent = {operation.id for operation in wire if operation.id not in EVENTS}
    assert {name for name in silent if told[name]} == set()
    writers = {o.id for o in wire if o.method != "GET" and (o.scope or ":write").endswith(":write")}
    assert writers - set(EVENTS) == set()


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_call_records(told: Told, name: str) -> None:
    assert told[name] == EVENTS[name]


@pytest.mark.parametrize("place", range(len(FURTHER)), ids=lambda place: f"{place}-{FURTHER[place][0]}")
def test_the_change_records(further: list[list[tuple[str, str, Any]]], place: int) -> None:
    assert further[place] == FURTHER[place][2]
