"""What a reaction is told."""

import datetime
from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True):
    """The fact a reaction answers; `data` as it was recorded."""

    id: int
    type: str
    object_id: int
    ticket_id: int | None
    user_id: int | None
    depth: int
    data: Any
    created_datetime: datetime.datetime
