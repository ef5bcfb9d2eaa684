"""What the editor of views offers: fields with their names, operators in words, orders."""

from collections.abc import Sequence
from typing import Any

from polus.lang import fields as vocabulary
from polus.lang.operators import OPERATORS
from polus.lang.values import Type
from polus.web.visits import Visit

Option = tuple[str, str]
DATA_TYPES = {"number": Type.NUMBER, "boolean": Type.BOOLEAN}
PLACE = "V"


def kinds(custom: Sequence[dict[str, Any]]) -> dict[str, Type]:
    """What each path that can be asked in a view holds."""
    found = {"ticket." + _path(field.path): field.kind.type for field in _askable()}
    return found | {
        custom_path(field): DATA_TYPES.get(field["definition"]["data_type"], Type.TEXT) for field in custom
    }


def custom_path(field: dict[str, Any]) -> str:
    return f"ticket.custom_fields[{field['id']}].value"


def _path(written: str) -> str:
    return written.replace("[]", "")


def _askable() -> list[vocabulary.Field]:
    return [
        field
        for field in vocabulary.TICKET
        if PLACE in field.places and "[ID]" not in field.path and not field.open
    ]


def fields(visit: Visit, custom: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(path, name, kind) of all that a row may ask; the name in the reader's language."""
    _ = visit.gettext
    names = field_names(visit)
    found = []
    for field in _askable():
        path = _path(field.path)
        found.append(("ticket." + path, names.get(path, field.label), field.kind.type.value))
    found += [(custom_path(field), field["label"], field["definition"]["data_type"]) for field in custom]
    return found


def field_names(visit: Visit) -> dict[str, str]:
    """Names of the fields that are asked most; the others have the language's own."""
    _ = visit.gettext
    return {
        "id": _("Ticket number"),
        "external_id": _("External id"),
        "status": _("Status"),
        "priority": _("Priority"),
        "channel": _("Channel"),
        "via": _("Came by"),
        "from_agent": _("Begun by an agent"),
        "spam": _("Spam"),
        "imported": _("Imported"),
        "is_unread": _("Unread"),
        "language": _("Language"),
        "subject": _("Subject"),
        "messages_count": _("Number of messages"),
        "created_datetime": _("Created"),
        "updated_datetime": _("Last changed"),
        "opened_datetime": _("First opened"),
        "closed_datetime": _("Closed"),
        "trashed_datetime": _("Moved to the trash"),
        "snooze_datetime": _("Snoozed until"),
        "last_message_datetime": _("Last message"),
        "last_received_message_datetime": _("Last message of the customer"),
        "assignee_user": _("Somebody assigned"),
        "assignee_user.id": _("Assignee (id)"),
        "assignee_user.email": _("Assignee (e-mail address)"),
        "assignee_user.name": _("Assignee (name)"),
        "assignee_team": _("Some team"),
        "assignee_team.id": _("Team (id)"),
        "assignee_team.name": _("Team (name)"),
        "tags": _("Any tag"),
        "tags.name": _("Tags"),
        "tags.id": _("Tags (id)"),
        "integrations.id": _("Integrations (id)"),
        "integrations.type": _("Integrations (type)"),
        "integrations.address": _("Received at"),
        "integrations.name": _("Integrations (name)"),
        "store.id": _("Shop (id)"),
        "satisfaction_survey.score": _("Satisfaction score"),
        "satisfaction_survey.sent_datetime": _("Survey sent"),
        "satisfaction_survey.scored_datetime": _("Survey answered"),
        "satisfaction_survey.created_datetime": _("Survey made"),
        "customer.id": _("Customer (id)"),
    }


def operators(visit: Visit) -> list[Option]:
    """The operators that views know, in words."""
    _ = visit.gettext
    words = {
        "eq": _("is"),
        "neq": _("is not"),
        "gt": _("is more than"),
        "gte": _("is at least"),
        "lt": _("is less than"),
        "lte": _("is at most"),
        "contains": _("contains"),
        "notContains": _("does not contain"),
        "containsAny": _("contains one of"),
        "notContainsAny": _("contains none of"),
        "containsAll": _("contains all of"),
        "notContainsAll": _("does not contain all of"),
        "startsWith": _("begins with"),
        "endsWith": _("ends with"),
        "isEmpty": _("is empty"),
        "isNotEmpty": _("is not empty"),
        "gtTimedelta": _("is longer ago than"),
        "gteTimedelta": _("is at least so long ago"),
        "ltTimedelta": _("is less long ago than"),
        "lteTimedelta": _("is at most so long ago"),
    }
    return [(name, words.get(name, name)) for name, row in OPERATORS.items() if row.in_views]


def orders(visit: Visit) -> list[Option]:
    _ = visit.gettext
    return [
        ("updated_datetime", _("Last changed")),
        ("created_datetime", _("Created")),
        ("last_message_datetime", _("Last message")),
        ("last_received_message_datetime", _("Last message of the customer")),
        ("closed_datetime", _("Closed")),
        ("snooze_datetime", _("Snoozed until")),
        ("priority", _("Priority")),
    ]
