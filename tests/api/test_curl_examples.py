"""Every page of a resource explains, shows calls by curl, and lists its operations; the calls are made as they stand.

The names in them (helpdesk.example, shop.example, ticket 7) become those of the shop at hand, and nothing else.
"""

import asyncio
import json
import re
import shlex
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import make, proof, samples
from tests.world import World

PAGES = sorted((Path(__file__).parents[2] / "docs" / "resources").glob("*.md"))
EXAMPLE = re.compile(r"^    curl (?:.+\n)+?(?=\n|\Z)", re.M)
WHO = re.compile(r"(\w+)@shop\.example:\$KEY")
# Where an id stands for a thing of the shop: text before it, the thing.
THINGS = {
    r"/tickets/": "ticket",
    r"ticket_id=": "ticket",
    r"object_id=": "ticket",
    r'"ticket_id": ': "ticket2",
    r"/custom-fields/": "field",
    r"/account/settings/": "hours",
    r'"customer_id": ': "customer",
    r'"members": \[\{"id": ': "user",
}
HOURS = "select id from account_settings where account_id = $1 and type = 'business-hours'"


def examples(page: Path) -> list[str]:
    """The calls of a page, as one types them."""
    found = EXAMPLE.findall(page.read_text(encoding="utf-8"))
    return [re.sub(r"^    ", "", text, flags=re.M) for text in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_explains_shows_and_lists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert examples(page), "a call by curl"
    assert "<!-- operations: " in text, "the table made by `make docs`"
    head = text.split("    curl ", 1)[0].split("\n", 1)[1]
    assert len(head.split()) >= 10, "a sentence of what it is for"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_calls_do_what_they_say(world: World, tmp_path: Path) -> None:
    things = await samples.fill(world)
    things["hours"] = (await world.rows(HOURS))[0]["id"]
    await make.address(world)
    for page in PAGES:
        for text in examples(page):
            await _called(world, things, text, tmp_path)


async def _called(world: World, things: Any, text: str, folder: Path) -> None:
    """One call by the real curl: the answer is the operation's own, and in its form."""
    command = shlex.split(_here(world, things, text, folder).replace("\\\n", " "))
    url = next(word for word in command if word.startswith(world.ada.url))
    told = [
        "--silent",
        "--noproxy",
        "*",
        "--globoff",
        "--dump-header",
        str(folder / "head"),
        "--header",
        "Host: " + world.ada.host,
    ]
    process = await asyncio.create_subprocess_exec(*command, *told, stdout=PIPE, stderr=PIPE)
    raw, error = await process.communicate()
    assert process.returncode == 0, f"{text}\n{error.decode()}"
    head = (folder / "head").read_text().split("\r\n")
    status = int(head[0].split()[1])
    method = _method(command)
    operation = proof.operation_of(method, urlsplit(url).path)
    assert operation is not None, text
    assert status == operation.status, f"{text}\n{raw.decode()}"
    if raw and operation.answer_content == "application/json":
        json.loads(raw)


def _here(world: World, things: Any, text: str, folder: Path) -> str:
    """The call with the shop's own names in it."""
    client = world.people[WHO.search(text)[1]]  # type: ignore[index]
    text = WHO.sub(f"{client.email}:{client.key}", text)
    text = text.replace("https://helpdesk.example", client.url)
    text = text.replace("@shop.example", "@" + client.email.split("@")[1])
    scan = folder / "scan.pdf"
    scan.write_bytes(b"%PDF-1.4\n")
    text = text.replace("@/tmp/scan-0007.pdf", f"@{scan}")
    for before, name in THINGS.items():
        text = re.sub(rf"({before})\d+", rf"\g<1>{things[name]}", text)
    return text


def _method(command: list[str]) -> str:
    if "-X" in command:
        return command[command.index("-X") + 1]
    return "POST" if "-d" in command or "-F" in command else "GET"
