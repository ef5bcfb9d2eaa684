"""The network between a visitor's browser and the helpdesk is cut, slowed and reset in the middle of words: nothing is
lost, nothing is said twice, and the widget says how it stands."""

from typing import Any

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Locator, Page, expect

from polus.web.site import Site
from tests import world as worlds
from tests.web.chatting import Visitor, answer, pages, shop_page, subscribed, tickets, visitor
from tests.web.roads import Road, road

__all__ = ["subscribed", "visitor"]
pytestmark = [pytest.mark.usefixtures("subscribed"), pytest.mark.slow]

SAID = """
select coalesce(nullif(m.body_text, ''), m.attachments::jsonb->0->>'name') from messages m join chat_lines l on l.account_id = m.account_id and l.message_id = m.id
where m.account_id = $1 order by l.id
"""
PATIENCE = 21_000  # milliseconds after which the widget asks again what was not answered
SILENCE = 71_000  # after which a stream that says nothing is begun anew
LINES = "(log) => [...log.querySelectorAll('.line')].slice(1).map((one) => one.querySelector('p, .file').textContent)"
HOW = ("cut", "reset", "stall")


class Chat:
    """The widget in a browser whose road breaks."""

    def __init__(self, shop: worlds.World, page: Page, road: Road) -> None:
        self.shop, self.page, self.road = shop, page, road
        self.dialog: Locator = page.get_by_role("dialog", name="Shop chat")
        self.said: list[str] = []

    async def open(self) -> None:
        await self.page.get_by_role("button", name="Chat with us").click()
        await expect(self.dialog).to_be_visible()

    async def speak(self, words: str) -> None:
        self.said.append(words)
        await self.dialog.get_by_label("Write a message").fill(words)
        await self.dialog.get_by_label("Write a message").press("Enter")

    async def answer(self, words: str) -> None:
        self.said.append(words)
        (ticket,) = await tickets(self.shop)
        await answer(self.shop, ticket["id"], words)

    async def broken(self, how: str, patience: int) -> None:
        """The break was reached; who waits in vain loses patience, and tries again."""
        await self.road.reached.wait()
        if how == "stall":
            await self.page.clock.fast_forward(patience)

    async def offline(self) -> None:
        await expect(self.dialog.get_by_text("No connection. Trying again")).to_be_visible()

    async def whole(self) -> None:
        """Each word is shown once, in its order, none waits, and the widget says nothing of the network."""
        waiting = self.dialog.locator(".line.wait")
        for _ in range(20):
            await self.page.clock.fast_forward(4_000)  # what waits to be tried again is tried
            if not await waiting.count() and await self.shown() == self.said:
                break
        await expect(self.dialog.locator(".line:not(.wait)")).to_have_count(len(self.said) + 1)
        await expect(waiting).to_have_count(0)
        await expect(self.dialog.get_by_text("No connection. Trying again")).to_be_hidden()
        assert await self.shown() == self.said
        assert [row[0] for row in await self.shop.rows(SAID)] == self.said

    async def shown(self) -> Any:
        return await self.dialog.locator(".log").evaluate(LINES)


async def test_words_over_a_network_that_breaks(
    chromium: Chromium, shop: worlds.World, visitor: Visitor, house: tuple[str, Site]
) -> None:
    async with road(int(house[0].rsplit(":", 1)[1])) as way:
        address = f"{shop.ada.host.partition(':')[0]}:{way.port}"
        async with pages(shop_page(address, visitor.key)) as url:
            context = await chromium.new_context(viewport={"width": 900, "height": 700})
            page = await context.new_page()
            page.set_default_timeout(30_000)
            await page.clock.install()
            await page.goto(url)
            chat = Chat(shop, page, way)
            await chat.open()
            await chat.speak("Hello?")
            await chat.whole()
            await in_the_middle_of_words(chat)
            await while_it_is_gone(chat)
            await context.close()


async def in_the_middle_of_words(chat: Chat) -> None:
    for how in HOW:
        # Of what the visitor says: the helpdesk never had it.
        words = f"Up and {how}, in the middle"
        chat.road.breaks("up", words.encode(), how)
        await chat.speak(words)
        await chat.broken(how, PATIENCE)
        await chat.whole()
        # Of what the helpdesk answers to it: it has it, and the browser does not know.
        chat.road.breaks("down", b"HTTP/1.1 201", how)
        await chat.speak("The same again")
        await chat.broken(how, PATIENCE)
        await chat.whole()
        # Of what an agent says.
        words = f"Down and {how}, in the middle"
        chat.road.breaks("down", words.encode(), how)
        await chat.answer(words)
        await chat.broken(how, SILENCE)
        # Often heard before the stream is there again: what was said before it is not passed over for that.
        await chat.speak("I am here")
        await chat.whole()
    chat.road.slow = True
    await chat.speak("Letter by letter")
    await chat.whole()  # an agent's words take no road: they might be there first
    await chat.answer("Also letter by letter")
    await chat.whole()
    chat.road.slow = False


async def while_it_is_gone(chat: Chat) -> None:
    chat.road.close_it()
    await chat.offline()
    await chat.answer("Said while you were away")
    await chat.speak("The same again")
    await chat.speak("The same again")
    chat.said.append("hat.txt")
    file = {"name": "hat.txt", "mimeType": "text/plain", "buffer": b"hat"}
    await chat.dialog.locator("input[type=file]").set_input_files(file)
    await expect(chat.dialog.locator(".line.wait")).to_have_count(3)
    await chat.offline()
    chat.road.closed = False
    await chat.whole()

    # The page is left meanwhile: what was said goes out later, and what was being written stands where it stood.
    chat.road.close_it()
    await chat.speak("The same again")
    await chat.offline()
    await chat.dialog.get_by_label("Write a message").fill("Half a sen")
    chat.road.closed = False
    await chat.page.reload()
    await chat.open()
    await chat.whole()
    await expect(chat.dialog.get_by_label("Write a message")).to_have_value("Half a sen")
