"""CSV as jobs write and read it: UTF-8 with a byte order mark, commas, and no cell that a spreadsheet would compute."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MARK = "\ufeff"
# A spreadsheet takes a cell that begins so for a formula, which whoever wrote a ticket could abuse.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Longer cells than a macro's whole arguments are nobody's macro.
csv.field_size_limit(1_048_576)


class Unreadable(ValueError):
    """A file that is no such table; the text says why."""


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as lines; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


def read(raw: bytes, known: Sequence[str], most: int) -> Iterator[dict[str, str]]:
    """The rows of a file with a header, by the `known` names of its columns; raises Unreadable.

    Empty lines and unknown columns are passed over; the sign that `lines` puts before a formula is taken away.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is not UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if not set(header) & set(known):
            raise Unreadable("The first line names no known column.")
        for number, row in enumerate(itertools.filterfalse(_empty, reader)):
            if number >= most:
                raise Unreadable("The file has more than " + str(most) + " rows.")
            named = zip(header, row, strict=False)
            yield {name: _plain(cell) for name, cell in named if name in known}
    except csv.Error as error:
        raise Unreadable("Line " + str(reader.line_num) + ": " + str(error) + ".") from None


def _empty(row: list[str]) -> bool:
    return not any(row)


def _plain(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell
