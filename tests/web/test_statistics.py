"""The pages of statistics: every number is the one that was computed by hand, with its table, CSV and tickets."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from polus.desk.statistics.boards import BOARDS
from tests import make
from tests import world as worlds
from tests.statistics import shop as figures
from tests.web.axe import violations
from tests.web.conftest import Browser, Enter
from tests.web.test_full_pages import PICTURES, SIZES, sticks_out

WEEK = "from=2026-03-02&to=2026-03-08"
PAGES = (*BOARDS, "live", "automation", "tickets")


@pytest.fixture
async def built(shop: worlds.World) -> figures.Builder:
    made = await figures.build(shop)
    await shop.rows("update users set timezone = 'Europe/Berlin' where account_id = $1 returning id")
    return made


def told(text: str) -> dict[str, str]:
    """The figures of a page by their title."""
    return dict(re.findall(r'<span class="muted">([^<]+)</span>\s*<strong>([^<]*)</strong>', text))


async def test_boards_tell_the_figures(browser: Browser, built: figures.Builder) -> None:
    await browser.log_in(built.world.oda.email)
    overview = (await browser.get(f"/statistics?{WEEK}")).text
    assert told(overview) == {
        "Tickets created": "18", "Tickets closed": "14", "Open tickets": "7", "Tickets replied": "16",
        "Messages received": "23", "Messages sent": "23", "First response": "45m", "Resolution time": "1h 15m",
        "One-touch tickets": "6", "Average rating": "4",
    }  # fmt: skip
    assert told((await browser.get(f"/statistics/voice?{WEEK}&channel=chat")).text)["Calls"] == "7"
    chat = told((await browser.get(f"/statistics/overview?{WEEK}&channel=chat")).text)
    assert (chat["Tickets created"], chat["Tickets closed"]) == ("4", "4")
    team = built.teams["North"]
    assert told((await browser.get(f"/statistics/overview?{WEEK}&team={team}")).text)["Tickets closed"] == "3"
    agents = (await browser.get(f"/statistics/agents?{WEEK}")).text
    assert re.search(r"<bdi>Leo Agent</bdi></th><td[^>]*><a [^>]+>7<", agents)
    sheet = await browser.get(f"/statistics/agents/table-0.csv?{WEEK}")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert "\r\nLeo Agent,7,11,14,3600,3600,7200,620,18000,3\r\n" in sheet.text
    days = (await browser.get(f"/statistics/overview/line-0.csv?{WEEK}")).text.splitlines()
    assert days[:2] == ["date,Tickets created,Tickets closed", "2026-03-02T00:00:00+01:00,3,4"]
    assert "Tickets created,18,2" in (await browser.get(f"/statistics/overview/numbers.csv?{WEEK}")).text
    automation = told((await browser.get(f"/statistics/automation?{WEEK}")).text)
    assert automation == {
        "Automation rate": "16.67 %", "Automated": "3", "Passed on": "2", "Covered by AI agents": "22.22 %", "Time saved": "20m",
        "Tickets closed": "14", "One-touch tickets": "6",
    }  # fmt: skip
    store = told((await browser.get(f"/statistics/automation?{WEEK}&store=7")).text)
    assert (store["Automated"], store["Passed on"], store["Tickets closed"]) == ("1", "1", "2")
    for part in ("rules", "macros", "bots"):
        sheet = await browser.get(
            f"/statistics/automation/{part}.csv?{WEEK}&channel=email&agent=1&tag=1&team={team}"
        )
        assert sheet.text.count("\r\n") == 1
    assert (await browser.get("/statistics/overview/rules.csv")).status == 404
    for part in ("line-9", "moon-0", "table-x"):
        status = (await browser.get(f"/statistics/overview/{part}.csv")).status
        assert status == (200 if part == "table-x" else 404)


@dataclass
class Behind:
    """What the page behind a number shows: tickets with what stands last in their rows, and the sentence above."""

    rows: dict[int, str]
    said: dict[str, int]

    def explains(self, number: int) -> bool:
        """Whether exactly this number comes of it: of counts what each ticket has and what has none, else each is one."""
        (counted,) = [
            self.said[name] for name in self.said if name not in ("Tickets", "Without a ticket")
        ] or [None]
        if self.said.get("Tickets", 0) != len(self.rows):
            return False
        if counted is None:
            return number == len(self.rows)
        return number == counted == sum(map(int, self.rows.values())) + self.said.get("Without a ticket", 0)


async def behind(browser: Browser, link: str) -> Behind:
    page = await browser.get(link.replace("&amp;", "&"))
    assert page.status == 200, link
    rows = re.findall(r'href="/tickets/(\d+)".*?([^>]*)</td></tr>', page.text)
    said = re.search(r'id="sum">([^<]*)<', page.text)
    parts = [part.split(": ") for part in said[1].split(" · ")] if said else []
    return Behind({int(ticket): last for ticket, last in rows}, {name: int(count) for name, count in parts})


# Numbers that stand for how many there are: all else is a mean, a share or a time.
COUNTS = (
    r'href="(/statistics/tickets\?[^"]*[cC]ount[^"]*)">(?:<span class="muted">[^<]+</span>\s*<strong>)?(\d+)<'
)


@pytest.mark.thorough
async def test_behind_each_figure_are_tickets(browser: Browser, built: figures.Builder) -> None:
    await browser.log_in(built.world.oda.email)
    for board in BOARDS:
        text = (await browser.get(f"/statistics/{board}?{WEEK}")).text
        for link in re.findall(r'href="(/statistics/tickets\?[^"]+)"', text):
            await behind(browser, link)
        counts = re.findall(COUNTS, text)
        assert counts, board
        for link, count in counts:
            assert (await behind(browser, link)).explains(int(count)), (link, count)
    one = f"/statistics/tickets?scope=tickets-closed&measure=ticketCount&{WEEK}"
    assert "Leo Agent" in (await browser.get(f"{one}&by=agentId&group={built.people['l']}")).text
    for part in ("by=moon", "by=agentId%27", "bucket=moon"):
        assert (await browser.get(f"{one}&{part}")).status == 404
    page = await browser.get(f"/statistics/tickets?scope=one-touch-tickets&measure=ticketCount&{WEEK}")
    found = re.findall(r'href="/tickets/(\d+)"', page.text)
    assert [int(number) for number in found] == [built.tickets[one] for one in "1 3 10 15 21 22".split()]
    assert (await browser.get("/statistics/tickets?scope=moons&measure=x")).status == 404
    assert (await browser.get("/statistics/moons")).status == 404


RUN = """
insert into events (account_id, context, type, object_type, object_id, ticket_id, created_datetime)
values ($1, gen_random_uuid(), 'rule-executed', 'Rule', $2, $3, '2026-03-04T10:00Z') returning id
"""
USE = """
update messages set macros = (select macros from messages where account_id = $1 and macros <> '[]' limit 1)
where account_id = $1 and ticket_id = $2 and from_agent returning id
"""


async def test_behind_rules_and_macros_is_what_they_did(browser: Browser, built: figures.Builder) -> None:
    code = {
        "name": "Thank",
        "code": "if (eq(ticket.channel, 'email')) { Action('addTags', {tags: 'a'}) }",
        "event_types": "ticket-created",
    }
    rule = (await built.world.ada.post("/api/rules", code)).json["id"]
    # Twice in one ticket; ticket 12 is spam.
    for number in ("1", "2", "2", "12"):
        await built.world.rows(RUN, rule, built.tickets[number])
    await built.world.rows(USE, built.tickets["6"])
    await browser.log_in(built.world.oda.email)
    for more, runs in (("", {"1": "1", "2": "2"}), (f"&store=7&agent={built.people['l']}", {"1": "1"})):
        page = (await browser.get(f"/statistics/automation?{WEEK}{more}")).text
        ranked = dict(re.findall(r'href="(/statistics/tickets\?of=[^"]+)">(\d+)<', page))
        by_part = {link.partition("of=")[2].partition("&")[0]: link for link in ranked}
        told = {part: await behind(browser, link) for part, link in by_part.items()}
        assert told["rules"].rows == {built.tickets[number]: count for number, count in runs.items()}
        uses = {"1": "1", "6": "2"} if not more else {"1": "1"}
        assert told["macros"].rows == {built.tickets[number]: count for number, count in uses.items()}
        for link, count in ranked.items():
            assert (await behind(browser, link)).explains(int(count)), link
    one = by_part["rules"].replace("&amp;", "&")
    assert "Thank" in (await browser.get(one)).text


@pytest.mark.thorough
async def test_whatever_the_address_says_there_is_an_answer(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.oda.email)
    for query in ("days=x&from=0&to=y&agent=z&tag=99999999999999999999&channel=%00", "from=0001-01-01&to=0001-01-02",
                  "from=9999-12-30&to=9999-12-31", "from=2026-01-02&to=2026-01-01"):  # fmt: skip
        for name in PAGES[:-1]:
            assert (await browser.get(f"/statistics/{name}?{query}")).status == 200, (name, query)
    now = await browser.get("/statistics/live")
    assert told(now.text) == {
        "Open tickets": "0", "Assigned": "0", "Not assigned": "0", "Agents online": "0", "Agents away": "5", "Calls in queue": "0",
        "Longest waiting": "–", "Tickets created today": "0", "Tickets closed today": "0", "Tickets replied today": "0",
        "Messages sent today": "0",
    }  # fmt: skip
    ticket = await make.ticket(shop)
    now = await browser.get("/statistics/live")
    shown = told(now.text)
    assert (shown["Open tickets"], shown["Not assigned"], shown["Tickets created today"]) == ("1", "1", "1")
    links = re.findall(r'href="(/statistics/tickets\?[^"]+)"', now.text)
    behind = [
        (await browser.get(link.replace("&amp;", "&"))).text.count(f'href="/tickets/{ticket["id"]}"')
        for link in links
    ]
    # Open, assigned, not assigned, calls, created today, closed, replied, sent.
    assert behind == [1, 0, 1, 0, 1, 0, 0, 0]
    sheets = {
        part: (await browser.get(f"/statistics/live/{part}.csv")).text
        for part in ("numbers", "agents", "longest")
    }
    assert "\r\nOpen tickets,1\r\n" in sheets["numbers"]
    assert "Leo Agent,Away,,0\r\n" in sheets["agents"]
    assert sheets["longest"].count("\r\n") == 2
    assert (await browser.get("/statistics/live/moons.csv")).status == 404


async def test_which_days_are_meant(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.oda.email)
    own = (await browser.get(f"/statistics/overview?{WEEK}&days=30&was=30")).text
    assert ('<option value="" selected>Own dates' in own, 'value="2026-03-02"' in own) == (True, True)
    chosen = (await browser.get(f"/statistics/overview?{WEEK}&days=90&was=")).text
    assert ('<option value="90" selected>' in chosen, "2026-03-02" in chosen) == (True, False)
    for wrong, said in (
        ("from=2026-03-08&to=2026-03-02", "The end is before the beginning."),
        ("from=2024-01-01&to=2026-01-01", "At most a year can be shown at once."),
        ("to=2026-03-08", "Say from which day."),
    ):
        page = (await browser.get("/statistics/overview?" + wrong)).text
        assert (said in page, '<option value="30" selected>' in page) == (True, True)
    behind = (await browser.get(f"/statistics/tickets?scope=tickets-created&measure=ticketCount&{WEEK}")).text
    assert "2 Mar 2026 – 8 Mar 2026" in behind
    assert f'class="page-back" href="/statistics/overview?{WEEK.replace("&", "&amp;")}"' in behind


async def test_comments_tell_why(browser: Browser, built: figures.Builder) -> None:
    await browser.log_in(built.world.oda.email)
    page = (await browser.get(f"/statistics/satisfaction?{WEEK}")).text
    assert "Fast and friendly, thank you" in page
    assert "Great!" not in page
    sheet = (
        await browser.get(f"/statistics/satisfaction/comments.csv?{WEEK}&agent={built.people['l']}")
    ).text
    said = [line.split(",")[0] for line in sheet.splitlines()]
    assert said == ["Score", "4", "2"]


async def test_pages_are_for_everybody(enter: Enter, built: figures.Builder) -> None:
    page = await enter(at=f"/statistics?{WEEK}")
    await page.get_by_text("As a table").first.click()
    assert await page.locator("svg.stat-chart polyline").count() == 4
    wrong: list[str] = []
    for name in PAGES:
        more = "&scope=resolution-time&measure=medianResolutionTime" if name == "tickets" else ""
        await page.set_viewport_size({"width": 1440, "height": 900})
        await page.goto(f"http://{built.world.ada.host}/statistics/{name}?{WEEK}{more}")
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            if await sticks_out(page) > 0:
                wrong.append(f"{name} sticks out at {width}")
            # Only its main part scrolls: hidden words far down once made the page itself end in emptiness.
            if await page.evaluate("document.documentElement.scrollHeight > innerHeight"):
                wrong.append(f"{name} has emptiness below at {width}")
            if PICTURES:
                await page.screenshot(path=Path(PICTURES) / f"statistics-{name}-{width}.png")
        for theme in ("light", "dark"):
            await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            wrong += await violations(page, colours=theme == "dark")
    assert not wrong, "\n".join(wrong)
