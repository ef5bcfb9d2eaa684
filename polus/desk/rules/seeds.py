"""The two rules that a new account begins with; they are ordinary rules, to be changed, switched off or deleted."""

from polus.desk.rules import rules
from polus.store.work import Work

TRIGGERS = "ticket-created,ticket-message-created"
AUTOMATIC = """\
if (eq(message.from_agent, false) && (
    startsWith(message.subject, ['Automatic reply', 'Out of office', 'Auto:', 'Automatische Antwort', 'Réponse automatique'])
    || containsAny(message.body_text, ['out of the office', 'auto-generated']))) {
  Action('addTags', { tags: 'auto-close' });
  Action('setStatus', { status: 'closed' });
}
"""
THREATS = """\
if (containsAny(message.sentiments.name, ['threatening'])) {
  Action('addTags', { tags: 'threatening' });
}
"""
RULES = (
    {
        "name": "Tag messages that threaten",
        "description": "So that a view can show them, and somebody answers them with care.",
        "code": THREATS,
        "event_types": TRIGGERS,
    },
    {
        "name": "Close automatic replies",
        "description": "Absence notices and the like need no answer.",
        "code": AUTOMATIC,
        "event_types": TRIGGERS,
    },
)


async def sow(work: Work) -> None:
    """Make them; the last one runs first."""
    for rule in RULES:
        await rules.create(work, rule)
