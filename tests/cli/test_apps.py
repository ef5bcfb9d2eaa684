"""`polus apps`: what the installation's administrator decides on the command line."""

from pathlib import Path

from polus.desk import credentials
from polus.desk.apps import apps, reviews
from polus.store import database as databases
from polus.store.work import SYSTEM, Account, writing
from tests.cli.programs import Installation

GIVEN = {
    "name": "Tracker",
    "description": "Finds parcels.",
    "app_url": "https://app.example/",
    "redirect_urls": "https://app.example/cb",
}


async def test_reviewing(tmp_path: Path, empty_url: str) -> None:
    here = Installation(tmp_path / "data", empty_url, {})
    assert (await here.quickly("account", "add", "acme", "--json")).code == 0
    assert (await here.quickly("account", "add", "second", "--json")).code == 0
    async with databases.opened(empty_url, most=2) as database:
        row = await credentials.find_account(database, "second")
        account = Account(row["id"], row["domain"], row["hash"], "")
        async with writing(database, account, SYSTEM) as work:
            app_id, _ = await apps.register(work, GIVEN)
            await reviews.submit(work, app_id, checklist=reviews.CHECKLIST, instructions="Press Connect.")
        waiting = await here.quickly("apps", "list", "--json")
        assert [(app["id"], app["domain"], app["version"]) for app in waiting.json] == [(app_id, "second", 1)]
        assert app_id in (await here.quickly("apps", "list")).out
        refused = await here.quickly("apps", "return", app_id, "--reason", " ")
        assert (refused.code, "reason" in refused.err) == (2, True)
        assert (await here.quickly("apps", "return", app_id, "--reason", "No icon.")).out == "Sent back.\n"
        assert (await here.quickly("apps", "list")).out == "Nothing waits for review.\n"
        assert (await here.quickly("apps", "approve", app_id)).code == 2, "it does not wait"
        async with writing(database, account, SYSTEM) as work:
            assert (await apps.get(work, app_id))["reason"] == "No icon."
            await reviews.submit(work, app_id, checklist=reviews.CHECKLIST, instructions="Now it has one.")
        approved = await here.quickly("apps", "approve", app_id, "--json")
        assert approved.json == {"id": app_id, "status": "approved"}
        assert (await here.quickly("apps", "recall", app_id, "--reason", "It spies.")).out == "Recalled.\n"
        assert (await here.quickly("apps", "recall", app_id, "--reason", "Again.")).code == 2
        async with database.pool.acquire() as db:
            found = await db.fetch("select type from events where type like 'app-%' and account_id = $1 order by id", account.id)  # fmt: skip
    assert [row["type"].removeprefix("app-") for row in found] == [
        "registered", "submitted", "returned", "submitted", "approved", "recalled",
    ]  # fmt: skip
    rotated = await here.quickly("apps", "rotate-keys", "--json")
    assert (rotated.code, rotated.json["published"]) == (0, 2)
