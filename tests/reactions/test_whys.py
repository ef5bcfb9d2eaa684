"""Why a ticket looks as it does: what rules and the helpdesk did to it, in a list."""

from polus.desk.rules import whys
from polus.store.work import SYSTEM, reading
from tests import make
from tests.reactions.test_rules_run import Shop, shop  # noqa: F401


async def test_each_change_names_its_rule(shop: Shop) -> None:  # noqa: F811
    world = shop.world
    first = await shop.rule(
        "Action('setPriority', {priority: 'high'}); Action('addTags', {tags: 'x'});"
        " Action('addInternalNote', {body_text: 'n'})"
    )
    second = await shop.rule("Action('removeTags', {tags: 'x'})", "ticket-updated", name="Second")
    ticket = await shop.ticket()
    # What people do is no answer to anything.
    await world.leo.put(f"/api/tickets/{ticket['id']}", {"subject": "By hand"})
    assert (await world.leo.delete(f"/api/rules/{first}")).status == 204
    async with reading(world.database, world.account, SYSTEM) as work:
        found = await whys.changes(work, ticket["id"])
    assert [(one.field, one.old, one.new, one.rule_id, one.rule) for one in found] == [
        ("tags", ["x"], None, second, "Second"),
        ("message", None, ticket["messages"][1]["id"], first, None),
        ("tags", None, ["x"], first, None),
        ("priority", "normal", "high", first, None),
    ]
    assert {one.trigger for one in found} == {"ticket-created"}


async def test_tickets_of_others_are_not_told(shop: Shop) -> None:  # noqa: F811
    ticket = await make.ticket(shop.world)
    async with reading(shop.world.database, shop.world.account, SYSTEM) as work:
        assert await whys.changes(work, ticket["id"]) == []
