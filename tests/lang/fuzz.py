"""Mutated sources: pieces of real rules, views and templates cut, doubled, swapped and peppered with hostile parts.

`python -m tests.lang.fuzz 100000` runs as many of each, and did once; the tests run a thousand of each.
"""

import contextlib
import random
import sys
import time

from polus.lang import bind, parse, rewrite, run, say, sql, tree
from polus.lang.refused import Refused
from polus.lang.sight import Exhausted
from polus.lang.template import Target, explain
from tests.lang import state
from tests.lang.published_rules import RULES
from tests.lang.published_views import ME, VIEWS

HOSTILE = [
    "__proto__", "constructor", "\0", "\ud800", "💡", "\u2028", "((((((((", "[[[[[[[[", "{{", "}}", "\\", "'", '"', "/*", "*/", "//",
    "!!!!!!", "&&", "||", "else if", "if", "Action(", "ticket", "[-1]", "[999999999999999999999]", ".a.a.a.a", "1e999", "-", "0x1", ",,",
    "null", "true", "\\u{110000}", "\\x", "\r", "\n", "%", "_", "$1", "; drop table tickets", "{{current_user.id}}", "{{ticket.__class__}}",
    "| fallback('", "| datetime_format(\"", "<script>", "</script>", "<a href='", "javascript:", "{%", "{#", "\\{{", "`", "=>", "...", "?.",
]  # fmt: skip
TEMPLATES = [
    "Hi {{ticket.customer.firstname | fallback('there')}}, <a href=\"{{ticket.meta.url}}\">order</a> {{message.body_html}}",
    "{{ticket.created_datetime | datetime_format('LLLL', 'Europe/Paris') | upper}} {{ticket.tags | join(', ') | truncate(10)}}",
    "<p style='color:{{ticket.meta.c}}'>{{ticket.customer.integrations.shopify.orders[0].line_items[-1].title | json}}</p>{{ticket}}",
]
CODES, FILTERS = [row[1] for row in RULES], [row[1] for row in VIEWS]
CONTEXT = {"ticket": state.ticket(), "message": state.message(), "current_user": ME}


def mutated(dice: random.Random, sources: list[str]) -> str:
    text = dice.choice(sources)
    for _ in range(dice.randrange(1, 5)):
        at, to = sorted(dice.randrange(len(text) + 1) for _ in range(2))
        piece = dice.choice(
            [
                dice.choice(HOSTILE),
                text[at:to],
                dice.choice(sources)[:40],
                chr(dice.randrange(0x20, 0x180)),
                "",
            ]
        )
        text = text[:at] + piece + text[dice.choice([at, to]) :]
    return text


def code(text: str) -> bool:
    """One rule through every reading; whether it was accepted."""
    found = bind.rule(parse.code(text), state.DEFINITIONS).accept()
    say.rule(found)
    list(run.reached(found, state.sight()))
    rewrite.code(text, tree_of(parse.code(text)), {"vip": "VIP"})
    return True


def view(text: str) -> bool:
    found = bind.filters(parse.filters(text), state.DEFINITIONS).accept()
    say.filters(found)
    run.matches(found, state.sight(), ME)
    where = sql.where(found, ME, state.NOW)
    assert where.text.count("$") >= len(where.values)
    tree_of(parse.filters(text))
    return True


def tree_of(program):
    assert tree.encode(program)
    return program


def template(text: str) -> bool:
    for target in Target:
        explain(text, CONTEXT, target)
    return True


def fuzz(read, sources: list[str], times: int, seed: int) -> int:
    """How many of `times` mutated texts were accepted; anything but a clean refusal is raised."""
    dice, accepted = random.Random(seed), 0
    for _ in range(times):
        text = mutated(dice, sources)
        began = time.process_time()
        with contextlib.suppress(Refused, Exhausted):
            accepted += read(text)
        assert time.process_time() - began < 2, text
    return accepted


if __name__ == "__main__":
    for read, sources in ((code, CODES), (view, FILTERS), (template, TEMPLATES)):
        times = int(sys.argv[1])
        sys.stdout.write(f"{read.__name__}: {fuzz(read, sources, times, seed=times)} of {times} accepted\n")
