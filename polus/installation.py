"""One installation as processes see it: its database, opened; what a new account of it starts with is `founding`'s."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from polus.base.settings import Settings
from polus.store import database as databases
from polus.store import files
from polus.store import server as servers
from polus.store.database import Database


class Founder(msgspec.Struct, frozen=True):
    """A new account's administrator and its e-mail address; the password and the key are shown this once."""

    domain: str
    email: str
    name: str
    password: str
    key: str
    address: str


class Prepared(msgspec.Struct, frozen=True):
    """What `founding` tells its parent: whom it founded an account for, or what cannot work (code, sentence, cure)."""

    founder: Founder | None = None
    misconfigured: tuple[str, str, str] | None = None


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Where the database is; the embedded one is started, or joined when it runs already."""
    if settings.database_url:
        yield settings.database_url
    else:
        async with servers.attach(settings.data) as server:
            yield server.url


@asynccontextmanager
async def opened(settings: Settings, name: str, most: int = 10) -> AsyncIterator[Database]:
    """The database and the place of the files, opened. The schema is not looked at."""
    place = files.opened(settings.files_url)
    async with (
        database_url(settings) as url,
        databases.opened(
            url,
            name=name,
            most=most,
            files=place,
            secret_key=settings.secret_key,
            outbound_allow=settings.outbound_allow,
            dns_servers=settings.dns_servers,
        ) as database,
    ):
        yield database
