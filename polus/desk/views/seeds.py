"""The views every account starts with, in the reference's order; nobody can delete them."""

from polus.lang import parse, tree

MINE = 'eq(ticket.assignee_user.id, "{{current_user.id}}")'
TICKETS = ("details", "tags", "customer", "last_message")
CUSTOMERS = ("name", "email", "created", "updated")

# name, slug, filters
SYSTEM = (
    ("Inbox", "inbox", MINE + ' && eq(ticket.status, "open")'),
    ("Unassigned", "unassigned", '(eq(ticket.status, "open")) && (isEmpty(ticket.assignee_user.id))'),
    ("All", "all", 'eq(ticket.status, "open")'),
    ("Snoozed", "snoozed", MINE + " && isNotEmpty(ticket.snooze_datetime)"),
    ("Closed", "closed", 'eq(ticket.status, "closed")'),
    ("Trash", "trash", "isNotEmpty(ticket.trashed_datetime)"),
    ("Spam", "spam", "eq(ticket.spam, true)"),
    ("All customers", "all-customers", ""),
)
NAMES = [name for name, _, _ in SYSTEM]
SLUGS = [slug for _, slug, _ in SYSTEM]
FILTERS = [filters for _, _, filters in SYSTEM]
TREES = [tree.encode(parse.filters(filters)) for filters in FILTERS]
TYPES = ["customer-list" if slug == "all-customers" else "ticket-list" for slug in SLUGS]
FIELDS = [",".join(CUSTOMERS if kind == "customer-list" else TICKETS) for kind in TYPES]
ORDERS = ["updated_datetime" if kind == "customer-list" else "last_message_datetime" for kind in TYPES]
