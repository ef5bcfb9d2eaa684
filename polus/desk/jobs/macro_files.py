"""Macros as a CSV file, out and in. Rows whose `external_id` is known change that macro, others make new ones."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import addresses, errors, names, wire
from polus.desk import files
from polus.desk.jobs import kinds, selecting, tables
from polus.desk.jobs.kinds import Failures, Job, Kind
from polus.desk.macros import macros, wording
from polus.lang import sets
from polus.store.work import Work

COLUMNS = (
    "external_id", "name", "language", "intent", "body_text", "body_html", "tags", "status", "subject",
    "assignee_user_email", "assignee_team", "actions",
)  # fmt: skip
ALL = "select id from macros where account_id = $1 and archived_datetime is null order by id"
SOME = """
select id, external_id, name, language, intent, actions, tags from macros
where account_id = $1 and id = any($2::bigint[]) order by id
"""
KNOWN = "select min(id) from macros where account_id = $1 and external_id = $2"
USERS = "select id, email from users where account_id = $1 and id = any($2::bigint[])"
TEAMS = "select id, name from teams where account_id = $1 and id = any($2::bigint[])"
USER = "select id from users where account_id = $1 and lower(email) = $2 and deleted_datetime is null"
TEAM = "select min(id) from teams where account_id = $1 and name = $2"

MOST_ACTIONS = 100
MOST_BYTES = 256 * 1024
REGION = re.compile("[-_]")
NO_NAME = "name: Missing."
# Argument of each action that has a column of its own, and the title it gets when it comes from there.
SIMPLE = {"status": ("setStatus", "Set status"), "subject": ("setSubject", "Set subject")}


class Wrong(ValueError):
    """A row that is no macro; the text says why."""


# Out


async def begin_export(work: Work, job: Job) -> tuple[list[int], Any]:
    """All macros that are not archived."""
    await kinds.head(work, job, COLUMNS)
    return [row["id"] for row in await work.db.fetch(ALL, work.account.id)], None


async def step_export(work: Work, job: Job, ids: Sequence[int]) -> Failures:
    """Some rows; macros that are gone by now are left out."""
    found = [
        {**row, "actions": msgspec.json.decode(row["actions"])}
        for row in await work.db.fetch(SOME, work.account.id, list(ids))
    ]
    users = await _named(work, USERS, found, "setassignee", "assignee_user")
    teams = await _named(work, TEAMS, found, "setteamassignee", "assignee_team")
    rows = [_row(row, users, teams) for row in found]
    await kinds.keep(work, job, {job.position: tables.lines(rows)})
    return {}


async def _named(
    work: Work, sql: str, found: Sequence[Mapping[str, Any]], action: str, key: str
) -> dict[int, str]:
    """E-mail addresses of users, or names of teams, by the ids that actions name."""
    ids = {_id(arguments, key) for row in found for arguments in wording.arguments_of(row["actions"], action)}
    rows = await work.db.fetch(sql, work.account.id, [one for one in ids if one is not None])
    return dict(tuple(row) for row in rows)


def _id(arguments: Mapping[str, Any], key: str) -> int | None:
    """The id of `{key: {id}}`; None for a variable and for nobody."""
    whom = arguments.get(key)
    given = whom.get("id") if isinstance(whom, Mapping) else None
    return given if type(given) is int and 0 < given < 2**63 else None


def _row(row: Mapping[str, Any], users: Mapping[int, str], teams: Mapping[int, str]) -> list[Any]:
    def last(action: str) -> Mapping[str, Any]:
        found = list(wording.arguments_of(row["actions"], action))
        return found[-1] if found else {}

    body = last("setresponsetext")
    user = _id(last("setassignee"), "assignee_user")
    team = _id(last("setteamassignee"), "assignee_team")
    return [
        row["external_id"],
        row["name"],
        row["language"],
        row["intent"],
        _text(body.get("body_text")),
        _text(body.get("body_html")),
        ", ".join(row["tags"]),
        _text(last("setstatus").get("status")),
        _text(last("setsubject").get("subject")),
        users.get(user) if user else None,
        teams.get(team) if team else None,
        wire.encode(row["actions"]),
    ]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


EXPORT = Kind(begin_export, step_export, kinds.result)


# In


async def begin_import(work: Work, job: Job) -> tuple[list[int], Any]:
    """The rows of the uploaded file, numbered from 1; 400 for a file that is no such table."""
    found = await files.find(work, [job.params["url"]])
    if not found:
        raise errors.Invalid({}, "The file is gone.")
    raw = await work.database.files.read(found[job.params["url"]].key, limit=files.FILE_LIMIT)
    try:
        # Beside the loop: a large file takes a while, and other work goes on.
        rows = await asyncio.to_thread(_rows, raw)
    except tables.Unreadable as unreadable:
        raise errors.Invalid({}, str(unreadable)) from None
    parts = dict(enumerate(rows, 1))
    await kinds.keep(work, job, parts)
    return list(parts), None


def _rows(raw: bytes) -> list[str]:
    return [wire.encode(row) for row in tables.read(raw, COLUMNS, selecting.MOST)]


async def step_import(work: Work, job: Job, numbers: Sequence[int]) -> Failures:
    """Make or change the macros of some rows."""
    rows = await kinds.kept(work, job, numbers)
    failed: Failures = {}
    for number in numbers:
        try:
            await _import(work, msgspec.json.decode(rows[number]))
        except Wrong as wrong:
            failed[number] = str(wrong)
    return failed


async def _import(work: Work, row: Mapping[str, str]) -> None:
    given = _macro(row)
    if row.get("actions", "").strip():
        given["actions"] = _actions(row["actions"])
    else:
        given["actions"] = await _made(work, row)
    known = None
    if given["external_id"]:
        known = await work.db.fetchval(KNOWN, work.account.id, given["external_id"])
    if known is None:
        await macros.create(work, given)
    else:
        await macros.update(work, known, given)


def _macro(row: Mapping[str, str]) -> dict[str, Any]:
    name, language = row.get("name", "").strip(), REGION.split(row.get("language", "").strip())[0]
    intent, external_id = row.get("intent", "").strip(), row.get("external_id", "").strip()
    if not name:
        raise Wrong(NO_NAME)
    for key, value, most in (("name", name, macros.NAME_LENGTH), ("external_id", external_id, 255)):
        if len(value) > most:
            raise Wrong(key + ": " + errors.too_long(most))
    if language and language not in names.LANGUAGES:
        raise Wrong("language: " + errors.NOT_CHOICE)
    if intent and intent not in sets.INTENTS:
        raise Wrong("intent: " + errors.NOT_CHOICE)
    if any("\0" in value for value in row.values()):
        raise Wrong(errors.NOT_STRING)
    return {
        "name": name,
        "external_id": external_id or None,
        "language": language or None,
        "intent": intent or None,
    }


def _actions(written: str) -> list[dict[str, Any]]:
    """Actions given as JSON, in the shape that the API takes."""
    try:
        given = msgspec.json.decode(written)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Wrong("actions: Not valid JSON.") from None
    if not isinstance(given, list) or len(given) > MOST_ACTIONS or not all(map(_is_action, given)):
        raise Wrong("actions: Not a list of actions with name, title and arguments.")
    return [{"type": "user", **action} for action in given]


def _is_action(given: Any) -> bool:
    if not isinstance(given, dict) or not {"name", "title", "arguments"} <= given.keys():
        return False
    encoded = msgspec.json.encode(given)
    return (
        given.keys() <= {"name", "title", "arguments", "type", "description"}
        and all(isinstance(given[key], str) for key in ("name", "title"))
        and 0 < len(given["name"]) <= 255
        and isinstance(given["arguments"], dict)
        and given.get("type", "user") in ("user", "system")
        and isinstance(given.get("description"), str | None)
        and len(encoded) <= MOST_BYTES
        and b"\\u0000" not in encoded
    )


async def _made(work: Work, row: Mapping[str, str]) -> list[dict[str, Any]]:
    """Actions made of the simple columns."""
    made = []
    body = {key: row[key] for key in ("body_text", "body_html") if row.get(key)}
    if body:
        made.append(_action("setResponseText", "Add response text", body))
    if row.get("tags", "").strip():
        made.append(_action("addTags", "Add tags", {"tags": row["tags"].strip()}))
    for key, (name, title) in SIMPLE.items():
        value = row.get(key, "").strip()
        if key == "status" and value and value not in sets.STATUSES:
            raise Wrong("status: " + errors.NOT_CHOICE)
        if value:
            made.append(_action(name, title, {key: value}))
    email, team = addresses.email(row.get("assignee_user_email", "")), row.get("assignee_team", "").strip()
    if email:
        user_id = await work.db.fetchval(USER, work.account.id, email)
        made.append(_assigning("setAssignee", "assignee_user", user_id, "assignee_user_email"))
    if team:
        team_id = await work.db.fetchval(TEAM, work.account.id, team)
        made.append(_assigning("setTeamAssignee", "assignee_team", team_id, "assignee_team"))
    return made


def _assigning(name: str, key: str, whom: int | None, column: str) -> dict[str, Any]:
    if whom is None:
        raise Wrong(column + ": " + errors.MISSING_OBJECT)
    return _action(name, "Assign", {key: {"id": whom}})


def _action(name: str, title: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": title, "type": "user", "arguments": arguments}


IMPORT = Kind(begin_import, step_import, kinds.nothing)
