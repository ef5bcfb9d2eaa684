"""Rows as lines of PostgreSQL's COPY text form. A line is a template whose `%(places)s` are filled once per row."""

from collections.abc import Mapping, Sequence

NULL = "\\N"
# What a text may name of the ticket it stands in: `{order}` in a phrase.
PLACES = ("order", "product", "name", "given", "agent")


def literal(text: str) -> str:
    """A phrase as a template: its places are filled, percent signs stay what they are."""
    text = text.replace("%", "%%")
    for place in PLACES:
        text = text.replace("{" + place + "}", "%(" + place + ")s")
    return text


def escaped(text: str) -> str:
    """As COPY reads it."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def template(columns: Sequence[str], given: Mapping[str, str | None]) -> str:
    """The line of a table's `columns`; what is not given is null. Values that are filled in must need no escaping."""
    strangers = given.keys() - set(columns)
    if strangers:
        raise KeyError(strangers)
    values = (given.get(column) for column in columns)
    return "\t".join(NULL if value is None else escaped(value) for value in values) + "\n"
