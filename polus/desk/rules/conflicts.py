"""What two rules that ran because of the same thing disagree about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from polus.desk.rules.rehearsals import Acted
from polus.lang import actions as vocabulary

# action -> the argument that says what it sets
SETS = {
    "setstatus": "status",
    "setsubject": "subject",
    "setpriority": "priority",
    "setassignee": "assignee_user",
    "setteamassignee": "assignee_team",
    "snoozeticket": "snooze_timedelta",
    "setcustomfieldvalue": "value",
    "setcustomercustomfieldvalue": "value",
}
ANSWERS = frozenset(("replytoticket", "setresponsetext"))
UNCHANGED = "nothing to change"


class Conflict(msgspec.Struct, frozen=True):
    """`kind`: `value` (both set `field`, to `ours` and `theirs`), `tag` (one adds, the other removes `field`),
    `reply` (both answer the customer, who gets one answer in five minutes)."""

    rule_id: int
    kind: str
    field: str
    ours: Any
    theirs: Any


class Effects(msgspec.Struct):
    """What a rule wanted, whether it came about or was so already."""

    values: dict[str, Any] = msgspec.field(default_factory=dict)
    added: set[str] = msgspec.field(default_factory=set)
    removed: set[str] = msgspec.field(default_factory=set)
    answers: bool = False


def effects(acted: Iterable[Acted]) -> Effects:
    """The wishes of one rule."""
    found = Effects()
    for one in acted:
        key = one.name.lower()
        wished = one.status == "success" or one.reason == UNCHANGED
        if key in ANSWERS and one.status != "error":
            # One that was skipped because the other came first is what this is about.
            found.answers = found.answers or one.status == "success" or one.reason == "rate"
        elif wished and key in SETS:
            found.values[_field(key, one.arguments)] = one.arguments.get(SETS[key])
        elif wished and key in ("addtags", "settags"):
            found.added |= set(vocabulary.tag_names(one.arguments["tags"]))
        elif wished and key == "removetags":
            found.removed |= set(vocabulary.tag_names(one.arguments["tags"]))
    return found


def _field(key: str, arguments: Mapping[str, Any]) -> str:
    name = key.removeprefix("set")
    return f"{name} {arguments['custom_field_id']}" if "custom_field_id" in arguments else name


def between(ours: Effects, rule_id: int, theirs: Effects) -> list[Conflict]:
    """What our rule and another one disagree about."""
    found = [
        Conflict(rule_id, "value", field, value, theirs.values[field])
        for field, value in ours.values.items()
        if field in theirs.values and not _same(value, theirs.values[field])
    ]
    found += [
        Conflict(rule_id, "tag", name, "added", "removed") for name in sorted(ours.added & theirs.removed)
    ]
    found += [
        Conflict(rule_id, "tag", name, "removed", "added") for name in sorted(ours.removed & theirs.added)
    ]
    if ours.answers and theirs.answers:
        found.append(Conflict(rule_id, "reply", "reply", None, None))
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether both name the same; people by their id, which may be text."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return str(one.get("id")) == str(other.get("id"))
    return bool(one == other)


def of(rule_id: int, acted: Mapping[int, Sequence[Acted]]) -> list[Conflict]:
    """All that a rule disagrees about with the others; `acted`: the actions in one chain, by rule."""
    ours = effects(acted[rule_id])
    return [
        conflict
        for other, theirs in acted.items()
        if other != rule_id
        for conflict in between(ours, other, effects(theirs))
    ]
