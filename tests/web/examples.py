"""Wire-shaped example facts for the templates: ordinary ones, and ones meant to break a layout."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from polus.desk import widget_trees
from polus.desk.widgets import Pane
from polus.web.render import Here

NOW = datetime(2026, 3, 12, 14, 30, tzinfo=UTC)
Wire = dict[str, Any]


def stamp(**back: float) -> str:
    return (NOW - timedelta(**back)).isoformat()


def user(id: int, name: str) -> Wire:
    return {"id": id, "name": name, "email": f"{name.split()[0].lower()}@shop.example", "firstname": name.split()[0], "lastname": name.split()[-1], "meta": {}, "bio": None}  # fmt: skip


ANNA, BEN, CLAUDE = user(1, "Anna Berg"), user(2, "Ben Okafor"), user(3, "Claire d’Aubigné")
PEOPLE = [ANNA, BEN, CLAUDE] + [user(10 + n, f"Agent Number{n}") for n in range(9)]
TEAMS = [
    {"id": 1, "name": "Returns", "decoration": {}},
    {"id": 2, "name": "Logistics & customs", "decoration": {}},
]
COLOURS = ["#d9485f", "#2f9e44", "#e8a33d", "#4263eb", "#862e9c", "#0b7285"]


def tag(name: str) -> Wire:
    return {
        "id": len(name),
        "name": name,
        "decoration": {"color": COLOURS[len(name) % 6]} if len(name) % 5 else {},
    }


def person(id: int, name: str | None, email: str | None) -> Wire:
    return {"id": id, "name": name, "email": email, "firstname": "", "lastname": "", "meta": None}


MARIE = person(101, "Marie Dupont", "marie.dupont@mail.example")
LONG = person(102, "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine the Third of Somewhere", "a-very-long-address-that-never-ends.and.then.goes.on@subdomain.of.a.subdomain.of.a-company-with-a-long-name.example")  # fmt: skip
RTL = person(103, "ليلى الحسن", "laila@mail.example")
NAMELESS = person(104, None, "+4917012345678@sms.example")


def row(id: int, customer: Wire, subject: str | None, excerpt: str | None, **more: Any) -> Wire:
    facts: Wire = {
        "id": id, "uri": f"/api/tickets/{id}/", "external_id": None, "language": "en", "status": "open",
        "priority": "normal", "channel": "email", "via": "email", "from_agent": False, "customer": customer,
        "assignee_user": None, "assignee_team": None, "subject": subject, "excerpt": excerpt, "integrations": [],
        "meta": None, "tags": [], "messages_count": 3, "is_unread": False, "spam": False, "created_datetime": stamp(days=1),
        "opened_datetime": None, "last_received_message_datetime": stamp(minutes=4), "last_message_datetime": stamp(minutes=id % 50),
        "last_sent_message_not_delivered": False, "updated_datetime": stamp(minutes=4), "closed_datetime": None,
        "snooze_datetime": None, "trashed_datetime": None, "summary": None, "custom_fields": {},
    }  # fmt: skip
    return facts | more


ROWS = [
    row(1, MARIE, "Where is my order #10432?", "Hi, I ordered two weeks ago and the tracking page has not moved since Monday. Could you", is_unread=True, tags=[tag("VIP"), tag("shipping")], assignee_user=ANNA, last_message_datetime=stamp(seconds=20)),
    row(2, LONG, "Re: Re: Fwd: AW: " + "An endlessly long subject that somebody pasted from somewhere else " * 6, "word" * 60, is_unread=True, tags=[tag(f"tag number {n} of forty") for n in range(40)], priority="critical", assignee_user=BEN),
    row(3, RTL, "أين طلبي رقم ١٠٤٣٢؟", "مرحبا، لم يصل الطرد بعد وأريد أن أعرف متى سيصل إلى العنوان الجديد", channel="whatsapp", tags=[tag("عاجل")], priority="high"),
    row(4, NAMELESS, None, "", channel="sms"),
    row(5, person(105, "Jürgen Müller", "j@mail.example"), "🎁🎉 Geschenkkarte funktioniert nicht 😡😡😡", "Die Karte wird nicht angenommen 🤷‍♂️", channel="chat", priority="low", last_message_datetime=stamp(hours=3)),
    row(6, person(106, "Priya Raman", "priya@mail.example"), "Refund for damaged lamp", "Thanks, I have attached three photos of the box and the lamp.", tags=[tag("REFUND")], assignee_user=ANNA, last_message_datetime=stamp(hours=20), last_sent_message_not_delivered=True),
    row(7, person(107, "Tom <b>Bold</b> & Sons", "tom@mail.example"), "<script>alert(1)</script> invoice", "<img src=x onerror=alert(1)>", last_message_datetime=stamp(days=2), status="closed"),
    row(8, person(108, "Sofia Rossi", "sofia@mail.example"), "Change of address", "Could you please send it to my new place", last_message_datetime=stamp(days=30), snooze_datetime=stamp(days=-1), status="closed"),
    row(9, person(109, "Old Friend", "old@mail.example"), "From last year", "Long ago", last_message_datetime=stamp(days=500), channel="phone"),
] + [row(n, person(100 + n, f"Customer Nr. {n}", f"c{n}@mail.example"), f"Question about order #{10400 + n}", "I would like to know whether the blue one is in stock again and", last_message_datetime=stamp(hours=n)) for n in range(10, 31)]  # fmt: skip


def message(id: int, sender: Wire, text: str | None, **more: Any) -> Wire:
    facts: Wire = {
        "id": id, "uri": f"/api/tickets/1/messages/{id}/", "ticket_id": 1, "message_id": None, "external_id": None, "public": True,
        "channel": "email", "via": "email", "source": {"type": "email", "from": {"name": sender["name"], "address": sender["email"]}, "to": [{"name": "Shop support", "address": "support@shop.example"}]},
        "sender": sender, "receiver": None, "auth_customer_identity": None, "integration_id": 1, "intents": [], "rule_id": None, "from_agent": False,
        "subject": "Where is my order #10432?", "body_text": text, "body_html": None, "stripped_text": text, "stripped_html": None, "stripped_signature": None,
        "attachments": None, "actions": None, "imported": False, "meta": None, "created_datetime": stamp(minutes=120 - id), "processed_datetime": None,
        "sent_datetime": stamp(minutes=120 - id), "failed_datetime": None, "opened_datetime": None, "last_sending_error": None, "is_retriable": True,
    }  # fmt: skip
    return facts | more


def outgoing(id: int, agent: Wire, text: str, **more: Any) -> Wire:
    source = {"type": "email", "from": {"name": "Shop support", "address": "support@shop.example"}, "to": [{"name": "Marie Dupont", "address": "marie.dupont@mail.example"}], "cc": [{"name": "", "address": "warehouse@shop.example"}]}  # fmt: skip
    return message(id, agent, text, from_agent=True, source=source, **more)


MAIL = """<table width="600" bgcolor="#f2f2f2" cellpadding="12"><tr><td><h2 style="color:#c0392b">Big Newsletter</h2>
<p>This mail has <b>its own</b> look. <a href="https://shop.example/order">See the order</a></p>
<img src="https://tracker.example/pixel.gif" width="300" height="80" alt="A picture"></td></tr></table>"""
SIMPLE_MAIL = "<p>Hello,</p><p>this has a <b>bold</b> word, a list</p><ul><li>one</li><li>two</li></ul><blockquote>and a quotation</blockquote>"

CONVERSATION = [
    message(11, MARIE, "Hi,\n\nI ordered two weeks ago (order #10432) and the tracking page https://track.example/p/10432?lang=en has not moved since Monday. Could you look?\n\nThank you\nMarie", body_text="Hi,\n\nI ordered two weeks ago (order #10432) and the tracking page https://track.example/p/10432?lang=en has not moved since Monday. Could you look?\n\nThank you\nMarie\n\n-- \nSent from my phone\n\nOn Mon, Shop wrote:\n> Your parcel is on its way", attachments=[{"url": "/files/1", "name": "receipt-of-the-order-with-a-quite-long-name.pdf", "content_type": "application/pdf", "size": 182_400}, {"url": "/files/2", "name": "box.jpg", "content_type": "image/jpeg", "size": 2_412_000}]),
    message(12, ANNA, "The parcel hangs in customs, I called @Ben. If it is not out by Friday we send a second one.", channel="internal-note", from_agent=True, source={"type": "internal-note"}),
    outgoing(13, ANNA, "Hello Marie,\n\nthank you for writing. Your parcel is waiting in customs; we expect it to leave tomorrow.\n\nKind regards\nAnna", opened_datetime=stamp(minutes=60)),
    message(14, MARIE, None, body_html=MAIL, stripped_html=MAIL[:-8]),
    message(15, MARIE, None, body_html=SIMPLE_MAIL),
    outgoing(16, BEN, "Here is the new label.", failed_datetime=stamp(minutes=20), sent_datetime=None, last_sending_error={"error": "<b>550</b> 5.1.1 The mailbox marie.dupont@mail.example does not exist"}),
    message(17, MARIE, "<script>alert('x')</script> and an emoji 😀 and verylongword" + "w" * 200),
    outgoing(18, ANNA, "One moment please.", sent_datetime=None, created_datetime=stamp(seconds=5)),
]  # fmt: skip


def event(id: int, kind: str, minutes: float, who: int | None = 1, data: Wire | None = None) -> Wire:
    return {"id": id, "context": None, "created_datetime": stamp(minutes=minutes), "data": data, "object_id": 1, "object_type": "Ticket", "type": kind, "user_id": who, "uri": f"/api/events/{id}/"}  # fmt: skip


EVENTS = [
    event(1, "ticket-created", 109, None),
    event(2, "ticket-assigned", 108.5, 1, {"assignee_user_id": 1}),
    event(
        3,
        "ticket-tags-added",
        108.4,
        None,
        {"tags": [{"id": 1, "name": "VIP"}, {"id": 2, "name": "shipping"}]},
    ),
    event(4, "ticket-subject-updated", 108.3, 1, {"subject": ["Order?", "Where is my order #10432?"]}),
    event(5, "ticket-closed", 106.5, 1),
    event(6, "ticket-reopened", 105.5, None),
]


def full(base: Wire, messages: list[Wire], **more: Any) -> Wire:
    dropped = {"excerpt", "messages_count", "last_sent_message_not_delivered", "integrations"}
    facts = {key: value for key, value in base.items() if key not in dropped}
    user_id = base["assignee_user"] and base["assignee_user"]["id"]
    added = {"events": [], "imported": False, "requester": base["customer"], "assignee_user_id": user_id, "assignee_team_id": None, "messages": messages, "satisfaction_survey": None, "reply_options": {"email": {"answerable": True}, "internal-note": {"answerable": True}}, "processed_datetime": stamp(days=1)}  # fmt: skip
    return facts | added | more


def customer(who: Wire, **more: Any) -> Wire:
    channels = [{"id": 1, "type": "email", "address": who["email"], "preferred": True, "deleted_datetime": None}, {"id": 2, "type": "phone", "address": "+33 6 12 34 56 78", "preferred": True, "deleted_datetime": None}]  # fmt: skip
    return who | {"external_id": None, "active": True, "channels": channels, "language": "fr", "timezone": "Europe/Paris", "created_datetime": stamp(days=300), "updated_datetime": stamp(days=3), "note": "Prefers to be called in the evening.", "data": None} | more  # fmt: skip


VIEWS = [("all", "All", "layers", 12874), ("open", "Open", "inbox", 31), ("mine", "Mine", "user-round", 7), ("unassigned", "Unassigned", "user-x", 12), ("snoozed", "Snoozed", "alarm-clock", 4), ("closed", "Closed", "circle-check", 0), ("spam", "Spam", "octagon-alert", 3), ("trash", "Trash", "trash-2", 0)]  # fmt: skip
VIEW_LIST = [
    dict(zip(("key", "name", "icon", "count"), view, strict=True)) | {"more": view[0] == "all", "emoji": ""}
    for view in VIEWS
]

SHELVES = [
    {"name": "Returns", "emoji": "📦", "views": [{"key": "12", "name": "Waiting for the warehouse and then some", "icon": "list-filter", "count": 12, "more": False, "emoji": "🔥"}]},
    {"name": "My views", "emoji": "", "views": [{"key": "13", "name": "طلبات <b>", "icon": "list-filter", "count": 0, "more": False, "emoji": ""}]},
]  # fmt: skip


def here(theme: str = "system", rights: str = "write note", view: str = "open") -> Here:
    return Here(ANNA, {"domain": "shop.example"}, "csrf-token", NOW, ZoneInfo("Europe/Berlin"), theme=theme, rights=frozenset(rights.split()), view=view)  # fmt: skip


ORDER = {
    "name": "#1042 <b>", "created_at": "2026-03-10T09:00:00Z", "currency": "EUR", "total_price": "1249.90", "financial_status": "paid",
    "order_status_url": "https://shop.example/orders/1042", "line_items": [{"title": "Rain jacket"}, {"title": "A very long name of an article that wraps"}],
}  # fmt: skip
PANES = [
    Pane(
        7,
        "Shop north",
        widget_trees.draw(widget_trees.ORDERS, {"customer": {"orders_count": 3}, "orders": [ORDER] * 7}),
    ),
    Pane(
        8,
        "",
        widget_trees.draw(
            {
                "widgets": [
                    {"type": kind, "path": path, "title": kind}
                    for kind, path in (
                        ("percentage", "n"),
                        ("age", "at"),
                        ("boolean", "yes"),
                        ("email", "mail"),
                        ("image", "url"),
                    )
                ]
            },
            {
                "n": 7.25,
                "at": stamp(hours=5),
                "yes": True,
                "mail": "a@b.example",
                "url": "https://a.example/p.png",
            },
        ),
    ),
]
