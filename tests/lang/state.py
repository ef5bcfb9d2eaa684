"""A ticket and its message in their wire form, to be changed by each test where it matters."""

from datetime import UTC, datetime
from typing import Any

from polus.lang import hours
from polus.lang.sight import Sight
from polus.lang.vocabulary import Definition

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)  # a Monday
OFFICE = hours.parse(
    {
        "timezone": "Europe/Paris",
        "business_hours": [{"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}],
    }
)
DEFINITIONS = {
    8: Definition("Ticket", "text", "dropdown"),
    9: Definition("Ticket", "number", "input_number"),
    10: Definition("Ticket", "boolean", "dropdown"),
    11: Definition("Ticket", "text", "input"),
    21: Definition("Customer", "text", "dropdown"),
    22: Definition("Customer", "number", "input_number"),
}


def message(**changes: Any) -> dict[str, Any]:
    made = {
        "id": 501,
        "channel": "email",
        "via": "email",
        "public": True,
        "from_agent": False,
        "subject": "My order",
        "body_text": "Where is my order #1001?",
        "stripped_text": "Where is my order #1001?",
        "body_html": "<p>Where is my order <b>#1001</b>?</p>",
        "integration_id": 3,
        "rule_id": None,
        "sender": {"id": 7, "email": "ana@example.com", "name": "Ana Lee"},
        "receiver": {"id": 2, "email": "help@shop.example", "name": "Shop"},
        "source": {
            "type": "email",
            "from": {"address": "ana@example.com", "name": "Ana Lee"},
            "to": [{"address": "help@shop.example", "name": "Shop"}],
        },
        "headers": {"X-Mailer": "Mail", "Subject": "My order"},
        "attachments": None,
        "intents": [{"name": "shipping/status", "rejected": False, "is_user_feedback": False}],
        "sentiments": [],
        "mention_ids": [],
        "created_datetime": "2026-06-15T12:00:00+00:00",
        "meta": None,
    }
    return made | changes


def ticket(**changes: Any) -> dict[str, Any]:
    made = {
        "id": 42,
        "external_id": None,
        "status": "open",
        "priority": "normal",
        "channel": "email",
        "via": "email",
        "from_agent": False,
        "spam": False,
        "imported": False,
        "language": "en",
        "subject": "My order",
        "messages_count": 1,
        "tags": [{"id": 1, "name": "vip"}],
        "integrations": [{"id": 3, "type": "email", "name": "Mail", "address": "help@shop.example"}],
        "store": {"id": 9},
        "customer": {
            "id": 7,
            "email": "ana@example.com",
            "name": "Ana Lee",
            "firstname": "Ana",
            "lastname": "Lee",
            "language": "en",
            "note": None,
            "channels": [{"type": "email", "address": "ana@example.com", "deleted_datetime": None}],
            "custom_fields": {"22": {"id": 22, "value": 120}},
            "integrations": {
                "9": {
                    "__integration_type__": "shopify",
                    "customer": {"tags": "VIP, wholesale", "total_spent": "512.40"},
                    "orders": [
                        {
                            "name": "#1001",
                            "total_price": "120.00",
                            "financial_status": "paid",
                            "created_at": "2026-06-14T09:00:00Z",
                            "fulfillments": [
                                {"tracking_number": "Z1", "tracking_url": "https://t.example/Z1"}
                            ],
                            "line_items": [{"title": "Hat"}, {"title": "Scarf"}],
                        },
                        {"name": "#0999", "fulfillments": []},
                    ],
                }
            },
            "meta": None,
            "data": {"plan": "gold"},
        },
        "assignee_user": None,
        "assignee_team": None,
        "custom_fields": {},
        "satisfaction_survey": None,
        "meta": None,
        "created_datetime": "2026-06-15T12:00:00+00:00",
        "updated_datetime": "2026-06-15T12:00:00+00:00",
        "last_message_datetime": "2026-06-15T12:00:00+00:00",
        "last_received_message_datetime": "2026-06-15T12:00:00+00:00",
        "closed_datetime": None,
        "trashed_datetime": None,
        "snooze_datetime": None,
    }
    made |= changes
    made.setdefault("messages", [message()])
    made["requester"] = made["customer"]
    return made


def sight(ticket_changes: dict | None = None, message_changes: dict | None = None, **rest: Any) -> Sight:
    """The state with changes; keys with `__` reach into objects: `customer__email`."""
    made, written = ticket(), message()
    for target, changes in ((made, ticket_changes or {}), (written, message_changes or {})):
        for path, value in changes.items():
            held = target
            *way, last = path.split("__")
            for step in way:
                held = held[int(step) if isinstance(held, list) else step]
            held[last] = value
    made["messages"] = [written]
    return Sight(made, written, now=rest.pop("now", NOW), hours=rest.pop("hours", OFFICE), **rest)
