"""Mails in the workspace: who speaks for their senders, what was blotted out, and the settings for it."""

from polus.base.resolver import Resolver
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


async def test_aliases_signatures_and_keys(ada: Browser, shop: worlds.World) -> None:  # noqa: F811
    address = f"help@{shop.account.domain}.example"
    await fill(ada, "/settings/channels", {"address": address, "name": "Help"})
    (row,) = await shop.rows(
        "select id from integrations where account_id = $1 and meta->>'address' = $2", address
    )
    base = f"/settings/channels/{row['id']}/letters"
    assert f'href="{base}"' in (await ada.get("/settings/channels")).text
    wrong = await fill(ada, base + "/aliases", {"alias": "nobody"})
    assert beside(wrong.text, "alias")
    alias = f"sales@{shop.account.domain}.example"
    assert (await fill(ada, base + "/aliases", {"alias": alias, "name": "Sales"})).status == 303
    sent = {"address": alias, "enabled": "1", "body_html": "<b>{{current_user.name}}</b><script>1</script>"}
    assert (await fill(ada, base + "/signature", sent)).status == 303
    page = (await ada.get(f"{base}?address={alias}")).text
    assert "Ada Agent" in page
    assert "<script>1" not in page
    assert (await fill(ada, base + "/signature", sent | {"address": "x@y.example"})).status == 404
    came = {"integration_id": row["id"], "source": {"type": "email", "from": {"address": "mia@example.com"}, "to": [{"address": alias}]}}  # fmt: skip
    ticket = await make.ticket(shop, messages=[make.mail("Hello", **came)])
    page = (await ada.get(f"/inbox/all/{ticket['id']}")).text
    assert "+ signature" in page
    assert f'value="{row["id"]} {alias}" selected' in page
    (kept,) = await shop.rows("select * from mail_signatures where account_id = $1")
    assert (kept["address"], kept["enabled"]) == (alias, True)
    made = await fill(ada, "/settings/signing", {"domain": alias.partition("@")[2]})
    assert made.status == 303
    (key,) = await shop.rows("select * from domain_keys where account_id = $1")
    page = (await ada.get("/settings/signing")).text
    assert f"{key['selector']}._domainkey.{key['domain']}" in page
    assert f"v=DKIM1; k=rsa; p={key['public_key']}" in page
    assert "Not published yet" in page
    shop.database.names = Resolver(["127.0.0.1:9"])
    assert (await fill(ada, f"/settings/signing/{key['id']}/check", {})).status == 303
    assert "no answer" in (await ada.get("/settings/signing")).text
    assert (await fill(ada, f"/settings/signing/{key['id']}/delete", {})).status == 303
    (alias_row,) = await shop.rows("select id from mail_aliases where account_id = $1")
    assert (await fill(ada, f"{base}/aliases/{alias_row['id']}/delete", {})).status == 303
    for table in ("domain_keys", "mail_aliases", "mail_signatures"):
        assert await shop.rows(f"select 1 from {table} where account_id = $1") == []
