"""Bodies that tests send, and things they need beforehand."""

from typing import Any

from polus.desk.statistics import rebuilding
from polus.store.work import SYSTEM, writing
from tests.world import World


def mail(text: str = "Where is my parcel?", **more: Any) -> dict[str, Any]:
    """A customer's e-mail as a message body."""
    return {
        "channel": "email",
        "via": "email",
        "from_agent": False,
        "body_text": text,
        "source": {
            "type": "email",
            "from": {"name": "Mia Meyer", "address": "mia@example.com"},
            "to": [{"name": "Help", "address": "help@shop.example"}],
        },
        **more,
    }


def note(text: str = "Careful with this one.", **more: Any) -> dict[str, Any]:
    """An internal note as a message body."""
    return {"channel": "internal-note", "from_agent": True, "via": "helpdesk", "body_text": text, **more}


def answer(text: str = "It left on Monday.", **more: Any) -> dict[str, Any]:
    """An agent's e-mail as a message body."""
    return {"channel": "email", "from_agent": True, "via": "helpdesk", "body_text": text, **more}


async def ticket(world: World, **more: Any) -> dict[str, Any]:
    """A ticket of Mia's, made through the API by lite agent Lia."""
    body = {"messages": [mail()], "customer": {"email": "mia@example.com", "name": "Mia Meyer"}, **more}
    made = await world.near().lia.post("/api/tickets", body)
    assert made.status == 201, made.raw
    return made.json  # type: ignore[no-any-return]


async def address(world: World, address: str = "") -> int:
    """A connected e-mail address of the shop; the integration's id."""
    given = address or f"help@{world.account.domain}.example"
    rows = await world.rows(
        "insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)"
        " values ($1, 'email', 'Help', jsonb_build_object('address', $2::text), now(), now()) returning id",
        given,
    )
    return rows[0][0]  # type: ignore[no-any-return]


# A customer with something in every field.
ANN = {
    "external_id": "C-7",
    "email": "Ann@Shop.example",
    "name": "Ann van Lee",
    "language": "en-GB",
    "timezone": "Europe/Paris",
    "note": "likes tea",
    "meta": {"vip": True},
    "data": [1, "two", None],
    "channels": [{"type": "phone", "address": " +49 (0)30 1234 "}, {"type": "twitter", "address": "@Ann"}],
}


async def customer(world: World, **given: Any) -> dict[str, Any]:
    """A customer of these fields, made through the API by lite agent Lia."""
    made = await world.near().lia.post("/api/customers", given)
    assert made.status == 201, made.raw
    return made.json  # type: ignore[no-any-return]


def brief(customer: Any) -> list[tuple[str, str, bool]]:
    """A customer's addresses as (type, address, preferred)."""
    return [(c["type"], c["address"], c["preferred"]) for c in customer["channels"]]


async def facts(world: World) -> None:
    """The facts of the statistics made anew, after rows were moved in time by hand."""
    done, after = 1, 0
    while done:
        async with writing(world.database, world.account, SYSTEM) as work:
            done, after = await rebuilding.step(work, after)
