"""The functions that the database itself has say what their kin in Python say."""

import datetime
import json

from polus.base import clock, text
from polus.store.database import Database

NAMES = (
    "Ann", "Ann Lee", "Ann van der Lee", " Ann Lee", "Ann Lee ", "Ann  Lee", "Ann\tLee", "Ann Lee\u00a0Jr", "\n", " ", "",
    "陽菜 佐藤", "O'Neill, A.", "a b c d e",
)  # fmt: skip
FRACTIONS = (0, 1, 10, 123456, 123450, 500000, 100000, 999999, 90)


async def test_first_and_last_names(database: Database) -> None:
    sql = "select n, firstname(n), lastname(n) from unnest($1::text[]) as g (n)"
    for name, first, last in await database.pool.fetch(sql, NAMES):
        assert (first, last) == (text.firstname(name), text.lastname(name)), repr(name)
    assert list((await database.pool.fetch("select firstname(null), lastname(null)"))[0]) == ["", ""]


async def test_datetimes_have_six_digits_or_none(database: Database) -> None:
    whole = datetime.datetime(2026, 3, 29, 1, 59, 7, tzinfo=datetime.UTC)
    moments = [whole.replace(microsecond=fraction) for fraction in FRACTIONS]
    sql = "select m, wire(m), wire_json(m)::text from unnest($1::timestamptz[]) as g (m)"
    for moment, plain, encoded in await database.pool.fetch(sql, moments):
        assert plain == json.loads(encoded) == clock.text(moment)
    assert list((await database.pool.fetch("select wire(null), to_json(wire_json(null))"))[0]) == [None, None]
