"""What lang raises when it does not accept a text: sentences ready for the field of a 400 answer."""

from collections.abc import Iterable

# More than this many complaints about one text help nobody.
MOST = 20


class Refused(ValueError):
    """A text that is not accepted. `messages`: whole sentences, in source order, at most 20."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = list(messages)[:MOST]
        super().__init__(" ".join(self.messages))


class BrokenSyntax(Refused):
    """The text does not follow the grammar. Lines count from 1, columns from 0 in UTF-16 units."""

    def __init__(self, line: int, column: int, unexpected: str, expected: str = "") -> None:
        self.line, self.column, self.unexpected, self.expected = line, column, unexpected, expected
        said = f"Syntax error at line {line}, column {column}: unexpected {unexpected}."
        super().__init__([f"{said} Expected {expected}." if expected else said])


class OverLimit(Refused):
    """The text is larger than the language allows. `what`: long, deep or complex."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__([f"Expression too {what}."])
