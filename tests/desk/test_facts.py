"""Facts of the statistics: kept as things happen, and the same when they are made anew from what is stored."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from polus.desk import credentials, users
from polus.desk.tickets import messages
from polus.store.work import SYSTEM, writing
from tests import make
from tests.world import Client, World

TABLES = (
    "fact_history", "fact_tickets", "fact_spans", "fact_messages", "fact_closes", "fact_handlings", "fact_tags",
    "fact_values", "fact_surveys", "fact_interactions",
)  # fmt: skip
FORGET = (
    "with h as (delete from fact_history where account_id = $1) delete from fact_tickets where account_id = $1"
    " returning ticket_id"
)


async def stored(world: World) -> dict[str, list[str]]:
    return {
        table: sorted(
            str(tuple(row)) for row in await world.rows(f"select * from {table} where account_id = $1")
        )
        for table in TABLES
    }


async def bot(world: World) -> Client:
    async with writing(world.database, world.account, SYSTEM) as work:
        email = f"bot@{world.account.domain}.example"
        user_id = await users.create(work, email, "Bot", "bot")
        key = await credentials.reset_key(work, user_id)
    return Client(world.leo.http, world.leo.url, world.leo.host, email, key, user_id)


class Shop:
    """Things that happen to some tickets, chosen by lot."""

    def __init__(self, world: World, machine: Client, seed: int) -> None:
        self.world = world
        self.lot = random.Random(seed)
        self.people = [world.leo, world.bea, world.lia, machine]
        self.tickets: list[int] = []
        self.fields: list[int] = []
        self.teams: list[int] = []

    async def furnish(self) -> None:
        await make.address(self.world, f"help@{self.world.account.domain}.example")
        for label in ("Reason", "Size"):
            body = {
                "object_type": "Ticket", "label": label,
                "definition": {"data_type": "text", "input_settings": {"input_type": "input"}},
            }  # fmt: skip
            self.fields.append((await self.world.leo.post("/api/custom-fields", body)).json["id"])
        for name in ("North", "South"):
            made = await self.world.ada.post("/api/teams", {"name": name})
            assert made.status == 201, made.raw
            self.teams.append(made.json["id"])
        for _ in range(4):
            await self.open()

    async def change(self, ticket: int, **given: Any) -> None:
        answer = await self.world.leo.put(f"/api/tickets/{ticket}", given)
        assert answer.status in (200, 202, 301, 404), answer.raw

    async def say(self, ticket: int, body: dict[str, Any], who: Client | None = None) -> None:
        answer = await (who or self.world.leo).post(f"/api/tickets/{ticket}/messages", body)
        assert answer.status in (201, 301, 404), answer.raw

    def one(self) -> int:
        return self.lot.choice(self.tickets)

    async def open(self) -> None:
        more: dict[str, Any] = self.lot.choice([
            {}, {"status": "closed"}, {"channel": "chat"}, {"tags": [{"name": "new"}]}, {"spam": True},
            {"messages": [make.note(sender={"id": self.world.leo.user_id})], "tags": [{"name": "late"}, {"name": "lost"}]},
            {"assignee_user": {"id": self.world.bea.user_id}},
            {"messages": [make.mail(), make.answer(sender={"id": self.world.leo.user_id})]},
            {"created_datetime": "2026-01-05T09:00:00", "messages": [make.mail(created_datetime="2026-01-05T08:00:00")]},
        ])  # fmt: skip
        self.tickets.append((await make.ticket(self.world, **more))["id"])

    async def ask(self) -> None:
        await self.say(self.one(), make.mail())

    async def answer(self) -> None:
        who = self.lot.choice(self.people)
        more: dict[str, Any] = self.lot.choice(
            [{}, {"sent_datetime": "2026-11-01T10:00:00"}, {"channel": "chat"}]
        )
        await self.say(self.one(), make.answer(sender={"id": who.user_id}, **more), who)

    async def note(self) -> None:
        await self.say(self.one(), make.note(sender={"id": self.world.leo.user_id}))

    async def close(self) -> None:
        await self.change(self.one(), status="closed")

    async def close_for_somebody(self) -> None:
        await self.change(
            self.one(), status="closed", assignee_user={"id": self.lot.choice(self.people).user_id}
        )

    async def reopen(self) -> None:
        await self.change(self.one(), status="open")

    async def snooze(self) -> None:
        await self.change(self.one(), snooze_datetime="2099-01-01T00:00:00")

    async def assign(self) -> None:
        who = self.lot.choice([*self.people, None])
        await self.change(self.one(), assignee_user=who and {"id": who.user_id})

    async def give_to_team(self) -> None:
        team = self.lot.choice([*self.teams, None])
        await self.change(self.one(), assignee_team=team and {"id": team})

    async def tag(self) -> None:
        body = {"names": [self.lot.choice(["late", "lost", "new"])]}
        path = f"/api/tickets/{self.one()}/tags"
        await (self.world.leo.post if self.lot.random() < 0.7 else self.world.leo.delete)(path, body)

    async def merge_tags(self) -> None:
        """One takes the place of another; what bears neither name is not there any more."""
        found = {one["name"]: one["id"] for one in (await self.world.leo.get("/api/tags")).json["data"]}
        ids = [found[name] for name in self.lot.sample(["late", "lost", "new"], 2) if name in found]
        if len(ids) == 2:
            path = f"/api/tags/{ids[0]}/merge"
            assert (await self.world.leo.put(path, {"source_tags_ids": ids[1:]})).status == 202

    async def join(self) -> None:
        into, source = self.lot.sample(self.tickets, 2)
        body = {"source_id": source}
        answer = await self.world.leo.post(f"/api/_polus/tickets/{into}/merge", body)
        assert answer.status in (201, 301, 400, 404), answer.raw
        self.tickets.remove(source)
        await self.open()

    async def fill(self) -> None:
        value = self.lot.choice(["Late", "Late::Lost", "None"])
        await self.world.leo.put(
            f"/api/tickets/{self.one()}/custom-fields/{self.lot.choice(self.fields)}", value
        )

    async def hide(self) -> None:
        await self.change(self.one(), **self.lot.choice([
            {"spam": True}, {"spam": False}, {"trashed_datetime": "2026-11-01T10:00:00"}, {"trashed_datetime": None},
        ]))  # fmt: skip

    async def move(self) -> None:
        await self.change(self.one(), channel=self.lot.choice(["email", "chat", "phone"]))

    async def rate(self) -> None:
        ticket = self.one()
        found = await self.world.leo.get(f"/api/tickets/{ticket}")
        if found.status == 200:
            body = {"ticket_id": ticket, "customer_id": found.json["customer"]["id"], "score": 4}
            await self.world.lia.post("/api/satisfaction-surveys", body)

    async def take_back(self) -> None:
        ticket = self.one()
        found = await self.world.leo.get(f"/api/tickets/{ticket}/messages")
        if found.status == 200 and len(found.json["data"]) > 1:
            message = self.lot.choice(found.json["data"])["id"]
            await self.world.leo.delete(f"/api/tickets/{ticket}/messages/{message}")

    async def correct(self) -> None:
        ticket = self.one()
        found = await self.world.leo.get(f"/api/tickets/{ticket}/messages")
        if found.status == 200 and found.json["data"]:
            message = self.lot.choice(found.json["data"])
            body = {"sent_datetime": "2026-10-01T10:00:00"} if message["from_agent"] else {"external_id": "x"}
            await self.world.leo.put(f"/api/tickets/{ticket}/messages/{message['id']}", body)

    async def send(self) -> None:
        """An answer that waited has left the house."""
        waiting = await self.world.rows(
            "select id from messages where account_id = $1 and from_agent and public and sent_datetime is null order by id"
        )
        if waiting:
            async with writing(self.world.database, self.world.account, SYSTEM) as work:
                await messages.sent(work, self.lot.choice(waiting)["id"])

    async def forget(self) -> None:
        if len(self.tickets) > 5:
            await self.world.ada.delete(f"/api/tickets/{self.tickets.pop(0)}")

    async def automate(self) -> None:
        ticket, machine = self.one(), self.people[-1]
        await self.change(ticket, assignee_user={"id": machine.user_id})
        await self.say(ticket, make.answer(sender={"id": machine.user_id}), machine)
        given: dict[str, Any] = self.lot.choice([
            {"status": "closed"}, {"assignee_user": {"id": self.world.bea.user_id}}, {"assignee_team": {"id": self.teams[0]}},
        ])  # fmt: skip
        await self.change(ticket, **given)

    async def work_on(self) -> None:
        await self.world.rows(
            "insert into handlings select account_id, id, $2, now() - interval '3 minutes', now() + interval '1 minute'"
            " from tickets where account_id = $1 and id = $3 on conflict do nothing returning ticket_id",
            self.world.leo.user_id, self.one(),
        )  # fmt: skip

    @property
    def happenings(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.open, self.ask, self.ask, self.answer, self.answer, self.answer, self.note, self.close, self.close,
            self.close_for_somebody, self.reopen, self.snooze, self.assign, self.assign, self.give_to_team, self.tag,
            self.tag, self.merge_tags, self.join, self.fill, self.fill, self.hide, self.move, self.rate, self.take_back, self.correct, self.forget, self.work_on,
            self.automate, self.automate, self.send, self.send, self.send,
        ]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("seed", (1, 4, 5))
async def test_facts_made_anew_are_those_that_were_kept(world: World, seed: int) -> None:
    shop = Shop(world, await bot(world), seed)
    await shop.furnish()
    for _ in range(85):
        await shop.lot.choice(shop.happenings)()
    kept = await stored(world)
    assert all(kept[table] for table in TABLES if table not in ("fact_surveys", "fact_handlings"))
    await make.facts(world)
    assert await stored(world) == kept
    await world.rows(FORGET)
    assert not any((await stored(world)).values())
    await make.facts(world)
    assert await stored(world) == kept


async def test_tags_put_on_become_facts_once(world: World) -> None:
    opened = (await make.ticket(world, tags=[{"name": "new"}]))["id"]
    await world.leo.post(f"/api/tickets/{opened}/tags", {"names": ["late", "lost"]})
    written = await world.rows(
        "select g.name, f.xmax::text, f.previous is null from fact_tags f join tags g on g.id = f.tag_id"
        " where f.account_id = $1 order by g.name"
    )
    # What was written, and then written again, has been locked by who did it.
    assert [tuple(row) for row in written] == [("late", "0", False), ("lost", "0", False), ("new", "0", True)]


async def test_signals_become_intervals(world: World) -> None:
    one, other = [(await make.ticket(world))["id"] for _ in range(2)]
    leo = world.leo.user_id
    signals = ((one, 0), (one, 20), (one, 40), (other, 50), (one, 60), (one, 80), (one, 400), (one, 420))
    for ticket, second in signals:
        await world.rows(
            "select attend($1, $2, $3, timestamptz '2026-03-02T10:00Z' + $4 * interval '1 second')",
            ticket,
            leo,
            second,
        )
    spent = await world.rows(
        "select ticket_id, extract(epoch from ends - begins)::int from handlings where account_id = $1 order by begins"
    )
    assert [tuple(row) for row in spent] == [(one, 40), (other, 0), (one, 20), (one, 20)]
    for minute in (0, 4, 8, 30):
        await world.rows(
            "insert into user_presence (account_id, user_id, seen_datetime) values ($1, $2,"
            " timestamptz '2026-03-02T10:00Z' + $3 * interval '1 minute') on conflict (account_id, user_id)"
            " do update set seen_datetime = excluded.seen_datetime returning 1",
            leo, minute,
        )  # fmt: skip
    present = await world.rows(
        "select extract(epoch from ends - begins)::int / 60 from presences where account_id = $1 order by begins"
    )
    assert [row[0] for row in present] == [13, 5]
