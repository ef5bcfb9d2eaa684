"""The page of metrics: every card, and every example as it is computed."""

import os
from pathlib import Path

from polus.desk.statistics import cards
from tests.statistics import metrics, shop
from tests.world import World

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


async def test_examples_are_what_is_computed(world: World) -> None:
    text = await metrics.page(await shop.build(world))
    if os.environ.get("POLUS_WRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
    assert all(f"`{slug}`" in text for slug in cards.table())
