"""Whether a rule would do anything, told beforehand, is what running it does."""

import datetime
import itertools
import random

import pytest

from polus.lang import bind, parse, reach, run
from polus.lang.refused import Refused
from polus.lang.sight import Sight

NOW = datetime.datetime(2026, 6, 15, tzinfo=datetime.UTC)
FIELDS = ("status", "priority", "channel")
WORDS = {"status": ("open", "closed"), "priority": ("low", "high"), "channel": ("email", "chat")}


def statement(dice: random.Random, depth: int) -> str:
    """A random statement over three fields."""
    kind = dice.random()
    if depth == 0 or kind < 0.2:
        return dice.choice(("Action('deleteTicket');", "{}", ";"))
    if kind < 0.35:
        return "{" + statement(dice, depth - 1) + statement(dice, depth - 1) + "}"
    field = dice.choice(FIELDS)
    test = f"{dice.choice(('', '!'))}eq(ticket.{field}, '{dice.choice(WORDS[field])}')"
    code = f"if ({test}) {statement(dice, depth - 1)}"
    return code + (" else " + statement(dice, depth - 1) if dice.random() < 0.6 else "")


@pytest.mark.parametrize("seed", range(200))
def test_told_beforehand_is_what_happens(seed: int) -> None:
    code = statement(random.Random(seed), 5)
    rule = bind.rule(parse.code(code), {}).accept()
    told = reach.test(rule)
    for values in itertools.product(*(WORDS[field] for field in FIELDS)):
        ticket = dict(zip(FIELDS, values, strict=True))
        happens = any(True for _ in run.reached(rule, Sight(ticket, now=NOW)))
        assert run.holds(told, Sight(ticket, now=NOW)) == happens, code


def test_the_longest_chains_end_in_a_refusal() -> None:
    link = "if (eq(ticket.spam, true)) { if (eq(ticket.id, 1)) Action('deleteTicket'); }"
    rule = bind.rule(parse.code(" else ".join([link] * 200)), {}).accept()
    with pytest.raises(Refused):
        reach.test(rule)
