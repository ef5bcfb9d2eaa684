"""Pages held against axe-core's rules (WCAG 2.2 AA among them)."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
    "iframes": False,
}

# Colours that are on their way to another theme are nobody's choice.
SETTLE = "() => document.getAnimations().forEach((one) => one instanceof CSSTransition && one.finish())"


async def violations(page: Page, covered: bool = False, colours: bool = False) -> list[str]:
    """What axe-core found on the page, one line each; it comes in by the debugger, which no policy stops.

    `covered`: something lies over the page, so what it covers is no target and has no size. `colours`: it was looked
    at before in the other theme, so only colours may be wrong.
    """
    await page.evaluate(SETTLE)
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(Axe().axe_script)
    chosen = (
        {"runOnly": ["color-contrast"]} if colours else {"rules": {"target-size": {"enabled": not covered}}}
    )
    found = await page.evaluate(
        "options => axe.run(options).then((all) => all.violations)", {**RULES, **chosen}
    )
    return [
        f"{page.url} {one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        for node in one["nodes"][:3]
    ]
