"""A macro as a form: its answer as text, its actions as rows of a name and a value; what rows cannot say is JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, html
from polus.web.pages.forms import Form

Action = dict[str, Any]
ANSWER = "setresponsetext"
JSON = "json"
ME = "{{current_user.id}}"
# action -> its one argument that is a text
TEXTS = {
    "addTags": "tags",
    "removeTags": "tags",
    "setTags": "tags",
    "setStatus": "status",
    "setPriority": "priority",
    "setSubject": "subject",
    "snoozeTicket": "snooze_timedelta",
    "addInternalNote": "body_text",
}
PEOPLE = {"setAssignee": "assignee_user", "setTeamAssignee": "assignee_team"}
TITLES = {
    "addTags": "Add tags",
    "removeTags": "Remove tags",
    "setTags": "Set tags",
    "setStatus": "Set status",
    "setPriority": "Set priority",
    "setSubject": "Set subject",
    "snoozeTicket": "Snooze for",
    "addInternalNote": "Add internal note",
    "setAssignee": "Assign agent",
    "setTeamAssignee": "Assign team",
}
"""Stored in the macro, in English as other clients write them."""


class Names(msgspec.Struct, frozen=True):
    """People by e-mail address and teams by name: how rows speak of them."""

    users: Mapping[str, int]
    teams: Mapping[str, int]

    def of(self, action: str) -> Mapping[str, int]:
        return self.users if action == "setAssignee" else self.teams


def filled(macro: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """What the form of a stored macro holds."""
    answer: Mapping[str, Any] = {}
    rows = []
    for action in macro["actions"]:
        if action["name"].lower() == ANSWER:
            answer = action["arguments"]
        else:
            rows.append(row(action, names))
    text, rich = answer.get("body_text"), answer.get("body_html")
    return {
        "name": macro["name"],
        "language": macro["language"],
        "intent": macro["intent"],
        "external_id": macro["external_id"],
        "answer": text or (html.to_text(rich) if isinstance(rich, str) else ""),
        "actions": rows,
    }


def row(action: Action, names: Names) -> dict[str, str]:
    """An action as a row; as JSON when a row cannot say all of it."""
    name, arguments = action["name"], action["arguments"]
    key, value = TEXTS.get(name), None
    if key and set(arguments) <= {key, "body_html"}:
        value = arguments.get(key)
    if name in PEOPLE and set(arguments) == {PEOPLE[name]}:
        value = person(arguments[PEOPLE[name]], names.of(name))
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    if isinstance(value, str):
        return {"name": name, "value": value}
    return {"name": JSON, "value": msgspec.json.encode(action).decode()}


def person(given: Any, known: Mapping[str, int]) -> str | None:
    """The word for who is named by id."""
    if given is None:
        return "nobody"
    wanted = given.get("id") if isinstance(given, dict) else None
    if wanted == ME:
        return "me"
    return next((word for word, one in known.items() if one == wanted), None)


def actions(form: Form, stored: Sequence[Action], names: Names) -> list[Action]:
    """The actions that the form says; notes rows that are wrong. The answer stands first."""
    made = answer(form, stored)
    for at, given in enumerate(form.rows("actions")):
        name, value = given.get("name", ""), given.get("value", "")
        found = one(form, f"actions.{at}.value", name, value, names)
        if found is not None:
            made.append(found)
    return made


def answer(form: Form, stored: Sequence[Action]) -> list[Action]:
    """The action that answers. HTML that was made elsewhere stays as long as its text does."""
    text = form.value("answer").strip()
    old = next((action for action in stored if action["name"].lower() == ANSWER), None)
    if not text:
        return []
    kept = dict(old["arguments"]) if old else {}
    before = kept.get("body_text") or html.to_text(kept.get("body_html") or "")
    if text != before.strip():
        kept |= {"body_text": text, "body_html": html.from_text(text)}
    title = old["title"] if old else "Add response text"
    return [{"name": "setResponseText", "title": title, "type": "user", "arguments": kept}]


def one(form: Form, path: str, name: str, value: str, names: Names) -> Action | None:
    """One row as an action."""
    if name == JSON:
        return raw(form, path, value)
    if not value:
        form.refuse(path, errors.REQUIRED)
        return None
    arguments: dict[str, Any] = {}
    if name in PEOPLE:
        known = names.of(name)
        if value in ("me", "nobody"):
            arguments = {PEOPLE[name]: {"id": ME} if value == "me" else None}
        elif value in known:
            arguments = {PEOPLE[name]: {"id": known[value]}}
        else:
            form.refuse(path, errors.MISSING_OBJECT)
    elif name in TEXTS:
        arguments = {TEXTS[name]: value}
        if name == "addInternalNote":
            arguments["body_html"] = html.from_text(value)
    else:
        form.refuse(path.replace(".value", ".name"), errors.REQUIRED)
    return {"name": name, "title": TITLES.get(name, name), "type": "user", "arguments": arguments}


def raw(form: Form, path: str, value: str) -> Action | None:
    """An action written as JSON."""
    try:
        found = msgspec.json.decode(value)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict) or not {"name", "title", "arguments"} <= found.keys():
        form.refuse(path, form.visit.gettext("This is no JSON object with name, title and arguments."))
        return None
    return found
