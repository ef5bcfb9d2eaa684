"""Rules to begin with in the editor: common wishes, whose code is changed rather than written."""

from typing import NamedTuple

from polus.web.places import N_


class Example(NamedTuple):
    """`title` is translated where it is shown; words that customers read are the shop's to change."""

    title: str
    code: str
    on: tuple[str, ...] = ("ticket-created", "ticket-message-created")


EXAMPLES = {
    "tag": Example(
        N_("Tag by words"),
        """if (eq(message.from_agent, false) && containsAny(message.body_text, ['refund', 'money back'])) {
  Action('addTags', { tags: 'refund' });
}""",
    ),
    "away": Example(
        N_("Answer outside business hours"),
        """if (eq(message.from_agent, false) && outsideBusinessHours(message.created_datetime)) {
  Action('replyToTicket', { body_text: 'Hi {{ticket.customer.firstname}},\\n\\nthank you for writing. We are back tomorrow.' });
}""",
        ("ticket-created",),
    ),
    "urgent": Example(
        N_("Raise the priority"),
        """if (containsAny(ticket.subject, ['urgent', 'broken']) || containsAny(ticket.tags.name, ['vip'])) {
  Action('setPriority', { priority: 'high' });
}""",
    ),
    "thanks": Example(
        N_("Close thanks"),
        """if (eq(message.from_agent, false) && startsWith(message.stripped_text, ['thanks', 'thank you'])
    && notContains(message.stripped_text, '?') && gt(ticket.messages_count, 1)) {
  Action('setStatus', { status: 'closed' });
}""",
        ("ticket-message-created",),
    ),
    "note": Example(
        N_("Note for large orders"),
        """if (eq(message.from_agent, false) && containsAny(message.body_text, ['wholesale', 'bulk order'])) {
  Action('addInternalNote', { body_text: 'Ask the wholesale team before you name a price.' });
  Action('addTags', { tags: 'wholesale' });
}""",
        ("ticket-created",),
    ),
    "spam": Example(
        N_("Move a sender to the trash"),
        """if (endsWith(ticket.customer.email, ['@newsletter.example'])) {
  Action('deleteTicket', {});
}""",
        ("ticket-created",),
    ),
}
FIRST = "tag"
