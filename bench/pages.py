"""The workspace as a browser asks for it: logged in by the form, then the inbox and what scripts fetch of it."""

import re
from urllib.parse import urlencode

import aiohttp

from bench.program import EMAIL, PASSWORD, Program
from bench.requests import Request

FIELD = re.compile(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
CURSOR = re.compile(r"cursor=([0-9]+-[0-9]+)")


async def log_in(program: Program) -> tuple[tuple[str, str], ...]:
    """The headers of somebody who is logged in."""
    base = f"http://127.0.0.1:{program.port}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(base + "/login") as answer:
            fields = dict(FIELD.findall(await answer.text()))
        form = urlencode(fields | {"email": EMAIL, "password": PASSWORD})
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": base}
        async with http.post(base + "/login", data=form, headers=kind, allow_redirects=False) as answer:
            if answer.status not in (302, 303):
                raise SystemExit(f"the log-in failed: {answer.status}")
        cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in http.cookie_jar)
    return (("Cookie", cookies),)


async def fragments(
    program: Program, session: tuple[tuple[str, str], ...], ticket: int
) -> dict[str, Request]:
    """The pages and fragments of the inbox by what they are."""
    views = ("all", "open", "mine", "unassigned", "snoozed", "closed", "spam", "trash")
    paths = {f"list of {view}": f"/inbox/{view}/list" for view in views}
    page = await _text(program, session, "/inbox/all")
    paths |= {
        "page of the inbox": "/inbox/open",
        "older": f"/inbox/all/older?cursor={CURSOR.findall(page)[-1]}",
    }
    paths |= {"page with a ticket": f"/inbox/all/{ticket}", "ticket": f"/inbox/all/{ticket}/ticket"}
    paths |= {"suggestion of tags": "/suggest/tags?q=sh"}
    return {name: Request("GET", path, headers=session) for name, path in paths.items()}


async def _text(program: Program, session: tuple[tuple[str, str], ...], path: str) -> str:
    async with (
        aiohttp.ClientSession(headers=dict(session)) as http,
        http.get(f"http://127.0.0.1:{program.port}{path}") as answer,
    ):
        return await answer.text()
