"""A chat that a shop puts on its pages: made, found by the public key its pages name, and what the pages may know.

Visitors and what they say are left to `visitors` and `lines`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from polus.base import clock, crypto, errors
from polus.channels import shopfronts
from polus.channels.shopfronts import Front, Kind
from polus.desk import business_hours
from polus.store.database import Database
from polus.store.work import Work

# wire: the type that the reference's lists name for chats
TYPE = "gorgias_chat"
LONGEST_IDENTITY = 24 * 3600
"""Seconds that a token of the shop's server may be good for: one that was copied is soon worth nothing."""
COLOUR = re.compile("#[0-9a-fA-F]{6}", re.ASCII)


class Look(msgspec.Struct, kw_only=True):
    """What an administrator chooses. `origins`: the pages that may show the chat; none given means all.

    Texts that are empty are the widget's own, in the visitor's language.
    """

    title: str = ""
    greeting: str = ""
    away: str = ""
    colour: str = "#2f5bea"
    side: Literal["left", "right"] = "right"
    ask_email: Literal["first", "later", "never"] = "later"
    origins: list[str] = []


Chat = Front[Look]
KIND = Kind(TYPE, Look)


async def add(work: Work, name: str, look: Look | None = None) -> int:
    """A new chat; its id. 400 on its looks. Event integration-created."""
    return await KIND.add(work, name.strip() or "Chat", checked(look or Look()))


async def change(work: Work, chat: Chat, name: str, look: Look) -> None:
    """Change the name and looks. 400. Event integration-updated."""
    await KIND.change(work, chat, name, checked(look))


def checked(look: Look) -> Look:
    """The looks with origins in their plain form; 400 on the fields that are wrong."""
    problems = shopfronts.problems(look, ("title", "greeting", "away"))
    if not COLOUR.fullmatch(look.colour):
        problems["colour"] = ["Must be a colour like #2f5bea."]
    if problems:
        raise errors.Invalid(problems)
    return msgspec.structs.replace(look, origins=shopfronts.origins(look))


def is_open(chat: Chat, now: Any) -> bool:
    """Whether agents are there, by the business hours; without any always."""
    given = business_hours.parsed(msgspec.json.decode(chat.hours or "{}"))
    return given is None or not given.spans or given.contains(now)


def shown(chat: Chat, now: Any) -> dict[str, Any]:
    """What every page that shows the chat is told."""
    look = msgspec.to_builtins(chat.look)
    del look["origins"]
    return {"name": chat.name, "open": is_open(chat, now), **look}


def secret(database: Database, account_id: int, chat: Chat) -> str:
    """With what the shop's server signs who its customer is. Derived, so it is stored nowhere."""
    return crypto.derived(database.secret_key, f"chat identity {account_id} {chat.id} {chat.key}")


def vouched(database: Database, account_id: int, chat: Chat, token: str) -> Mapping[str, Any]:
    """What the shop's server says of its customer in a JSON Web Token (HS256); 400 on `identity` when it is not good.

    Claims: `email`, `name`, `external_id`, and `exp`, which must be there and within a day: an old page's token must not
    work for ever.
    """
    key = OctKey.import_key(secret(database, account_id, chat))
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
        if claims["exp"] > clock.now().timestamp() + LONGEST_IDENTITY:
            raise ValueError("exp")
    except (JoseError, ValueError, TypeError):
        raise errors.one("identity", "Not a valid token of this chat.") from None
    return claims
