"""Rules and texts that mean harm: a clean 400, or a failure with bounds that harms nobody else."""

import asyncio
import time

import pytest

from polus.desk import tags
from polus.desk.rules import mails
from polus.store.work import SYSTEM, writing
from tests import make
from tests.reactions.test_rules_run import Shop, shop  # noqa: F401
from tests.world import World

DEEP = 2_000
REFUSED = {
    "brackets": "if (" + "(" * DEEP + "true" + ")" * DEEP + ") Action('deleteTicket')",
    "blocks": "{" * DEEP + "}" * DEEP,
    "nots": "if (" + "!" * DEEP + "true) ;",
    "ifs": "if (true) " * DEEP + "Action('deleteTicket')",
    "lists": "Action('addTags', {tags: " + "[" * DEEP + "]" * DEEP + "})",
    "a huge array": "if (containsAny(ticket.subject, [" + "'x'," * 1_001 + "])) Action('deleteTicket')",
    "many conditions": "if (" + "||".join(["eq(ticket.id, 1)"] * 2_001) + ") Action('deleteTicket')",
    "too long": "// " + "x" * 70_000,
    "prototypes": "if (eq(ticket.__proto__.constructor, 'x')) Action('deleteTicket')",
    "a constructor": "Action('addTags', {tags: 'x', constructor: {prototype: 1}})",
    "a call": "ticket.constructor('return process')()",
    "a loop": "while (true) {}",
    "a function": "(() => { for (;;); })()",
    "a template": "Action(`addTags`, {tags: `${process.exit()}`})",
    "a regular expression": "if (/(a+)+$/.test(ticket.subject)) Action('deleteTicket')",
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
async def test_hostile_code_is_refused(world: World, code: str) -> None:
    began = time.process_time()
    answer = await world.leo.post("/api/rules", {"name": "R", "code": code, "event_types": "ticket-created"})
    assert answer.status == 400, answer.raw[:300]
    assert answer.json["error"]["data"]["code"]
    assert time.process_time() - began < 2


async def test_texts_that_take_long_end_in_a_limit(shop: Shop) -> None:  # noqa: F811
    words = ", ".join(f"'{'a' * 200}{n}'" for n in range(250))
    heavy = await shop.rule(f"if (containsAny(message.body_text, [{words}])) Action('deleteTicket')")
    other = await shop.rule("Action('addTags', {tags: 'fine'})", priority=-1)
    ticket = await shop.ticket(messages=[make.mail("a" * 900_000)])
    assert [tag["name"] for tag in ticket["tags"]] == ["fine"]
    assert [run[:3] for run in await shop.runs()] == [
        (heavy, "ticket-created", "limit"),
        (other, "ticket-created", "success"),
    ]


async def test_templates_reach_nothing_but_data(shop: Shop) -> None:  # noqa: F811
    tricks = (
        "{{ticket.__class__.__mro__}}|{{ticket.constructor}}|{% for x in y %}{{x}}{% endfor %}|{{7*7}}|{{ticket.meta()}}"
        "|{{ticket.subject | nothing}}|{{ ticket.customer.name.__init__ }}"
    )
    await shop.rule(f"Action('addInternalNote', {{body_text: '{tricks}'}})")
    ticket = await shop.ticket(subject="{{account.domain}}")
    said = ticket["messages"][1]["body_text"]
    assert said == "||{% for x in y %}{% endfor %}|{{7*7}}|{{ticket.meta()}}|{{account.domain}}|"


async def test_e_mails_out_of_one_ticket_are_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(mails, "MOST_A_DAY", 2)
    one = "Action('sendEmail', {to: 'boss@shop.example', subject: 's', body_text: 'b'});"
    await shop.rule(one + one, "ticket-message-created")
    ticket = await shop.ticket()
    await shop.say(ticket["id"], make.mail("again"))
    assert [(status, reason) for _, status, reason in await shop.actions()] == [
        ("success", None),
        ("success", None),
        ("skipped", "too many e-mails out of this ticket today"),
        ("skipped", "too many e-mails out of this ticket today"),
    ]


async def test_two_who_make_the_same_tag_both_have_it(world: World) -> None:
    async def second() -> dict[str, int]:
        async with writing(world.database, world.account, SYSTEM) as work:
            return await tags.ensure(work, ["other", "new"])

    async with writing(world.database, world.account, SYSTEM) as work:
        first = await tags.ensure(work, ["new"])
        task = asyncio.create_task(second())
        # It waits for us, and for nothing else.
        await asyncio.wait({task}, timeout=0.3)
        assert not task.done()
    assert (await task)["new"] == first["new"]
    made = await world.events("tag-created")
    assert [data["name"] for *_, data in made] == ["new", "other"]
