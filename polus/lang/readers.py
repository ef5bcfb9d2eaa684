"""Reads of fields that are more than a walk through the wire form: each takes the object and the steps below it."""

from typing import Any

from polus.base import html
from polus.lang import paths
from polus.lang.paths import Step
from polus.lang.sight import Json, Sight

Steps = tuple[Step, ...]


def plain(held: Json, steps: Steps, sight: Sight) -> Any:
    return paths.walk(held, steps)


def body_text(held: Json, steps: Steps, sight: Sight) -> Any:
    """The plain text; of a message that came as HTML only, what a reader of it sees."""
    text, markup = held.get("body_text"), held.get("body_html")
    if text is not None or not isinstance(markup, str):
        return text
    sight.spend(len(markup) // 1_000)
    return html.to_text(markup)


def intents(held: Json, steps: Steps, sight: Sight) -> Any:
    """Intents that no agent has rejected."""
    live = [intent for intent in held.get("intents") or [] if not intent.get("rejected")]
    return paths.walk(live, steps[1:])


def channels(held: Json, steps: Steps, sight: Sight) -> Any:
    live = [channel for channel in held.get("channels") or [] if not channel.get("deleted_datetime")]
    return paths.walk(live, steps[1:])


def header(held: Json, steps: Steps, sight: Sight) -> Any:
    """One header by its name in any case; a repeated one as lines."""
    wanted = str(steps[1]).lower()
    for name, value in (held.get("headers") or {}).items():
        if name.lower() == wanted:
            return "\n".join(map(str, value)) if isinstance(value, list) else value
    return None


def custom_field(held: Json, steps: Steps, sight: Sight) -> Any:
    entry = (held.get("custom_fields") or {}).get(str(steps[1]))
    return entry.get("value") if isinstance(entry, dict) else entry


def integrations(held: Json, steps: Steps, sight: Sight) -> Any:
    data = held.get("integrations")
    if len(steps) == 1:
        return data
    return paths.walk(paths.integration(data, steps[1], sight.store), steps[2:])


def messages_count(held: Json, steps: Steps, sight: Sight) -> Any:
    """The count of the compact form; the full form has the messages themselves."""
    counted = held.get("messages_count")
    return len(held.get("messages") or []) if counted is None else counted
