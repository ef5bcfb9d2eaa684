"""Apps for tests: registered, let in, given tokens, by the same verbs as the pages and the token endpoint use."""

import base64
from dataclasses import dataclass
from typing import Any

from polus.base import clock
from polus.desk.apps import apps, tokens
from polus.desk.apps.facts import Answer, User
from polus.store.work import Actor, writing
from tests.world import Client, World

CALLBACK = "https://app.example/oauth/callback"
ANYBODY = Actor("anybody", role="observer-agent")


@dataclass
class App:
    """A registered app, as its writer knows it."""

    id: str
    secret: str

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()


class Bearer(Client):
    """A program calling the API with an access token, which is `key`."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer " + self.key, "Host": self.host}


def admin(world: World, name: str = "ada", role: str = "admin") -> Actor:
    return Actor("user", world.people[name].user_id, role)


async def register(world: World, *redirects: str, name: str = "Parcel Tracker", **more: Any) -> App:
    given = {"name": name, "app_url": "https://app.example/start", "redirect_urls": redirects or (CALLBACK,)}
    async with writing(world.database, world.account, admin(world)) as work:
        return App(*await apps.register(work, given | more))


async def code(world: World, app: App, scope: str, redirect: str = CALLBACK, **more: str) -> str:
    """A code that ada has granted."""
    asked = {
        "response_type": "code",
        "client_id": app.id,
        "redirect_uri": redirect,
        "scope": scope,
        "state": "s",
    }
    user = User(world.ada.user_id, "Ada Agent", world.ada.email)
    async with writing(world.database, world.account, admin(world)) as work:
        answer = await tokens.decide(work, list((asked | more).items()), user, clock.now())
    assert "code=" in answer.location, answer
    return answer.location.split("code=")[1].split("&")[0]


async def exchange(world: World, app: App, **given: str) -> Answer:
    async with writing(world.database, world.account, ANYBODY) as work:
        return await tokens.exchange(work, list(given.items()), app.basic)


async def connect(world: World, app: App, scope: str) -> dict[str, Any]:
    """What the token endpoint answers to an app that ada let in."""
    made = await code(world, app, scope)
    answer = await exchange(world, app, grant_type="authorization_code", code=made, redirect_uri=CALLBACK)
    assert answer.status == 200, answer
    return answer.body


def bearer(world: World, token: str) -> Bearer:
    ada = world.ada
    return Bearer(ada.http, ada.url, ada.host, ada.email, token, ada.user_id)
