"""Servers of others that several tests of mail meet."""

from collections.abc import AsyncIterator

import pytest

from tests.channels.email import peers
from tests.channels.email.peers import Dovecot


@pytest.fixture(scope="module")
async def dovecot() -> AsyncIterator[Dovecot]:
    async with peers.dovecot() as running:
        yield running
