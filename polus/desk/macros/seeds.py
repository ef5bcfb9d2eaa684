"""The macros that a new account begins with."""

from typing import Any

from polus.base import wire
from polus.desk.macros import wording


def _answer(text: str) -> dict[str, Any]:
    markup = "".join("<p>" + line + "</p>" for line in text.split("\n\n"))
    arguments = {"body_text": text, "body_html": markup.replace("\n", "<br>")}
    return {"name": "setResponseText", "title": "Add response text", "type": "user", "arguments": arguments}


GREETING = "Hi {{ticket.customer.firstname}},\n\n"
FAREWELL = "\n\nBest regards,\n{{current_user.firstname}}"

MACROS: dict[str, list[dict[str, Any]]] = {
    "Ask for the order number": [
        _answer(
            GREETING
            + "Thank you for your message. Could you tell us the number of your order? Then we can look into it."
            + FAREWELL
        )
    ],
    "Thank and close": [
        _answer(GREETING + "You are welcome. Write to us again whenever you need something." + FAREWELL),
        {"name": "setStatus", "title": "Set status", "type": "user", "arguments": {"status": "closed"}},
    ],
}

NAMES = list(MACROS)
ACTIONS = [wire.encode(actions) for actions in MACROS.values()]
WORDS = [wording.searchable(name, actions) for name, actions in MACROS.items()]
