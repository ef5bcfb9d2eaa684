"""Views that people made: in the rail under their headings, listed by their filters, counted apart."""

import re
from typing import Any

import pytest

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in."""
    await browser.log_in(shop.ada.email)
    return browser


async def view(client: worlds.Client, slug: str, **given: Any) -> int:
    """A new view's id."""
    made = await client.post("/api/views", {"slug": slug, "name": slug, **given})
    assert made.status == 201, made.raw
    return made.json["id"]  # type: ignore[no-any-return]


def rail(page: str) -> list[tuple[str, list[str]]]:
    """The headings below the inbox's own views, and what stands under each."""
    part = page.split('<div id="shelves">')[1].split('<ul class="places">')[0]
    found = []
    for shelf in part.split("<h2 ")[1:]:
        title = re.sub(r"<[^>]*>", "", "<h2 " + shelf.split("</h2>")[0]).strip()
        found.append((title, re.findall(r'title="([^"]*)"', shelf)))
    return found


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li class="row[^"]*" id="t-(\d+)"', page)]


async def test_views_stand_under_their_headings(ada: Browser, shop: worlds.World) -> None:
    section = (await shop.rows("insert into view_sections (account_id, name, decoration, created_datetime) values ($1, 'Returns', '{\"emoji\": \"📦\"}', now()) returning id"))[0][0]  # fmt: skip
    await view(shop.ada, "wide", section_id=section)
    await view(shop.ada, "<b>shared</b>", decoration={"emoji": "🔥"})
    await view(shop.ada, "mine", visibility="private")
    await view(shop.leo, "his", visibility="private")
    await view(shop.ada, "theirs", visibility="shared", shared_with_users=[{"id": shop.leo.user_id}])
    off = await view(shop.ada, "off")
    await shop.rows("update views set deactivated_datetime = now() where account_id = $1 and id = $2 returning id", off)  # fmt: skip
    page = (await ada.get("/inbox/open")).text
    assert rail(page) == [
        ("📦 Returns", ["wide"]),
        ("Shared views", ["&lt;b&gt;shared&lt;/b&gt;"]),
        ("My views", ["mine"]),
    ]
    assert "🔥" in page


async def test_a_view_lists_by_its_filter_and_counts(ada: Browser, shop: worlds.World) -> None:
    loud = [(await make.ticket(shop, subject=f"Loud {n}", priority="high"))["id"] for n in range(3)]
    await make.ticket(shop, subject="Quiet")
    own = await view(
        shop.ada, "loud", filters='eq(ticket.priority, "high")', order_by="created_datetime", order_dir="asc"
    )
    page = (await ada.get(f"/inbox/{own}")).text
    assert listed(page) == loud
    assert re.search(r'<h1 class="cut" id="view-name">loud</h1>', page)
    assert f'href="/inbox/{own}/{loud[0]}"' in page
    counted = (await ada.get(f"/inbox/{own}/shelves", HX_Request="true")).text
    assert re.search(rf'id="v-{own}".*?<span class="count">3<', counted, re.DOTALL)
    opened = await ada.get(f"/inbox/{own}/{loud[1]}/ticket", HX_Request="true")
    assert f'name="view" value="{own}"' in opened.text
    csrf = await ada.token()
    closed = await ada.post(
        f"/tickets/{loud[1]}/priority", {"csrf": csrf, "view": str(own), "priority": "low"}
    )
    assert closed.headers["location"] == f"/inbox/{own}/{loud[1]}"
    assert listed((await ada.get(f"/inbox/{own}")).text) == [loud[0], loud[2]]


async def test_pages_of_a_view_go_on_where_they_ended(ada: Browser, shop: worlds.World) -> None:
    made = [(await make.ticket(shop))["id"] for _ in range(33)]
    own = await view(shop.ada, "all of them", order_by="created_datetime")
    first = (await ada.get(f"/inbox/{own}")).text
    more = re.search(rf'hx-get="(/inbox/{own}/older\?cursor=[^"]*)"', first)
    assert more
    second = (await ada.get(more[1])).text
    assert listed(first) + listed(second) == made[::-1]


async def test_views_that_are_not_there_for_one(ada: Browser, shop: worlds.World) -> None:
    his = await view(shop.leo, "his", visibility="private")
    customers = (await shop.rows("select id from views where account_id = $1 and slug = 'all-customers'"))[0][0]  # fmt: skip
    for key in (his, customers, 10**17, 10**25, "%C2%B2"):
        assert (await ada.get(f"/inbox/{key}")).status == 404, key
