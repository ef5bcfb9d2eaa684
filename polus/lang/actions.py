"""The actions that rules and macros can name: their arguments, where they may stand, and their English.

What an action does is told by the desk; here is only what must be known to check and to read one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from polus.base import clock
from polus.lang import durations, sets
from polus.lang.nodes import Reference

Arguments = Mapping[str, Any]
# Raises ValueError with the reason; yields what the value refers to.
Check = Callable[[Any], Iterator[Reference]]

LONGEST_BODY = 1_048_576


@dataclass(frozen=True, slots=True)
class Action:
    """One row. `required`: each entry is a group of arguments of which one must be there.

    `says`: its English with arguments put in. `places`: R rules, M macros. `answers`: it can write to the customer.
    """

    name: str
    arguments: Mapping[str, Check]
    required: tuple[tuple[str, ...], ...]
    places: str
    says: str
    external: bool = False


def _refers(kind: str, value: Any) -> Iterator[Reference]:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**63:
        raise ValueError("not an id")
    yield Reference(kind, number)


def text(value: Any) -> Iterator[Reference]:
    if not isinstance(value, str):
        raise ValueError("not a text")
    if len(value.encode()) > LONGEST_BODY:
        raise ValueError(f"longer than {LONGEST_BODY} bytes")
    yield from ()


def tag_names(value: Any) -> list[str]:
    """The names in `'a, b'` or `['a', 'b']`, trimmed. Raises ValueError."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("not a text of tag names with commas between them")
    names = [name.strip() for item in value for name in item.split(",")]
    if any(len(name) > 256 for name in names):
        raise ValueError("a tag name is longer than 256 characters")
    return [name for name in dict.fromkeys(names) if name]


def some_tags(value: Any) -> Iterator[Reference]:
    names = tag_names(value)
    if not names:
        raise ValueError("no tag name")
    yield from (Reference("Tag", name) for name in names)


def any_tags(value: Any) -> Iterator[Reference]:
    yield from (Reference("Tag", name) for name in tag_names(value))


def one_of(*words: str) -> Check:
    def check(value: Any) -> Iterator[Reference]:
        if value not in words:
            raise ValueError("not one of " + ", ".join(words))
        yield from ()

    return check


def person(kind: str) -> Check:
    """`{id, …}` or null; the id may be a variable."""

    def check(value: Any) -> Iterator[Reference]:
        if value is None:
            return
        if not isinstance(value, Mapping) or "id" not in value:
            raise ValueError("not null or an object with an id")
        id_ = value["id"]
        if not (isinstance(id_, str) and "{{" in id_):
            yield from _refers(kind, id_)

    return check


def id_of(kind: str) -> Check:
    return lambda value: _refers(kind, value)


def addresses(value: Any) -> Iterator[Reference]:
    """A text with commas or a list of texts; variables allowed, so the addresses are judged when they are known."""
    if not (
        isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    ):
        raise ValueError("not a text or a list of e-mail addresses")
    yield from ()


def scalar(value: Any) -> Iterator[Reference]:
    if isinstance(value, list | Mapping):
        raise ValueError("not a text, a number, true, false or null")
    yield from ()


def duration(value: Any) -> Iterator[Reference]:
    if not isinstance(value, str):
        raise ValueError("not a duration such as '3d'")
    durations.parse(value)
    yield from ()


def moment(value: Any) -> Iterator[Reference]:
    if not isinstance(value, str):
        raise ValueError("not a valid datetime")
    try:
        clock.parse(value)
    except ValueError:
        raise ValueError("not a valid datetime") from None
    yield from ()


def files(value: Any) -> Iterator[Reference]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) and "url" in one for one in value):
        raise ValueError("not a list of files with an url")
    yield from ()


def anything(value: Any) -> Iterator[Reference]:
    yield from ()


_BODY: dict[str, Check] = {"body_text": text, "body_html": text}
_SOME_BODY = (("body_text", "body_html"),)
_COPIES: dict[str, Check] = {"cc": addresses, "bcc": addresses}
_TO: dict[str, Check] = {"to": addresses, **_COPIES}
_FIELD: dict[str, Check] = {"custom_field_id": id_of("Custom field"), "value": scalar}
_HTTP: dict[str, Check] = dict.fromkeys(
    ("url", "method", "headers", "params", "form", "json", "content_type"), anything
)


def _row(
    name: str,
    places: str,
    says: str,
    arguments: Mapping[str, Check] | None = None,
    *required: tuple[str, ...],
    external: bool = False,
) -> Action:
    return Action(name, arguments or {}, required, places, says, external)


ACTIONS: dict[str, Action] = {
    row.name.lower(): row
    for row in (
        _row("addTags", "RM", "add the tags {tags}", {"tags": some_tags}, ("tags",)),
        _row("removeTags", "RM", "remove the tags {tags}", {"tags": some_tags}, ("tags",)),
        _row("setTags", "RM", "replace all tags by {tags}", {"tags": any_tags}, ("tags",)),
        _row(
            "setStatus", "RM", "set the status to {status}", {"status": one_of("open", "closed")}, ("status",)
        ),
        _row("setSubject", "RM", "set the subject to {subject}", {"subject": text}, ("subject",)),
        _row(
            "setPriority",
            "RM",
            "set the priority to {priority}",
            {"priority": one_of(*reversed(sets.PRIORITIES))},
            ("priority",),
        ),
        _row(
            "setAssignee",
            "RM",
            "assign the ticket to {assignee_user}",
            {"assignee_user": person("User")},
            ("assignee_user",),
        ),
        _row(
            "setTeamAssignee",
            "RM",
            "assign the ticket to {assignee_team}",
            {"assignee_team": person("Team")},
            ("assignee_team",),
        ),
        _row(
            "snoozeTicket",
            "RM",
            "snooze the ticket {snooze_timedelta}{snooze_datetime}",
            {"snooze_timedelta": duration, "snooze_datetime": moment},
            ("snooze_timedelta", "snooze_datetime"),
        ),
        _row(
            "setCustomFieldValue",
            "RM",
            "set ticket field {custom_field_id} to {value}",
            _FIELD,
            ("custom_field_id",),
            ("value",),
        ),
        _row(
            "setCustomerCustomFieldValue",
            "RM",
            "set customer field {custom_field_id} to {value}",
            _FIELD,
            ("custom_field_id",),
            ("value",),
        ),
        _row("addInternalNote", "RM", "add the internal note {body_text}{body_html}", _BODY, *_SOME_BODY),
        _row("setResponseText", "M", "answer with {body_text}{body_html}", {**_BODY, **_TO}),
        _row(
            "replyToTicket",
            "R",
            "reply to the customer with {body_text}{body_html}",
            {**_BODY, "subject": text},
            *_SOME_BODY,
        ),
        _row(
            "sendEmail",
            "R",
            "send an e-mail to {to} with the subject {subject}",
            {**_TO, **_BODY, "subject": text, "integration_id": id_of("Integration")},
            ("to",),
            ("subject",),
            *_SOME_BODY,
        ),
        _row("forwardMessage", "M", "forward the newest message to {to}", {**_TO, **_BODY}, ("to",)),
        _row(
            "applyMacro",
            "R",
            "apply macro {macro}{macro_id}",
            {"macro": id_of("Macro"), "macro_id": id_of("Macro")},
            ("macro", "macro_id"),
        ),
        _row("addAttachments", "M", "attach files to the answer", {"attachments": files}, ("attachments",)),
        _row("deleteTicket", "R", "move the ticket to the trash"),
        _row("excludeFromAutoMerge", "RM", "keep the ticket out of automatic merging"),
        _row("excludeFromCSAT", "RM", "send no satisfaction survey for the ticket"),
        _row("facebookHideComment", "RM", "hide the comment"),
        _row("facebookLikeComment", "RM", "like the comment"),
        _row("http", "M", "call {url}", _HTTP, ("url",), external=True),
    )
}
_COMMERCE = ("shopify", "recharge", "bigcommerce")


def find(name: str) -> Action | None:
    """The row of an action; names are compared without case."""
    return ACTIONS.get(name.lower())


def is_external(name: str) -> bool:
    """Whether it acts outside Polus: HTTP calls and everything of the shop connectors."""
    row = find(name)
    return row.external if row else name.lower().startswith(_COMMERCE)


def complaints(name: str, arguments: Arguments, place: str) -> tuple[list[str], list[Reference]]:
    """What is wrong with an action of a rule (R) or macro (M), and what it refers to.

    A complaint without a full stop wants the place where the action stands.
    """
    row = find(name)
    if row is None and not (place == "M" or is_external(name)):
        return [f"Unknown action '{name[:60]}'"], []
    if row is None or place not in row.places:
        return ([f"Action '{name[:60]}' cannot be used in a rule."] if place == "R" else []), []
    wrong = [_missing(row, group) for group in row.required if not any(key in arguments for key in group)]
    named: list[Reference] = []
    for key, value in arguments.items():
        try:
            named += _check(row, key)(value)
        except ValueError as reason:
            wrong.append(f"Invalid argument '{key[:60]}' of action '{row.name}': {reason}.")
    return wrong, named


def _missing(row: Action, group: tuple[str, ...]) -> str:
    return f"Invalid argument '{group[0]}' of action '{row.name}': missing."


def _check(row: Action, key: str) -> Check:
    if key not in row.arguments:
        raise ValueError("unknown")
    return row.arguments[key]
