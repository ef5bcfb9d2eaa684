"""The pages of an address's mailbox and of its sending: what is kept, what is never shown, what the test says."""

import datetime
from typing import Any

import pytest

from polus.base.outbound import Allowed
from tests import world as worlds
from tests.channels.email import fetching, peers
from tests.channels.email import office as offices
from tests.web.conftest import Browser
from tests.web.test_settings import beside, fill


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    await browser.log_in(shop.ada.email)
    return browser


FIELDS: dict[str, Any] = {
    "host": "127.0.0.1", "security": "none", "auth": "password", "username": "shop", "password": "s3cret word",
    "folders": "INBOX\nOrders\n",
}  # fmt: skip


async def test_a_mailbox(ada: Browser, shop: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    office = await offices.opened(shop)
    [nobody] = peers.free_ports(1)
    path = f"/settings/channels/{office.integration_id}/mailbox"
    assert f'href="{path}"' in (await ada.get("/settings/channels")).text
    page = (await ada.get(path + "?preset=microsoft")).text
    assert 'value="outlook.office365.com"' in page
    assert f'value="{office.address}"' in page
    fields = FIELDS | {"port": nobody}
    private = await fill(ada, path, fields)
    assert (private.status, beside(private.text, "host")) == (
        422,
        "The host must resolve to public addresses.",
    )
    monkeypatch.setattr(shop.database, "allowed", fetching.LOOPBACK)
    lacking = await fill(
        ada, path, fields | {"password": "", "folders": "\n", "auth": "oauth2", "client_secret": "hush"}
    )
    assert "hush" not in lacking.text
    assert beside(lacking.text, "refresh_token") == beside(lacking.text, "folders") == "This is needed."
    assert (await fill(ada, path, fields)).status == 303
    page = (await ada.get(path)).text
    assert "s3cret" not in page
    assert "Not tried yet" in page
    [row] = await shop.rows("select * from mail_servers where account_id = $1")
    assert "s3cret" not in str(dict(row))
    [(_, _, _, told)] = await shop.events("integration-updated")
    assert told["mail_in_secret"] is True
    assert "s3cret" not in str(told)
    assert (await fill(ada, path + "/test", {})).status == 303
    page = (await ada.get(path)).text
    assert page.count(f"127.0.0.1 is there, but nothing answers at port {nobody}") == 2, (
        "now, and as its state"
    )
    # An empty secret stays, but not for another server: nobody may have it sent elsewhere.
    assert (await fill(ada, path, fields | {"password": "", "folders": "INBOX"})).status == 303
    elsewhere = await fill(ada, path, fields | {"password": "", "host": "localhost"})
    assert beside(elsewhere.text, "password") == "This is needed."
    assert (await fill(ada, path + "/history", {"since": "2026-01-01"})).status == 303
    [folder] = await shop.rows("select name, history_since from mail_folders where account_id = $1")
    assert tuple(folder) == ("INBOX", datetime.date(2026, 1, 1))
    assert (await fill(ada, path + "/history", {"stop": "1"})).status == 303
    assert (await fill(ada, path + "/history", {"since": "soon"})).status == 303
    assert "Please enter a date." in (await ada.get(path)).text

    sending = f"/settings/channels/{office.integration_id}/sending"
    same = {"host": "127.0.0.1", "port": nobody, "security": "none", "auth": "same", "tagged": ""}
    assert (await fill(ada, sending, same)).status == 303
    assert (await fill(ada, sending + "/test", {})).status == 303
    assert "the connection was refused" in (await ada.get(sending)).text
    assert (await fill(ada, path, fields | {"username": "x\r\nDELETE INBOX"})).status == 422
    assert (await fill(ada, sending + "/remove", {})).status == 303
    assert (await fill(ada, path + "/remove", {})).status == 303
    assert (await fill(ada, path + "/test", {})).status == 404
    assert await shop.rows("select 1 from mail_servers where account_id = $1") == []
    assert await shop.rows("select 1 from mail_folders where account_id = $1") == []
    monkeypatch.setattr(shop.database, "allowed", Allowed())
    ada.cookies.clear()
    await ada.log_in(shop.oda.email)
    assert (await ada.get(path)).status == 403
