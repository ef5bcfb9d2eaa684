"""Versions of apps on their way to everybody: handed in by their writers, approved or sent back by the installation.

The installation's administrators are those of its first account, and whoever runs `polus apps` on its machine.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from polus.base import errors
from polus.desk.apps import apps, connections
from polus.store.work import NO_CAUSE, SYSTEM, Account, Work

LONGEST_INSTRUCTIONS = 5000
LONGEST_REASON = 2000

# What makes a good app; who hands one in says that all of it is so.
CHECKLIST = {
    "one-click": "One click connects it: nothing is copied from one page to another, nothing set up by hand.",
    "scopes": "It asks for the fewest scopes that it can do with.",
    "set-up": "What it needs here (integrations, widgets, tags, macros) it makes itself after it was connected.",
    "signatures": "It checks the signature of everything that it is sent.",
    "limits": "It waits as long as a 429 tells it to, and tries again.",
    "leaving": "It copes with being disconnected at any time, and says how people leave it.",
    "job": "It does its own job well, and says plainly what that is.",
}

NOT_ALL = "Every point has to be kept before the app can be handed in."
NOT_APPROVED = "No version of this app is approved."
NOT_SUBMITTED = "There is no version of this app that waits for review."
NOTHING_NEW = "This version was decided over already. Change something first."
WAITING_ALREADY = "This version waits for review already."

FIRST = "select min(id) from accounts where deactivated_datetime is null"
SUBMIT = """
update app_versions set status = 'submitted', checklist = $3, test_instructions = $4, test_account = $5,
  submitted_datetime = $6, reason = null
where app_id = $1 and number = $2 and status in ('draft', 'returned')
"""
WITHDRAW = """
update app_versions set status = 'draft' where app_id = $1 and status = 'submitted' returning number
"""
# Over all accounts: reviewing is the installation's business.
WAITING = """
select a.id, o.domain, v.number as version, v.name, v.tagline, v.description, v.app_url, v.redirect_urls,
  v.test_instructions, v.test_account, v.submitted_datetime, v.icon is not null as has_icon,
  (select p.redirect_urls from app_versions p where p.app_id = a.id and p.status = 'approved'
    order by p.number desc limit 1) as former_urls
from app_versions v join apps a on a.id = v.app_id join accounts o on o.id = a.account_id
where v.status = 'submitted' order by v.submitted_datetime, a.id
"""
OWNER = """
select a.account_id, o.domain, o.hash from apps a join accounts o on o.id = a.account_id
where a.id = $1 for update of a
"""
DECIDE = """
update app_versions set status = $2, reason = $3, reviewed_datetime = $4 where app_id = $1 and status = 'submitted'
returning number, name
"""
RECALL = """
update app_versions set status = 'recalled', reason = $2, reviewed_datetime = $3
where app_id = $1 and status = 'approved' returning name
"""
CONNECTED = """
select distinct o.id, o.domain, o.hash from app_connections c join accounts o on o.id = c.account_id
where c.app_id = $1 and o.id <> $2 order by o.id
"""
GALLERY = """
select a.id, v.name, v.tagline, v.description, v.app_url, v.icon is not null as has_icon, a.account_id = $1 as own,
  exists (select from app_connections c where c.account_id = $1 and c.app_id = a.id) as connected
from apps a cross join lateral (
  select * from app_versions o where o.app_id = a.id and o.status = 'approved' order by o.number desc limit 1) v
order by v.name, a.id limit 500
"""


async def submit(
    work: Work, app_id: str, *, checklist: Collection[str], instructions: str, test_account: str = ""
) -> None:
    """Hand the newest version in. 404; 400 unless all points are kept and there are words for the reviewer; 409.

    Event app-submitted.
    """
    work.actor.require("admin")
    await apps.hold(work, app_id)
    newest = await apps.get(work, app_id)
    wrong: dict[str, list[str]] = {}
    if set(CHECKLIST) - set(checklist):
        wrong["checklist"] = [NOT_ALL]
    for name, given in (("test_instructions", instructions), ("test_account", test_account)):
        if len(given) > LONGEST_INSTRUCTIONS:
            wrong[name] = [errors.too_long(LONGEST_INSTRUCTIONS)]
    if not instructions.strip():
        wrong["test_instructions"] = [errors.REQUIRED]
    if not newest["description"]:
        wrong["description"] = [errors.REQUIRED]
    if wrong:
        raise errors.Invalid(wrong, "Failed to submit the app")
    if newest["status"] not in ("draft", "returned"):
        raise errors.Conflict(None, WAITING_ALREADY if newest["status"] == "submitted" else NOTHING_NEW)
    points = sorted(set(CHECKLIST) & set(checklist))
    await work.db.execute(
        SUBMIT, app_id, newest["version"], points, instructions.strip(), test_account.strip(), work.now
    )
    told = {"app_id": app_id, "name": newest["name"], "version": newest["version"]}
    apps.tell(work, "app-submitted", told)


async def withdraw(work: Work, app_id: str) -> None:
    """Take the version back to change it. 404; 409 when none waits. Event app-withdrawn."""
    work.actor.require("admin")
    await apps.hold(work, app_id)
    version = await work.db.fetchval(WITHDRAW, app_id)
    if version is None:
        raise errors.Conflict(None, NOT_SUBMITTED)
    apps.tell(work, "app-withdrawn", {"app_id": app_id, "version": version})


async def is_reviewer(work: Work) -> bool:
    """Whether whoever acts speaks for the installation."""
    if work.actor.kind == "system":
        return True
    first: int = await work.db.fetchval(FIRST)
    return work.account.id == first and work.actor.may("admin") and work.actor.scopes is None


async def waiting(work: Work) -> list[Any]:
    """The versions that wait for review, of all accounts, the longest waiting first. 403."""
    await _require(work)
    return list(await work.db.fetch(WAITING))


async def approve(work: Work, app_id: str) -> None:
    """Let all accounts connect the version that waits. 403, 404; 409 when none waits. Event app-approved."""
    await _decide(work, app_id, "approved", None)


async def send_back(work: Work, app_id: str, reason: str) -> None:
    """Tell the writer what is to be changed first. 403, 404, 400; 409 when none waits. Event app-returned."""
    await _decide(work, app_id, "returned", _reason(reason))


async def recall(work: Work, app_id: str, reason: str) -> None:
    """Take an approved app from everybody but its writer: gone from the gallery, disconnected wherever it is connected.

    403, 404, 400; 409 when it is not approved. Events app-recalled, and app-disconnected in each account.
    """
    await _require(work)
    reason = _reason(reason)
    owner = await work.db.fetchrow(OWNER, app_id)
    if owner is None:
        raise errors.NotFound
    rows = await work.db.fetch(RECALL, app_id, reason, work.now)
    if not rows:
        raise errors.Conflict(None, NOT_APPROVED)
    async with _told(work, Account(owner["account_id"], owner["domain"], owner["hash"], "")) as theirs:
        apps.tell(theirs, "app-recalled", {"app_id": app_id, "name": rows[-1]["name"]})
    for row in await work.db.fetch(CONNECTED, app_id, owner["account_id"]):
        async with _told(work, Account(row["id"], row["domain"], row["hash"], "")) as there:
            await connections.disconnect(there, app_id)


async def published(work: Work) -> list[Any]:
    """The apps that everybody may connect, for whoever may recall them. 403."""
    await _require(work)
    return await gallery(work)


async def gallery(work: Work) -> list[Any]:
    """The apps that every account may connect, by name, and whether this one has."""
    return list(await work.db.fetch(GALLERY, work.account.id))


def _reason(given: str) -> str:
    reason = given.strip()
    if not reason:
        raise errors.one("reason", errors.REQUIRED)
    if len(reason) > LONGEST_REASON:
        raise errors.one("reason", errors.too_long(LONGEST_REASON))
    return reason


@asynccontextmanager
async def _told(work: Work, account: Account) -> AsyncIterator[Work]:
    """The same transaction seen from another account: it hears what happened, not who decided."""
    if account.id == work.account.id:
        yield work
        return
    other = Work(work.database, work.db, account, SYSTEM, NO_CAUSE)
    yield other
    await other.flush()
    work.rings += other.rings


async def _require(work: Work) -> None:
    if not await is_reviewer(work):
        raise errors.Forbidden


async def _decide(work: Work, app_id: str, status: str, reason: str | None) -> None:
    await _require(work)
    owner = await work.db.fetchrow(OWNER, app_id)
    if owner is None:
        raise errors.NotFound
    row = await work.db.fetchrow(DECIDE, app_id, status, reason, work.now)
    if row is None:
        raise errors.Conflict(None, NOT_SUBMITTED)
    told = {"app_id": app_id, "name": row["name"], "version": row["number"]}
    kind = "app-" + status
    async with _told(work, Account(owner["account_id"], owner["domain"], owner["hash"], "")) as theirs:
        apps.tell(theirs, kind, told)
