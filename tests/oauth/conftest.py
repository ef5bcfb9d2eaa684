"""The whole door for apps: workspace, API and OAuth2 behind one server, and names under `.localhost` that resolve."""

import io
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from polus.base import log
from tests.web.conftest import browser, chromium, enter, house, http, shop

__all__ = ["browser", "chromium", "enter", "house", "http", "shop"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets clients that know nothing of us find `shop7.localhost`, which browsers do by themselves."""
    real = socket.getaddrinfo

    def found(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    # Our test server speaks plain HTTP, which these clients refuse unless they are told.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, however little it matters."""
    written = io.StringIO()
    log.configure(as_json=True, level=logging.DEBUG, stream=written)
    yield written
    log.configure()
    structlog.reset_defaults()
    logging.basicConfig(handlers=[], force=True)
