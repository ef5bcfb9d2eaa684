"""What can go wrong on purpose. Verbs raise these; each door turns them into its own form (JSON, a page, SMTP)."""

from collections.abc import Mapping
from typing import Any

Details = Mapping[str, Any]


class Refusal(Exception):
    """A request that is answered with an error of the reference; nothing was changed."""

    status = 400

    def __init__(self, msg: str, data: Details | None = None) -> None:
        super().__init__(msg)
        self.msg = msg
        self.data = data


class Invalid(Refusal):
    """400. `data` maps each field to its messages, nested like the body; the door adds the sentence."""

    def __init__(self, data: Details, msg: str = "") -> None:
        super().__init__(msg, data)


class Unauthorized(Refusal):
    """401: no, wrong or expired credentials."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Unauthorized.")


class Forbidden(Refusal):
    """403: role, scope or a protected object."""

    status = 403

    def __init__(
        self, msg: str = "You do not have the permission to perform this action.", data: Details | None = None
    ) -> None:
        super().__init__(msg, data)


class NotFound(Refusal):
    """404: no such thing, or none that the caller may know of."""

    status = 404

    def __init__(self) -> None:
        super().__init__("Resource not found.")


class Conflict(Refusal):
    """409: identifier in use, object in use, a limit, or a state that does not allow it."""

    status = 409

    def __init__(self, data: Details | None = None, msg: str = "The resource already exists.") -> None:
        super().__init__(msg, data)


class InUse(Conflict):
    """409: deleting what rules, macros or integrations still name."""

    def __init__(self, data: Details) -> None:
        super().__init__(data, "The resource is used and cannot be deleted.")


class TooLarge(Refusal):
    """413."""

    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__("The request is too large.", {"limit": limit})


class Merged(Exception):
    """301: the ticket or customer lives on as another one."""

    def __init__(self, survivor_id: int) -> None:
        super().__init__(survivor_id)
        self.survivor_id = survivor_id


def one(field: str, message: str) -> Invalid:
    """The refusal of a single field."""
    return Invalid({field: [message]})


# The sentences of single fields (reference: conventions 6.2).
REQUIRED = "Missing data for required field."
NULL = "Field may not be null."
UNKNOWN = "No such field"
NOT_INTEGER = "Not a valid integer."
NOT_NUMBER = "Not a valid number."
NOT_STRING = "Not a valid string."
NOT_BOOLEAN = "Not a valid boolean."
NOT_DATETIME = "Not a valid datetime."
NOT_EMAIL = "Not a valid email address."
NOT_URL = "Not a valid URL."
NOT_CHOICE = "Not a valid choice."
WRONG_TYPE = "Invalid type."
MISSING_OBJECT = "Does not exist."
IN_USE = "Already in use."


def too_long(limit: int) -> str:
    """A text or list over its limit."""
    return "Longer than maximum length " + str(limit) + "."


def too_short(limit: int) -> str:
    """A text or list under its limit."""
    return "Shorter than minimum length " + str(limit) + "."


def too_small(limit: float) -> str:
    """A number under its limit."""
    return "Must be greater than or equal to " + str(limit) + "."


def too_big(limit: float) -> str:
    """A number over its limit."""
    return "Must be less than or equal to " + str(limit) + "."
