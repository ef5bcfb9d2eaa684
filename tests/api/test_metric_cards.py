"""`/api/metric-cards`."""

from typing import Any

import pytest

from polus.desk.statistics import scopes
from tests.world import World


async def test_all_cards(world: World) -> None:
    published = (await world.oda.get("/api/metric-cards")).json
    assert list(published) == ["data"]
    everything = (await world.oda.get("/api/metric-cards", include="deprecated")).json["data"]
    slugs = [card["slug"] for card in everything]
    assert (len(slugs), slugs) == (119, sorted(slugs))
    assert len(published["data"]) == 117
    deprecated = (await world.oda.get("/api/metric-cards", status="deprecated")).json["data"]
    assert [card["slug"] for card in deprecated] == ["achievement-rate", "average-survey-score"]


async def test_a_card(world: World) -> None:
    card = (await world.oda.get("/api/metric-cards/average-csat")).json
    assert (card["category"], card["title"], card["status"]) == (
        "satisfaction",
        "Average rating",
        "published",
    )
    assert card["api"] == {"scope": "satisfaction-surveys", "measures": ["averageSurveyScore"]}
    assert card["replaces"] == [
        {"slug": "average-survey-score", "url": "/api/metric-cards/average-survey-score"}
    ]
    assert len(card["related"]) == 4
    assert (await world.oda.get("/api/metric-cards/average-survey-score")).json["status"] == "deprecated"
    assert "api" not in (await world.oda.get("/api/metric-cards/agents-online")).json
    assert (await world.oda.get("/api/metric-cards/none")).status == 404
    assert (await world.oda.get("/api/metric-cards/tickets-with-breached-slas")).json["api"]["filters"] == [
        {"member": "status", "values": ["breached"]}
    ]


async def test_every_card_can_be_asked_for_as_it_says(world: World) -> None:
    cards = (await world.oda.get("/api/metric-cards", include="deprecated")).json["data"]
    asked = [card["api"] for card in cards if "api" in card]
    for api in asked:
        scope = scopes.table()[api["scope"]]
        assert set(api["measures"]) <= set(scope.measures)
        assert set(api.get("dimensions", ())) <= set(scope.dimensions)
        assert all(one["member"] in scope.members for one in api.get("filters", ()))


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ({"category": "SLA"}, ["percent-sla-achievement-rate", "sla-achievement-rate", "tickets-with-achieved-slas",
                               "tickets-with-breached-slas"]),
        ({"category": "none"}, []),
        ({"q": "frt"}, ["decrease-in-frt", "first-response-time", "top-performer-frt"]),
        ({"q": "MISSED  calls share"}, ["percent-missed-calls"]),
        ({"category": "sla", "status": "deprecated"}, ["achievement-rate"]),
    ],
)  # fmt: skip
async def test_searching(world: World, query: Any, slugs: list[str]) -> None:
    found = (await world.oda.get("/api/metric-cards", **query)).json["data"]
    assert [card["slug"] for card in found] == slugs


async def test_wrong_queries(world: World) -> None:
    for query in ({"status": "draft"}, {"include": "drafts"}, {"page": "2"}):
        assert (await world.oda.get("/api/metric-cards", **query)).status == 400


async def test_feedback_is_kept(world: World) -> None:
    path = "/api/metric-cards/satisfaction-score/feedback"
    made = await world.oda.post(path, {"rating": "up", "comment": "  Clear. ", "email": "Oda@Shop.example"})
    assert made.status == 201
    assert made.json | {"id": 0, "created_datetime": ""} == {
        "id": 0,
        "slug": "satisfaction-score",
        "rating": "up",
        "comment": "Clear.",
        "email": "oda@shop.example",
        "user_id": world.oda.user_id,
        "created_datetime": "",
    }
    again = await world.oda.post(path, {"rating": "down"})
    assert again.json["comment"] is None
    rows = await world.rows("select slug, user_id from metric_card_feedback where account_id = $1")
    assert [tuple(row) for row in rows] == [("satisfaction-score", world.oda.user_id)] * 2
    assert await world.events() == []
    told = await world.ada.walk("/api/_polus/metric-card-feedback", limit=1)
    assert told == [again.json, made.json]
    assert await world.ada.walk("/api/_polus/metric-card-feedback", slug="open-tickets") == []
    assert (await world.leo.get("/api/_polus/metric-card-feedback")).status == 403


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, {"comment": ["Missing data for required field."]}),
        ({"comment": "  "}, {"comment": ["Missing data for required field."]}),
        ({"rating": "sideways"}, {"rating": ["Not a valid choice."]}),
        ({"rating": "up", "stars": 5}, {"stars": ["No such field"]}),
        ({"comment": "x" * 5001}, {"comment": ["Longer than maximum length 5000."]}),
        ({"rating": "up", "email": "nobody"}, {"email": ["Not a valid email address."]}),
    ],
)
async def test_wrong_feedback(world: World, body: Any, told: Any) -> None:
    answer = await world.oda.post("/api/metric-cards/satisfaction-score/feedback", body)
    assert (answer.status, answer.json["error"]["data"]) == (400, told)
    assert (await world.oda.post("/api/metric-cards/none/feedback", {"rating": "up"})).status == 404
