"""Each limit of the reference from both sides: just within is taken, one more is refused and says where.

One line per limit. Those of files are in test_files, of the rate in test_limits, of code in tests/lang.
"""

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from polus.base import clock
from tests import make, samples
from tests.world import World

pytestmark = pytest.mark.thorough

MEGABYTE = 1_048_576
TEXT = {"data_type": "text", "input_settings": {"input_type": "input"}}


class Limit(NamedTuple):
    """`body(n)` (or `query(n)`) of a call by `who` with `n` of what is limited: within (lowest, highest) it is not
    refused for `field`, a path in the error's data; one beyond is. `{name}` in the path is a thing of the shop."""

    call: str
    field: str
    highest: int | None
    body: Callable[[int], Any] = lambda _: None
    query: Callable[[int], dict[str, Any]] = lambda _: {}
    lowest: int | None = None
    who: str = "ada"
    status: int = 400


def _mail(**more: Any) -> dict[str, Any]:
    return {"messages": [make.mail(**more)], "customer": {"email": "mia@example.com"}}


def _dropdown(choices: list[str]) -> dict[str, Any]:
    settings = {"input_type": "dropdown", "choices": choices}
    return {
        "object_type": "Ticket",
        "label": "L",
        "definition": {"data_type": "text", "input_settings": settings},
    }


def _field(**more: Any) -> dict[str, Any]:
    return {"object_type": "Customer", "label": "L", "definition": TEXT, **more}


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def _file(number: int) -> dict[str, Any]:
    return {"url": f"https://files.example/{number}", "name": "a", "content_type": "text/plain"}


def _period(days: int) -> Any:
    end = datetime.date(2025, 1, 1) + datetime.timedelta(days=days - 1)
    filters = [
        {"member": "periodStart", "operator": "afterDate", "values": ["2025-01-01T00:00:00"]},
        {"member": "periodEnd", "operator": "beforeDate", "values": [f"{end}T23:59:59"]},
    ]
    return {"query": {"scope": "tickets-created", "timezone": "UTC", "filters": filters}}


def _job(minutes: int) -> Any:
    start = clock.now() + datetime.timedelta(minutes=minutes, seconds=-20)
    return {"type": "exportMacro", "params": {}, "scheduled_datetime": start.isoformat()}


NOTE = "POST /api/tickets/{ticket}/messages"
LIMITS = [
    Limit("POST /api/tickets", "subject", 998, lambda n: {**_mail(), "subject": "s" * n}),
    Limit("PUT /api/tickets/{ticket}", "subject", 998, lambda n: {"subject": "ü" * n}),
    Limit(NOTE, "subject", 998, lambda n: make.note(subject="s" * n)),
    Limit("POST /api/tickets", "external_id", 255, lambda n: {**_mail(), "external_id": "e" * n}),
    Limit(NOTE, "external_id", 255, lambda n: make.note(external_id="e" * n)),
    Limit("POST /api/customers", "external_id", 255, lambda n: {"external_id": "e" * n}),
    Limit("POST /api/custom-fields", "external_id", 255, lambda n: _field(external_id="e" * n)),
    Limit(NOTE, "body_text", MEGABYTE, lambda n: make.note("b" * n)),
    # Bytes, not characters.
    Limit(NOTE, "body_text", MEGABYTE // 2, lambda n: make.note("ü" * n)),
    Limit(NOTE, "body_html", MEGABYTE, lambda n: make.note(body_html="b" * n)),
    Limit(NOTE, "stripped_text", MEGABYTE, lambda n: make.note(stripped_text="b" * n)),
    Limit(
        "POST /api/tickets", "messages", 500, lambda n: {"messages": [make.note()] * n, "customer": {"id": 1}}
    ),
    Limit(
        "POST /api/tickets", "messages", None, lambda n: {**_mail(), "messages": [make.mail()] * n}, lowest=1
    ),
    Limit(NOTE, "attachments", 50, lambda n: make.note(attachments=[_file(i) for i in range(n)])),
    Limit(
        "POST /api/customers",
        "email",
        320,
        lambda n: {"email": "e" * 64 + "@" + "d." * 125 + "d" * (n - 315)},
    ),
    Limit("POST /api/tags", "name", 256, lambda n: {"name": "n" * n}, lowest=1),
    Limit("POST /api/tags", "description", 1024, lambda n: {"name": f"d{n}", "description": "d" * n}),
    Limit("POST /api/teams", "name", 256, lambda n: {"name": "n" * n}, lowest=1),
    Limit("POST /api/teams", "description", 1024, lambda n: {"name": "n", "description": "d" * n}),
    Limit("POST /api/macros", "name", 256, lambda n: {"name": "n" * n}, lowest=1),
    Limit("PUT /api/satisfaction-surveys/{survey}", "body_text", 1000, lambda n: {"body_text": "t" * n}),
    Limit("PUT /api/satisfaction-surveys/{survey}", "score", 5, lambda n: {"score": n}, lowest=1),
    Limit("POST /api/custom-fields", "label", 255, lambda n: _field(label="l" * n), lowest=1),
    Limit("POST /api/custom-fields", "description", 1024, lambda n: _field(description="d" * n), lowest=0),
    Limit("POST /api/custom-fields", "priority", 5000, lambda n: _field(priority=n), lowest=0),
    Limit(
        "POST /api/custom-fields",
        "definition",
        2000,
        lambda n: _dropdown([f"c{i}" for i in range(n)]),
        lowest=1,
    ),
    Limit("POST /api/custom-fields", "definition", 255, lambda n: _dropdown(["c" * n]), lowest=1),
    Limit("POST /api/custom-fields", "definition", 5, lambda n: _dropdown(["::".join("abcdef"[:n])])),
    Limit("GET /api/tickets", "ticket_ids", 100, query=lambda n: {"ticket_ids": list(range(1, n + 1))}),
    Limit("GET /api/tickets", "limit", 100, query=lambda n: {"limit": n}, lowest=1),
    Limit("GET /api/rules", "limit", 100, query=lambda n: {"limit": n}, lowest=1),
    Limit("GET /api/views/{view}/items", "limit", 100, query=lambda n: {"limit": n}, lowest=1),
    Limit("GET /api/tickets/{ticket}/messages", "per_page", 100, query=lambda n: {"per_page": n}, lowest=1),
    Limit(
        "POST /api/views",
        "shared_with_users",
        100,
        lambda n: {"slug": "s", "shared_with_users": list(range(10**6, 10**6 + n))},
    ),
    Limit("PUT /api/macros/archive", "ids", 30, lambda n: {"ids": list(range(1, n + 1))}, lowest=1),
    Limit("PUT /api/macros/unarchive", "ids", 30, lambda n: {"ids": list(range(1, n + 1))}, lowest=1),
    Limit("DELETE /api/customers", "ids", 100, lambda n: {"ids": list(range(10**6, 10**6 + n))}, lowest=1),
    Limit("DELETE /api/tags", "ids", 100, lambda n: {"ids": list(range(10**6, 10**6 + n))}, lowest=1),
    Limit(
        "PUT /api/tags/{tag}/merge",
        "source_tags_ids",
        100,
        lambda n: {"source_tags_ids": list(range(10**6, 10**6 + n))},
        lowest=1,
    ),
    Limit("PUT /api/custom-fields", "", 100, lambda n: [{"id": 10**6 + i} for i in range(n)], lowest=1),
    Limit("POST /api/jobs", "scheduled_datetime", 60, _job),
    Limit("POST /api/search", "size", 50, lambda n: {"type": "tag", "query": "", "size": n}, lowest=1),
    Limit("POST /api/reporting/stats", "", 366, _period),
    Limit("POST /api/customers", "meta", 256 * 1024, lambda n: {"meta": {"k": "x" * (n - 8)}}),
    Limit("POST /api/customers", "meta", 20, lambda n: {"meta": _deep(n)}),
    Limit("PUT /api/customers/{customer}/data", "data", 256 * 1024, lambda n: {"data": "x" * (n - 2)}),
    Limit("POST /api/rules", "name", 255, lambda n: {"name": "n" * n, "code": ";"}, lowest=1),
    Limit(
        "POST /api/rules", "description", 1024, lambda n: {"name": "n", "code": ";", "description": "d" * n}
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.call} {limit.field} {limit.highest}")
async def test_both_sides(world: World, limit: Limit) -> None:
    things = await samples.fill(world) if "{" in limit.call else {}
    within = [n for n in (limit.lowest, limit.highest) if n is not None]
    beyond = [limit.lowest - 1] if limit.lowest else []
    beyond += [limit.highest + 1] if limit.highest else []
    for number in within:
        answer = await _called(world, limit, number, things)
        assert answer.status < 500
        assert not _refused(answer, limit.field), (number, answer.raw[:500])
    for number in beyond:
        answer = await _called(world, limit, number, things)
        assert answer.status == limit.status, (number, answer.raw[:500])
        assert _refused(answer, limit.field), (number, answer.raw[:500])


async def _called(world: World, limit: Limit, number: int, things: Any) -> Any:
    method, _, path = limit.call.partition(" ")
    return await world.people[limit.who].send(
        method, path.format(**things), limit.body(number), **limit.query(number)
    )


def _refused(answer: Any, field: str) -> bool:
    """Whether it is a refusal because of the limited thing: of its size, not because what it names is not there."""
    if answer.status != 400:
        return False
    told = answer.json["error"].get("data", {})
    found = told.get(field, told) if field else answer.json["error"]
    return (
        field in told and "Does not exist." not in str(found)
        if field
        else "Does not exist." not in str(found)
    )


@pytest.mark.parametrize(
    ("path", "table", "body", "most"),
    [
        ("/api/custom-fields", "custom_fields", lambda n: {**_field(), "label": str(n)}, 25),
        ("/api/views", "views", lambda n: {"slug": str(n), "visibility": "private"}, 20),
        ("/api/rules", "rules", lambda n: {"name": str(n), "code": ";"}, 70),
    ],
)
async def test_there_is_room_for_so_many(world: World, path: str, table: str, body: Any, most: int) -> None:
    for number in range(most):
        made = await world.ada.post(path, body(number))
        assert made.status == 201, (number, made.raw)
    refused = await world.ada.post(path, body(most))
    assert (refused.status, refused.json["error"]["data"]) == (409, {"limit": most})


async def test_an_account_has_room_for_500_views(world: World) -> None:
    many = (
        "insert into views (account_id, name, slug, filters_ast, created_datetime)"
        " select $1, 'v', 'v', '{}', now() from generate_series(1, $2)"
    )
    there = (await world.rows("select count(*) from views where account_id = $1 and category = 'user'"))[0][0]
    await world.rows(many, 499 - there)
    assert (await world.leo.post("/api/views", {"slug": "a"})).status == 201
    assert (await world.leo.post("/api/views", {"slug": "b"})).status == 409


async def test_a_body_has_32_mebibytes(world: World) -> None:
    most = 32 * 1024 * 1024
    fits = b'{"name": "' + b"x" * (most - 12) + b'"}'
    assert len(fits) == most
    assert (await world.ada.post("/api/tags", fits)).status == 400
    over = await world.ada.post("/api/tags", fits + b" ")
    assert (over.status, over.json["error"]["data"]) == (413, {"limit": most})
