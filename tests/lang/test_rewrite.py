"""Renaming a tag changes its name where code means the tag, and nothing else."""

import pytest

from polus.lang import parse, rewrite

NEW = {"vip": 'V.I.P. "it\'s"', "old": "new"}


@pytest.mark.parametrize(
    "before, after",
    [
        ("eq(ticket.tags.name, 'vip')", "eq(ticket.tags.name, 'V.I.P. \"it\\'s\"')"),
        ('eq(ticket.tags.name, "vip")', 'eq(ticket.tags.name, "V.I.P. \\"it\'s\\"")'),
        ("eq(ticket.subject, 'vip') && eq(ticket.tags.name, 'VIP')", None),
        ("startsWith(ticket['tags'].name, 'old')  // old", "startsWith(ticket['tags'].name, 'new')  // old"),
        ("/* 💡 */ containsAny(ticket.tags.name,\r\n['💡', 'old',\t'x'])", "/* 💡 */ containsAny(ticket.tags.name,\r\n['💡', 'new',\t'x'])"),
        ("isEmpty(ticket.tags.name) && eq(ticket.custom_fields[8], 'old')", None),
    ],
)  # fmt: skip
def test_filters(before, after):
    assert rewrite.code(before, parse.filters(before), NEW) == (after or before)


@pytest.mark.parametrize(
    "before, after",
    [
        ("Action('addTags', {tags: 'a,  old , older'})", "Action('addTags', {tags: 'a,  new , older'})"),
        ("Action('addTags', {tags: 'new, old'})", "Action('addTags', {tags: 'new'})"),
        ("Action('REMOVETAGS', {'tags': ['old', \"x\"]})", "Action('REMOVETAGS', {'tags': ['new', \"x\"]})"),
        ("if (contains(ticket.tags[0].name, 'old')) Action('setTags', {tags: 'old'}); else Action('addInternalNote', {body_text: 'old'})",
         "if (contains(ticket.tags[0].name, 'new')) Action('setTags', {tags: 'new'}); else Action('addInternalNote', {body_text: 'old'})"),
        ("Action('deleteTicket')", None),
    ],
)  # fmt: skip
def test_rules(before, after):
    found = rewrite.code(before, parse.code(before), NEW)
    assert found == (after or before)
    parse.code(found)
