"""Mails in the workspace: who speaks for their senders, what was blotted out, and the settings for it."""

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser
from tests.web.test_settings import ada, beside, fill  # noqa: F401

FORGED = {
    "authentication": {
        "by": "polus",
        "spf": {"result": "fail", "domain": "bank.example"},
        "dkim": [{"result": "pass", "domain": "<b>other.example"}],
        "dmarc": {"result": "fail", "domain": "bank.example", "policy": "reject"},
    },
    "spam_header": "x-spam-flag",
}


async def test_trust_and_privacy(ada: Browser, shop: worlds.World) -> None:  # noqa: F811
    page = await ada.get("/settings/trust")
    assert page.text.count('value="1" checked') == 3
    wrong = await fill(ada, "/settings/trust", {"trusted_servers": "mx one"})
    assert wrong.status == 422
    assert beside(wrong.text, "trusted_servers") == "Not the name of a server."
    sent = {"trusted_servers": "mx.google.com, MX.one.example", "check_senders": "1", "spam_headers": "1"}
    assert (await fill(ada, "/settings/trust", sent)).status == 303
    (row,) = await shop.rows("select * from letter_settings where account_id = $1")
    assert (row["redact_cards"], row["trusted_servers"]) == (False, ["mx.google.com", "mx.one.example"])
    (event,) = await shop.events("account-updated")
    assert event[3] == {"redact_cards": [True, False], "trusted_servers": True}
    assert "mx.google.com, mx.one.example" in (await ada.get("/settings/trust")).text


async def test_what_is_known_of_a_sender_stands_at_the_message(ada: Browser, shop: worlds.World) -> None:  # noqa: F811
    ticket = await make.ticket(shop, messages=[make.mail("Card 4111 1111 1111 1111", meta=FORGED)])
    page = (await ada.get(f"/inbox/all/{ticket['id']}")).text
    for said in (
        "The sender may be forged: bank.example does not stand by this mail.",
        "The server that brought it may not send for bank.example (SPF).",
        "Signed by &lt;b&gt;other.example, unchanged since (DKIM).",
        "A filter on the way calls it spam (x-spam-flag).",
        "A card number was blotted out here.",
        "Card **** **** **** 1111",
    ):
        assert said in page, said
    for strange in (
        {"authentication": "x"},
        {"authentication": {"dmarc": 1, "dkim": [2, {}]}},
        {"spam_header": []},
    ):
        ticket = await make.ticket(shop, messages=[make.mail("Hello", meta=strange)])
        assert (await ada.get(f"/inbox/all/{ticket['id']}")).status == 200
