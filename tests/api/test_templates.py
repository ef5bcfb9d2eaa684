"""Trying a template on a ticket: the same filling as everywhere, and what each variable gave."""

from typing import Any

import pytest

from polus.desk import templates
from polus.lang.template import Target
from tests import make
from tests.world import World


async def _try(world: World, template: str, ticket_id: int, **more: Any) -> Any:
    body = {"template": template, "ticket_id": ticket_id, **more}
    answer = await world.lia.post("/api/_polus/templates/try", body)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_a_template_is_filled_and_explained(world: World) -> None:
    ticket = await make.ticket(world, subject="1 < 2", tags=[{"name": "VIP"}, {"name": "late"}])
    tried = await _try(
        world,
        "Hi {{ticket.customer.firstname | upper}}, {{ticket.subject}} {{ticket.tags}} {{nothing[0].at.all}}"
        " {{ticket.id | shout}} {{current_user.firstname}} {{satisfaction_survey_url}}",
        ticket["id"],
        target="html",
    )
    start = f"Hi MIA, 1 &lt; 2 VIP, late  {ticket['id']} Lia {world.account.base_url}/survey/"
    assert tried["result"].startswith(start)
    variables = tried["variables"]
    assert [one["text"] for one in variables][:4] == ["MIA", "1 &lt; 2", "VIP, late", ""]
    assert [one["missing"] for one in variables] == [False, False, False, True, False, False, False]
    assert [one["value"] for one in variables][:2] == ["Mia", "1 < 2"]
    assert variables[4]["unknown_filters"] == ["shout"]
    assert variables[0]["source"] == "{{ticket.customer.firstname | upper}}"
    # Nothing is kept of it.
    assert await world.events("ticket-updated") == []


@pytest.mark.parametrize(
    ("target", "result"),
    [
        ("html", "&lt;b&gt;<br>&amp;"),
        ("text", "<b>\n&"),
        ("line", "<b> &"),
        ("url", "%3Cb%3E%0A%26"),
        ("leaf", "<b>\n&"),
    ],
)
async def test_each_target_escapes_in_its_own_way(world: World, target: str, result: str) -> None:
    ticket = await make.ticket(world, messages=[make.mail("<b>\n&")])
    tried = await _try(world, "{{ticket.messages[0].body_text}}", ticket["id"], target=target)
    assert tried["result"] == result
    assert target in templates.TARGETS
    assert set(templates.TARGETS) == {one.value for one in Target}


async def test_tricks_stay_text_and_limits_are_told(world: World, other: World) -> None:
    ticket = await make.ticket(world)
    for trick in ("{% for x in y %}", "{{ ticket.__class__.__mro__ }}", "{{ ''.join }}", "{{ 7*7 }}", "{{"):
        tried = await _try(world, trick, ticket["id"])
        assert tried["result"] in (trick, "")
    many = await world.lia.post(
        "/api/_polus/templates/try", {"template": "{{ticket.id}}" * 1001, "ticket_id": ticket["id"]}
    )
    assert many.json["error"] == {
        "msg": "Failed to fill template",
        "data": {"template": ["Template has too many variables."]},
    }
    foreign = await other.lia.post("/api/_polus/templates/try", {"template": "", "ticket_id": ticket["id"]})
    assert foreign.json["error"]["data"] == {"ticket_id": ["Does not exist."]}
