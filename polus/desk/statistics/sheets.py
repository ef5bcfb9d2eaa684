"""The older statistics as CSV: comma, CRLF, RFC 4180, nothing in it that a spreadsheet would run."""

import csv
import datetime
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from polus.desk.statistics.asked import Asked

PAIRS = frozenset(("user", "tag", "macro"))
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def sheet(name: str, told: dict[str, Any], asked: Asked) -> str:
    """The text of a statistic's sheet."""
    data = told["data"]
    if isinstance(data, list):
        rows = [["metric", "value", "delta"], *([one["name"], one["value"], one["delta"]] for one in data)]
    elif "value" in data:
        rows = [["metric", "value", "delta"], [name, data["value"], data["delta"]]]
    elif (data["lines"] and isinstance(data["lines"][0], list)) or "legend" not in told:
        rows = _table(data)
    else:
        rows = _lines(data, asked)
    return text(rows)


def text(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def filename(name: str, asked: Asked) -> str:
    """What the sheet is called: the name and the dates of the period."""
    begin, end = (
        moment.astimezone(asked.zone.info).date().isoformat() for moment in (asked.begin, asked.end)
    )
    return f"{name}_{begin}_{end}.csv"


def _lines(data: dict[str, Any], asked: Asked) -> list[list[Any]]:
    head = ["date", *(line["name"] for line in data["lines"])]
    dates = [
        datetime.datetime.fromtimestamp(midnight, asked.zone.info).date().isoformat()
        for midnight in data["axes"]["x"]
    ]
    return [head, *([date, *(line["data"][at] for line in data["lines"])] for at, date in enumerate(dates))]


def _table(data: dict[str, Any]) -> list[list[Any]]:
    head: list[Any] = []
    for column in data["axes"]["x"]:
        head += [column["name"] + "_id", column["name"]] if column["type"] in PAIRS else [column["name"]]
    rows = []
    for line in data["lines"]:
        row: list[Any] = []
        for cell in line:
            value = cell["value"]
            row += [value["id"], value["name"]] if cell["type"] in PAIRS else [value]
        rows.append(row)
    return [head, *rows]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return "'" + text if text[:1] in "=+-@\t\r" and text and not _NUMBER.fullmatch(text) else text
