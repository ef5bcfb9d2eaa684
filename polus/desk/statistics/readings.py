"""All that a page of statistics shows: its parts, what several of them tell read once, by one connection or by two at once.

`begin`, then `read` by each connection that there is, then `content`. What a number is, `boards` says.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from polus.desk.statistics import boards, families, reports
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.boards import Board, Groups, Number, Shown
from polus.desk.statistics.families import Cut
from polus.desk.statistics.reports import Query
from polus.store.work import Work


@dataclass(frozen=True, slots=True)
class Content:
    """All that a page shows, in its order."""

    figures: list[Shown]
    lines: list[tuple[list[str], list[list[Any]]]]
    tables: list[list[tuple[Any, list[Any]]]]


@dataclass
class Reading:
    """A page while it is read: what is still to be asked, and what is known of its numbers."""

    asked: Asked
    board: Board
    step: str
    left: deque[Callable[[Work], Awaitable[None]]] = field(default_factory=deque)
    now: dict[Number, Any] = field(default_factory=dict)
    before: dict[Number, Any] = field(default_factory=dict)
    # The buckets of the period, and the values in them; in buckets that are missing there is nothing.
    begins: list[str] = field(default_factory=list)
    buckets: dict[Number, dict[str, Any]] = field(default_factory=dict)
    # By dimension.
    groups: dict[str, Groups] = field(default_factory=dict)


def begin(asked: Asked, board: Board, step: str) -> Reading:
    """What a page has to ask, that which takes longest first."""
    reading = Reading(asked, board, step)
    by = next((one.by for one in board.tables if one.by in families.LISTED), "")
    listed = {number for one in board.tables if one.by == by for number in one.numbers}
    drawn = dict.fromkeys(number for one in board.lines for number in one.numbers)
    members: dict[str, list[tuple[Number, Query]]] = {}
    for number in dict.fromkeys([*board.numbers, *drawn, *sorted(listed)]):
        asks = boards.query(asked, number, step)
        family = families.of(asks)
        if family is not None:
            members.setdefault(family, []).append((number, asks))
    left = reading.left
    done: set[Number] = set()
    for told in reversed(members.values()):
        adding = [(number, asks) for number, asks in told if number in drawn and families.adds(asks)]
        cut = families.Cut(by, [number in listed for number, _ in told], drawn=bool(adding))
        left.append(partial(_together, reading, told, cut))
        if adding and not cut.bucketed:
            apart = families.Cut("", [False] * len(adding), drawn=True)
            left.append(partial(_together, reading, adding, apart))
        done |= {number for number, _ in adding}
    known = {number for told in members.values() for number, _ in told}
    for table in board.tables:
        others = [one for one in table.numbers if table.by != by or one not in known]
        left.extend(partial(_groups, reading, table.by, numbers) for numbers in _by_scope(others))
    alone = [number for number in board.numbers if number not in known]
    left.extend(partial(_now, reading, numbers) for numbers in _by_scope(alone))
    left.extend(partial(_line, reading, number) for number in drawn if number not in done)
    before: dict[str, list[Number]] = {}
    for number in board.numbers:
        before.setdefault(families.of(boards.query(asked, number, step)) or number.scope, []).append(number)
    left.extend(partial(_before, reading, numbers) for numbers in before.values())
    if board.lines:
        left.append(partial(_begins, reading))
    return reading


async def read(work: Work, reading: Reading) -> None:
    """Ask what nobody has asked yet, until nothing is left."""
    try:
        while reading.left:
            await reading.left.popleft()(work)
    except BaseException:
        # Of a page that will not be shown nothing more is asked.
        reading.left.clear()
        raise


def content(reading: Reading) -> Content:
    """The page, when all has been read."""
    return Content(
        [boards.compared(one, reading.now[one], reading.before[one]) for one in reading.board.numbers],
        [
            (reading.begins, [_drawn(reading, number) for number in line.numbers])
            for line in reading.board.lines
        ],
        [boards.listed(table, _listed(reading, table.by, table.numbers)) for table in reading.board.tables],
    )


async def shown(work: Work, asked: Asked, board: Board, step: str) -> Content:
    """A whole page by one connection."""
    reading = begin(asked, board, step)
    await read(work, reading)
    return content(reading)


def _by_scope(numbers: Sequence[Number]) -> list[list[Number]]:
    found: dict[str, list[Number]] = {}
    for number in numbers:
        found.setdefault(number.scope, []).append(number)
    return list(found.values())


async def _together(reading: Reading, told: Sequence[tuple[Number, Query]], cut: Cut, work: Work) -> None:
    """The numbers that read the same facts: of the period, of its buckets, by what they are listed by."""
    cells = await families.cells(work, [asks for _, asks in told], cut)
    for place, (number, asks) in enumerate(told):
        reading.now[number] = cells.total[place]
        if cut.bucketed and families.adds(asks):
            reading.buckets[number] = {begin: values[place] for begin, values in cells.buckets.items()}
        if cut.listed[place]:
            groups = reading.groups.setdefault(cut.by, {})
            for group, values in cells.groups.items():
                if values[place] is not None:
                    groups.setdefault(group, {})[number] = values[place]


async def _now(reading: Reading, numbers: Sequence[Number], work: Work) -> None:
    reading.now |= await boards.values(work, reading.asked, numbers)


async def _before(reading: Reading, numbers: Sequence[Number], work: Work) -> None:
    reading.before |= await boards.values(work, reading.asked.before, numbers)


async def _begins(reading: Reading, work: Work) -> None:
    number = reading.board.lines[0].numbers[0]
    reading.begins = await reports.days(work, boards.query(reading.asked, number, reading.step))


async def _line(reading: Reading, number: Number, work: Work) -> None:
    line = boards.Line("", (number,))
    begins, (values,) = await boards.line(work, reading.asked, line, reading.step)
    reading.buckets[number] = dict(zip(begins, values, strict=True))


async def _groups(reading: Reading, by: str, numbers: Sequence[Number], work: Work) -> None:
    groups = reading.groups.setdefault(by, {})
    for group, values in (await boards.groups(work, reading.asked, by, numbers)).items():
        groups.setdefault(group, {}).update(values)


def _drawn(reading: Reading, number: Number) -> list[Any]:
    return [reading.buckets[number].get(begin, 0) for begin in reading.begins]


def _listed(reading: Reading, by: str, numbers: Sequence[Number]) -> Groups:
    """The groups of a table, in which some of its numbers are; other tables may have others."""
    found: Groups = {}
    for group, values in reading.groups.get(by, {}).items():
        own = {number: values[number] for number in numbers if number in values}
        if own:
            found[group] = own
    return found
