"""The pages on the languages name every operator, field, action and filter, and their examples work."""

import re

import pytest

from polus.lang import bind, parse
from polus.lang.template import render
from tests.lang import state, tables


@pytest.mark.parametrize("page", tables.PAGES)
def test_the_tables_are_those_of_the_code(page):
    assert (tables.DOCS / page).read_text() == tables.filled(page), (
        "python -m tests.lang.tables writes them anew"
    )


def test_the_examples_are_accepted():
    text = (tables.DOCS / "expression-language.md").read_text()
    view, rule = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    bind.filters(parse.filters(view), state.DEFINITIONS).accept()
    bind.rule(parse.code(rule), state.DEFINITIONS).accept()


def test_the_example_of_a_template_is_filled():
    text = (tables.DOCS / "templates.md").read_text()
    (example,) = re.findall(r"(?m)^    Hi .*\n(?:    .*\n)+", text)
    said = render(example, {"ticket": state.ticket()})
    assert " ".join(said.split()) == "Hi Ana, your order #1001 was placed on Jun 14th 26."
