"""A generated shop for the two readings: its rows in the database and the same tickets in their wire form."""

import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from polus.base import clock
from polus.lang.vocabulary import Definition

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
TEXTS = [
    None,
    "",
    " ",
    "Order #1001",
    "ORDER  #1001 late",
    "Straße 5",
    "strasse 5",
    "100% off_now",
    "100 off",
    "a\\b",
    "é",
    "e\u0301cole Élan",
    "two\nlines",
    "what hat",
    "İzmir",
    "💡 idea",
    'it\'s "quoted"',
]
TAGS = ["vip", "VIP", "refund", "Refund ", "a_b", "100%", "straße"]
CHOICES = [None, "Order", "Order::Damaged", "Order::Damaged::Box", "Orders", "order", "100%::x"]
EMAILS = [None, "ana@vip.com", "bob@shop.example", "b_b@shop.example", "ops+x@vip.com"]
AGES = [
    None,
    timedelta(0),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=1, microseconds=1),
    timedelta(days=3),
    timedelta(weeks=3),
    timedelta(days=400),
    timedelta(hours=-2),
]
DEFINITIONS = {
    11: Definition("Ticket", "text", "input"),
    12: Definition("Ticket", "text", "dropdown"),
    13: Definition("Ticket", "number", "input_number"),
    14: Definition("Ticket", "boolean", "dropdown"),
    21: Definition("Customer", "text", "input"),
    22: Definition("Customer", "text", "dropdown"),
    23: Definition("Customer", "number", "input_number"),
}
# The share of tickets that have the time.
LATER = {
    "opened": 0.6,
    "closed": 0.5,
    "trashed": 0.2,
    "snooze": 0.5,
    "last_message": 0.8,
    "last_received_message": 0.7,
}


@dataclass
class Shop:
    """`tickets` and `customers` in wire form; `users`, `teams` … as far as the tickets name them."""

    account_id: int
    users: list[dict]
    teams: list[dict]
    tags: list[dict]
    integrations: list[dict]
    customers: list[dict] = field(default_factory=list)
    tickets: list[dict] = field(default_factory=list)


def _moment(dice: random.Random) -> datetime | None:
    age = dice.choice(AGES)
    return None if age is None else NOW - age


def _fields(dice: random.Random, object_type: str) -> dict:
    made = {
        "text": lambda: dice.choice(TEXTS),
        "dropdown": lambda: dice.choice(CHOICES),
        "number": lambda: dice.choice([None, 0, 1, 3, 2.5, -4, 1e10]),
        "boolean": lambda: dice.choice([None, True, False]),
    }
    out = {}
    for id_, definition in DEFINITIONS.items():
        value = made[
            "dropdown"
            if definition.input_type == "dropdown" and definition.data_type == "text"
            else definition.data_type
        ]()
        if definition.object_type == object_type and value is not None:
            out[str(id_)] = {"id": id_, "value": value}
    return out


async def make(pool, size: int, seed: int) -> Shop:
    """`size` tickets of a fifth as many customers, in an account of their own each time.

    A worker of pytest-xdist that stole tests of another comes back to a module, and to its shop, a second time.
    """
    dice = random.Random(seed)
    account_id = await pool.fetchval(
        "insert into accounts (domain, hash, created_datetime) values ($1, $1, $2) returning id",
        f"filters-{uuid.uuid4()}",
        NOW,
    )
    shop = Shop(
        account_id,
        *[await _people(pool, account_id, kind) for kind in ("users", "teams", "tags", "integrations")],
    )
    for _ in range(max(size // 5, 1)):
        shop.customers.append(await _customer(pool, dice, account_id))
    for number in range(size):
        shop.tickets.append(await _ticket(pool, dice, shop, number))
    return shop


async def _people(pool, account_id: int, kind: str) -> list[dict]:
    names = {
        "users": ["Ada Straße", "Leo  Lima", "ÉVA"],
        "teams": ["Returns", "returns 2"],
        "tags": TAGS,
        "integrations": ["Mail", "", "Shop"],
    }[kind]
    extra = {
        "users": "email, role, updated_datetime",
        "integrations": "type, meta, updated_datetime",
    }.get(kind)
    made = []
    for index, name in enumerate(names):
        row = {"name": name}
        values = [account_id, name, NOW]
        if kind == "users":
            row["email"] = f"u{index}_@shop.example"
            values += [row["email"], "agent", NOW]
        if kind == "integrations":
            row |= {
                "type": ["email", "facebook", "shopify"][index],
                "address": [f"mail{account_id}@shop.example", "ana@vip.com", None][index],
            }
            values += [row["type"], json.dumps({"address": row["address"]}), NOW]
        columns = "account_id, name, created_datetime" + (", " + extra if extra else "")
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        sql = "insert into " + kind + " (" + columns + ") values (" + places + ") returning id"
        made.append({"id": await pool.fetchval(sql, *values), **row})
    return made


async def _customer(pool, dice, account_id: int) -> dict:
    made = {
        "email": dice.choice(EMAILS),
        "name": dice.choice(TEXTS),
        "external_id": None,
        "language": dice.choice([None, "en", "fr"]),
        "timezone": dice.choice([None, "Europe/Paris", "US/Pacific"]),
        "note": dice.choice(TEXTS),
        "custom_fields": _fields(dice, "Customer"),
        "created_datetime": _moment(dice) or NOW,
        "updated_datetime": _moment(dice) or NOW,
    }
    columns = list(made)
    values = [json.dumps(value) if isinstance(value, dict) else value for value in made.values()]
    sql = "insert into customers (account_id, " + ", ".join(columns) + ") values ($1, "
    sql += ", ".join(f"${n}" for n in range(2, len(values) + 2)) + ") returning id"
    made["id"] = await pool.fetchval(sql, account_id, *values)
    made["channels"] = [await _channel(pool, dice, account_id, made["id"]) for _ in range(dice.randrange(3))]
    return _wire(made)


async def _channel(pool, dice, account_id: int, customer_id: int) -> dict:
    gone = NOW if dice.random() < 0.3 else None
    type_, address = (
        dice.choice(["email", "phone", "chat"]),
        f"{dice.choice(['Ana', 'b%b', 'É'])}{dice.randrange(10**9)}",
    )
    await pool.execute(
        "insert into customer_channels (account_id, customer_id, type, address, key, created_datetime, updated_datetime,"
        " deleted_datetime) values ($1, $2, $3, $4, $4, $5, $5, $6)",
        account_id,
        customer_id,
        type_,
        address,
        NOW,
        gone,
    )
    return {"type": type_, "address": address, "deleted_datetime": gone}


async def _ticket(pool, dice, shop: Shop, number: int) -> dict:
    customer = dice.choice(shop.customers)
    user, team = dice.choice([None, *shop.users]), dice.choice([None, *shop.teams])
    joined = dice.sample(shop.integrations, dice.choice([0, 0, 1, 2]))
    own = {
        "external_id": dice.choice([None, "", "X-1", f"ext{number}"]),
        "status": dice.choice(["open", "closed"]),
        "channel": dice.choice(["email", "facebook-messenger", "shop_chat"]),
        "via": dice.choice(["api", "email", "helpdesk"]),
        "from_agent": dice.choice([None, True, False]),
        "spam": dice.random() < 0.15,
        "imported": dice.choice([None, True, False]),
        "language": dice.choice([None, "en", "fr"]),
        "subject": dice.choice(TEXTS),
        "messages_count": dice.randrange(4),
        "created_datetime": _moment(dice) or NOW,
        "updated_datetime": _moment(dice) or NOW,
        "custom_fields": _fields(dice, "Ticket"),
        **{name + "_datetime": _moment(dice) if dice.random() < LATER[name] else None for name in LATER},
    }
    priority = dice.randrange(1, 5)
    store = dice.choice([None, shop.integrations[2]["id"]])
    columns = {
        **own,
        "priority": priority,
        "customer_id": customer["id"],
        "assignee_user_id": user and user["id"],
        "assignee_team_id": team and team["id"],
        "integration_ids": [one["id"] for one in joined],
        "store_id": store,
        "unread_datetime": NOW,
        "processed_datetime": NOW,
    }
    values = [json.dumps(value) if isinstance(value, dict) else value for value in columns.values()]
    sql = "insert into tickets (account_id, " + ", ".join(columns) + ") values ($1, "
    sql += ", ".join(f"${n}" for n in range(2, len(values) + 2)) + ") returning id"
    id_ = await pool.fetchval(sql, shop.account_id, *values)
    tags = dice.sample(shop.tags, dice.choice([0, 1, 2, 3]))
    for tag in tags:
        await pool.execute("insert into ticket_tags values ($1, $2, $3)", shop.account_id, id_, tag["id"])
    read = dice.choice([None, NOW, NOW - timedelta(seconds=1)])
    if read:
        await pool.execute(
            "insert into ticket_reads values ($1, $2, $3, $4)",
            shop.account_id,
            id_,
            shop.users[0]["id"],
            read,
        )
    return _wire(
        {
            **own,
            "id": id_,
            "priority": ["low", "normal", "high", "critical"][priority - 1],
            "customer": customer,
            "requester": customer,
            "assignee_user": user,
            "assignee_user_id": user and user["id"],
            "assignee_team": team,
            "assignee_team_id": team and team["id"],
            "tags": tags,
            "integrations": joined,
            "store": {"id": store} if store else None,
            "is_unread": read != NOW,
            "satisfaction_survey": await _survey(pool, dice, shop, id_, customer),
        }
    )


async def _survey(pool, dice, shop: Shop, ticket_id: int, customer: dict) -> dict | None:
    if dice.random() < 0.5:
        return None
    made = {
        "score": dice.choice([None, 1, 4, 5]),
        "body_text": dice.choice(TEXTS),
        "created_datetime": NOW,
        "sent_datetime": _moment(dice),
        "scored_datetime": _moment(dice),
    }
    await pool.execute(
        "insert into satisfaction_surveys (account_id, ticket_id, customer_id, score, body_text, created_datetime,"
        " sent_datetime, scored_datetime) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        shop.account_id,
        ticket_id,
        customer["id"],
        *made.values(),
    )
    return made


def _wire(made: dict) -> dict:
    """With datetimes as the wire writes them."""
    return json.loads(json.dumps(made, default=lambda value: clock.text(value)))
