"""Rules tried on history through the API and on the command line."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from polus import rule_trials
from polus.base.settings import Settings, load
from tests import make
from tests.reactions.test_rules_run import Shop, shop  # noqa: F401

PATH = "/api/_polus/rules/dry-run"
CODE = "if (contains(ticket.subject, 'refund')) Action('addTags', {tags: 'money'})"


def window(**more: Any) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    return {"start_datetime": (now - day).isoformat(), "end_datetime": (now + day).isoformat(), **more}


async def test_pages_lead_through_history(shop: Shop) -> None:  # noqa: F811
    ids = [(await shop.ticket(subject=f"Refund {n}", messages=[make.mail()]))["id"] for n in range(3)]
    draft = {"code": CODE, "event_types": "ticket-created, ticket-message-created", "priority": 3}
    found, cursor = [], None
    while True:
        answer = await shop.world.leo.post(PATH, window(rules=[draft], limit=2, cursor=cursor))
        assert answer.status == 201, answer.raw
        found += answer.json["data"]
        cursor = answer.json["meta"]["next_cursor"]
        assert answer.json["meta"]["truncated"] == (cursor is not None)
        if cursor is None:
            break
    # Once for the message, which both triggers name.
    assert [row["ticket_id"] for row in found] == ids
    assert found[0]["actions"] == [
        {"name": "addTags", "arguments": {"tags": "money"}, "status": "success", "reason": None}
    ]
    assert (found[0]["rule_id"], found[0]["changed"], found[0]["approximate"]) == (0, True, [])
    assert await shop.runs() == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"rules": [{"code": "nonsense(", "event_types": "ticket-created"}]}, "rules"),
        ({"rules": [{"code": CODE}]}, "rules"),
        ({"rules": [{"id": 10**9}]}, "rules"),
        ({"start_datetime": "2020-01-01"}, "end_datetime"),
        ({"cursor": "?"}, "cursor"),
        ({"ticket_ids": ["x"]}, "ticket_ids"),
    ],
)
async def test_what_is_wrong_is_told(shop: Shop, given: Any, field: str) -> None:  # noqa: F811
    answer = await shop.world.leo.post(PATH, window(**given))
    assert answer.status == 400
    assert field in answer.json["error"]["data"]


async def test_agents_alone_may(shop: Shop) -> None:  # noqa: F811
    assert (await shop.world.bea.post(PATH, window())).status == 403


async def test_on_the_command_line(
    shop: Shop,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    database_url: str,
) -> None:
    await shop.rule("Action('removeTags', {tags: 'money'})", "ticket-message-created")
    ticket = await shop.ticket(subject="Refund please", tags=[{"name": "money"}])
    await shop.ticket(subject="Hello")
    file = tmp_path / "money.js"
    file.write_text("if (contains(ticket.subject, 'refund')) Action('setTags', {tags: 'money, new'})")
    settings: Settings = load(
        {"POLUS_DATABASE_URL": database_url, "POLUS_SECRET_KEY": "k" * 32}, data=tmp_path
    )
    domain = shop.world.account.domain
    await rule_trials.run(settings, domain, str(file), None, "1d", True)
    told = json.loads(capsys.readouterr().out)
    [row] = told["data"]
    assert row["ticket_id"] == ticket["id"]
    assert [(one["kind"], one["field"]) for one in row["conflicts"]] == [("tag", "money")]
    assert told["meta"]["examined_tickets"] == 2
    await rule_trials.run(settings, domain, str(file), None, "1d", False)
    said = capsys.readouterr().out
    assert "1 of 2 tickets would have been touched; 1 times another rule wanted otherwise." in said
    await rule_trials.list_(settings, domain, False)
    assert "ticket-message-created" in capsys.readouterr().out
