"""Rules and views of the kinds shops publish, as written: stored through the API, and at work on live tickets."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests import make
from tests.lang import state
from tests.lang.published_rules import RULES
from tests.lang.published_views import VIEWS
from tests.reactions.test_rules_run import Shop, shop  # noqa: F401
from tests.world import World

# Things that the published texts name by number get just these numbers.
NUMBERED = {
    "macros": (12, 41),
    "teams": (4, 5, 6),
    "integrations": (3, 8, 9),
    "custom_fields": tuple(state.DEFINITIONS),
    "tags": (1,),
}


async def furnish(world: World) -> None:
    """One of everything that they name."""
    answer = {
        "name": "setResponseText",
        "title": "a",
        "arguments": {"body_text": "Hi {{ticket.customer.name}}"},
    }
    bodies: dict[str, Any] = {
        "macros": lambda n: {"name": f"Macro {n}", "actions": [answer]},
        "teams": lambda n: {"name": f"Team {n}"},
        "integrations": lambda n: {"name": f"I {n}", "type": "http", "http": HOOK},
        "custom_fields": lambda n: field(n),
        "tags": lambda n: {"name": f"Tag {n}"},
    }
    for table, numbers in NUMBERED.items():
        # New ones are numbered far above, and what has such a number already moves out of the way.
        ahead = f"select setval(pg_get_serial_sequence('{table}', 'id'), nextval(pg_get_serial_sequence('{table}', 'id')) + 1000) where $1 > 0"
        await world.rows(ahead)
        away = f"update {table} set id = id + 500000 where account_id = $1 and id = any($2::bigint[]) returning id"
        await world.rows(away, list(numbers))
        for number in numbers:
            path = "/api/" + table.replace("_", "-")
            made = await world.leo.post(path, bodies[table](number))
            if made.status == 403:
                made = await world.ada.post(path, bodies[table](number))
            assert made.status == 201, made.raw
            sql = f"update {table} set id = $3 where account_id = $1 and id = $2 returning id"
            await world.rows(sql, made.json["id"], number)


HOOK = {"url": "https://93.184.216.34/hook", "triggers": {"ticket-created": False}}
TYPES = {"text": {"input_type": "input"}, "number": {"input_type": "input_number"}}


def field(number: int) -> dict[str, Any]:
    known = state.DEFINITIONS[number]
    settings: dict[str, Any] = {"input_type": known.input_type}
    if known.input_type == "dropdown":
        choices = [True, False] if known.data_type == "boolean" else ["Stale", "Order", "Order::Damaged"]
        settings["choices"] = choices
    definition = {"data_type": known.data_type, "input_settings": settings}
    return {"object_type": known.object_type, "label": f"Field {number}", "definition": definition}


@pytest.mark.thorough
async def test_published_rules_run_live(shop: Shop) -> None:  # noqa: F811
    world = shop.world
    await furnish(world)
    for name, code, *_ in RULES:
        own = re.sub(r"(assignee_user:\s*\{\s*id:\s*)'?2'?", rf"\g<1>{world.lia.user_id}", code)
        own = re.sub(r"(assignee_user(?:\.|_)id,\s*)'?2'?\)", rf"\g<1>{world.lia.user_id})", own)
        await shop.rule(own, "ticket-created", name=name[:255])
    shopper = json.dumps(state.ticket()["customer"]["integrations"])
    await world.rows("update customers set integrations = $2 where account_id = $1 returning id", shopper)
    for _name, _code, (about, said), *_ in RULES:
        intents = json.dumps(said.get("intents") or state.message()["intents"])
        text = said.get("body_text") or state.message()["body_text"]
        subject = about.get("subject") or state.ticket()["subject"]
        tags = about.get("tags") or []
        await make.ticket(
            world, subject=subject, messages=[make.mail(text)], tags=[{"name": tag["name"]} for tag in tags]
        )
        newest = "id = (select max(id) from messages where account_id = $1)"
        await world.rows(
            f"update messages set intents = $2 where account_id = $1 and {newest} returning id", intents
        )
    await world.rows("update customers set integrations = $2 where account_id = $1 returning id", shopper)
    await shop.run()
    runs = await shop.runs()
    assert len({run[0] for run in runs}) >= 15, "many of them have something to do"
    assert {run[2] for run in runs} <= {"success", "partial", "error", "loop"}
    mistakes = Counter(reason for _, _, reason in await shop.actions())
    assert "a mistake of the helpdesk; its log tells more" not in mistakes


async def test_published_views_list_tickets(world: World) -> None:
    await furnish(world)
    await make.ticket(world, tags=[{"name": "VIP"}])
    listed = 0
    for place, (name, text, *_) in enumerate(VIEWS):
        body = {"name": name[:255], "slug": f"v{place}", "filters": text}
        made = await world.leo.post("/api/views", body)
        assert made.status == 201, (name, made.raw)
        assert made.json["filters"] == text
        items = await world.oda.get(f"/api/views/{made.json['id']}/items")
        assert items.status == 200, (name, items.raw)
        listed += len(items.json["data"])
    assert len(VIEWS) >= 40
    assert listed > 5
