"""What an account must have before its tickets are seeded: agents, teams, tags and an e-mail address.

Made by the same verbs as everywhere, and found again by a second seeding.
"""

import msgspec

from polus.desk import integrations, tags, teams, users
from polus.seeding import phrases
from polus.store.work import Work

USERS = """
select id, lower(email) as email from users
where account_id = $1 and deleted_datetime is null and lower(email) = any($2::text[])
"""
TEAMS = "select name, min(id) as id from teams where account_id = $1 and name = any($2::text[]) group by name"
# Customers that were seeded before, so that the new ones get other numbers and addresses.
LAST_NUMBER = """
select max(external_id) from customers where account_id = $1 and external_id ~ '^C[0-9]{8}$'
"""
SPAM_TAG = "spam"
VIP_TAG = "VIP"


class Agent(msgspec.Struct, frozen=True):
    """Who answers."""

    id: int
    name: str
    team_id: int


class Shop(msgspec.Struct, frozen=True):
    """An account, ready for tickets. `first` is the number of the next customer."""

    account_id: int
    integration_id: int
    address: str
    agents: list[Agent]
    team_ids: list[int]
    tags: dict[str, int]
    first: int


async def furnish(work: Work) -> Shop:
    """Make what the account lacks."""
    integration_id, address = await _address(work)
    people = await _people(work, address.partition("@")[2])
    team_ids = await _teams(work, people)
    agents = [
        Agent(user_id, agent.name, team_ids[place % len(team_ids)])
        for place, (user_id, agent) in enumerate(zip(people, phrases.shop().agents, strict=True))
    ]
    named = {story.tag for language in phrases.languages() for story in language.stories}
    labels = await tags.ensure(work, [*sorted(named), VIP_TAG, SPAM_TAG])
    last = await work.db.fetchval(LAST_NUMBER, work.account.id)
    first = 0 if last is None else int(last[1:]) + 1
    return Shop(work.account.id, integration_id, address, agents, team_ids, labels, first)


async def _address(work: Work) -> tuple[int, str]:
    for row in await integrations.emails(work):
        return row["id"], row["address"]
    address = "support@" + work.account.domain + ".example"
    return await integrations.add_email(work, address, "Support"), address


async def _people(work: Work, host: str) -> list[int]:
    wanted = {agent.name.lower().replace(" ", ".") + "@" + host: agent for agent in phrases.shop().agents}
    there = {row["email"]: row["id"] for row in await work.db.fetch(USERS, work.account.id, list(wanted))}
    return [
        there[email] if email in there else await users.create(work, email, agent.name, agent.role)
        for email, agent in wanted.items()
    ]


async def _teams(work: Work, people: list[int]) -> list[int]:
    names = phrases.shop().team_names
    there = {row["name"]: row["id"] for row in await work.db.fetch(TEAMS, work.account.id, names)}
    for place, name in enumerate(names):
        if name not in there:
            members = [{"id": user_id} for user_id in people[place :: len(names)]]
            there[name] = msgspec.json.decode(await teams.create(work, name, members=members))["id"]
    return [there[name] for name in names]
