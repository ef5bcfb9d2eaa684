"""What speaks for a mail's sender: SPF, DKIM and DMARC, looked up in a real DNS on loopback, or told by a trusted server."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from polus.base.resolver import MOST_UNANSWERED, PATIENCE, Resolver, Unanswered
from polus.channels.email import authentication, dkim_checks, journal, parse, spf
from polus.channels.email.journal import Mailbox
from polus.desk import letter_settings
from polus.desk.letter_settings import LetterSettings
from polus.store.work import SYSTEM, writing
from tests.channels.email import names
from tests.channels.email import office as offices
from tests.channels.email.names import Zone
from tests.channels.email.office import Office, mail
from tests.world import World

PEER = "9.9.9.20"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
PUBLIC = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def published() -> str:
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(KEY.public_key().public_bytes(*PUBLIC)).decode()


def signed(raw: bytes, domain: str = "customer.example") -> bytes:
    raw = raw.replace(b"\n", b"\r\n")
    return dkim.sign(raw, b"s1", domain.encode(), PRIVATE) + raw  # type: ignore[no-any-return]


@pytest.fixture
async def zone() -> AsyncIterator[Zone]:
    async with names.serving() as zone:
        zone.text("s1._domainkey.customer.example", published())
        zone.text("customer.example", "v=spf1 ip4:9.9.9.0/24 -all")
        zone.text("_dmarc.customer.example", "v=DMARC1; p=reject")
        yield zone


@pytest.fixture
async def office(world: World, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(world.database, "names", names.resolver(zone))
    return await offices.opened(world)


async def delivered(
    office: Office, raw: bytes, *, peer: str | None = PEER, sender: str = "jane@customer.example"
) -> Any:
    """As a mail that came over SMTP; what its message tells of the sender."""
    box = Mailbox(office.world.account.id, office.integration_id)
    database = office.world.database
    written = await journal.write(
        database, sender, [(office.address, box)], raw, peer=peer, helo="mx.customer.example"
    )
    row = await office.process(written[0][1])
    assert row["state"] == "delivered", row["reason"]
    return ((await office.message(row))["meta"] or {}).get("authentication")


async def test_all_that_speaks_for_an_honest_sender(office: Office) -> None:
    told = await delivered(office, signed(mail(subject="Hello")))
    assert told == {
        "by": "polus",
        "spf": {"result": "pass", "domain": "customer.example"},
        "dkim": [{"result": "pass", "domain": "customer.example", "selector": "s1"}],
        "dmarc": {"result": "pass", "domain": "customer.example", "policy": "reject"},
    }


async def test_a_forged_sender_fails(office: Office, zone: Zone) -> None:
    told = await delivered(office, mail(subject="I am Jane"), peer="8.8.4.4")
    assert (told["spf"]["result"], told["dkim"], told["dmarc"]["result"]) == ("fail", [], "fail")
    # Another domain's good signature and good SPF do not speak for this one.
    forged = signed(mail(subject="Me too", sender="Bank <service@bank.example>"))
    zone.text("_dmarc.bank.example", "v=DMARC1; p=quarantine; adkim=s")
    told = await delivered(office, forged)
    assert (told["spf"]["result"], told["dkim"][0]["result"]) == ("pass", "pass")
    assert told["dmarc"] == {"result": "fail", "domain": "bank.example", "policy": "quarantine"}


async def test_what_was_changed_on_the_way_breaks_the_signature(office: Office) -> None:
    raw = signed(mail("Send it to Mill Lane 3.", subject="Address")).replace(b"Lane 3", b"Lane 4")
    told = await delivered(office, raw, peer="8.8.4.4")
    assert told["dkim"][0]["result"] == "fail"
    assert told["dmarc"]["result"] == "fail"


async def test_a_subdomain_counts_for_its_organisation(office: Office) -> None:
    told = await delivered(office, signed(mail(sender="Jane <jane@mail.customer.example>")), sender="")
    assert told["dmarc"] == {"result": "pass", "domain": "mail.customer.example", "policy": "reject"}


async def test_without_dns_it_is_not_checked_and_nothing_is_late(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.world.database, "names", Resolver(["127.0.0.1:9"]))
    monkeypatch.setattr(authentication, "PATIENCE", 0.3)
    begun = time.monotonic()
    told = await delivered(office, signed(mail()))
    assert time.monotonic() - begun < authentication.PATIENCE + 4
    assert told["spf"]["result"] == told["dkim"][0]["result"] == told["dmarc"]["result"] == "temperror"


async def test_what_came_from_inside_without_a_signature_is_not_looked_up(office: Office, zone: Zone) -> None:
    assert await delivered(office, mail(), peer="127.0.0.1") is None
    assert await delivered(office, mail(subject="b", message_id="<2@x.example>"), peer=None) is None
    assert zone.asked == []
    told = await delivered(office, mail(subject="c", message_id="<3@x.example>"), peer="10.0.0.1")
    assert told is None


async def test_the_account_may_switch_it_off(office: Office, zone: Zone) -> None:
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await letter_settings.put(work, LetterSettings(check_senders=False))
    assert await delivered(office, signed(mail())) is None
    assert zone.asked == []


TOLD = """mx.google.com;
 dkim=pass (2048-bit key) header.i=@customer.example header.s=s1;
 spf=softfail (google.com: domain of x does not (really) designate 1.2.3.4) smtp.mailfrom=jane@customer.example;
 dmarc=fail (p=REJECT) header.from=customer.example"""


async def test_a_trusted_server_is_believed_and_no_other(office: Office) -> None:
    forged = "mx.google.com; dmarc=pass header.from=customer.example"
    raw = mail().replace(b"From:", b"Authentication-Results: " + TOLD.encode() + b"\nAuthentication-Results: " + forged.encode() + b"\nFrom:", 1)  # fmt: skip
    assert await delivered(office, raw, peer=None) is None
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await letter_settings.put(work, LetterSettings(trusted_servers=("MX.google.com",)))
    raw = raw.replace(b"Where is", b"Where on earth is")
    assert await delivered(office, raw, peer=None) == {
        "by": "mx.google.com",
        "dkim": [{"result": "pass", "domain": "customer.example"}],
        "spf": {"result": "softfail", "domain": "customer.example"},
        "dmarc": {"result": "fail", "domain": "customer.example"},
    }
    mine = parse.parse(raw)
    assert authentication.told(mine, ("other.example",)) is None


SPF = {
    "ip4": ("v=spf1 ip4:9.9.9.20 -all", "pass"),
    "none": ("something else", "none"),
    "neutral": ("v=spf1", "neutral"),
    "soft": ("v=spf1 ~all", "softfail"),
    "two": ("v=spf1 -all|v=spf1 +all", "permerror"),
    "typo": ("v=spf1 ip5:1.2.3.4 -all", "permerror"),
    "badip": ("v=spf1 ip4:999.1.1.1 -all", "permerror"),
    "a": ("v=spf1 a:host.zone.example/24 -all", "pass"),
    "mx": ("v=spf1 mx:zone.example -all", "pass"),
    "include": ("v=spf1 include:ip4.zone.example -all", "pass"),
    "includefail": ("v=spf1 include:soft.zone.example ?all", "neutral"),
    "includenone": ("v=spf1 include:nobody.zone.example -all", "permerror"),
    "redirect": ("v=spf1 redirect=ip4.zone.example", "pass"),
    "exists": ("v=spf1 exists:%{ir}.%{l}.known.zone.example -all", "pass"),
    "macro": ("v=spf1 exists:%{x}.zone.example -all", "permerror"),
    "loop": ("v=spf1 include:loop.zone.example -all", "permerror"),
    "voids": ("v=spf1 a:v1.zone.example a:v2.zone.example a:v3.zone.example -all", "permerror"),
    "ptr": ("v=spf1 ptr -all", "pass"),
    "six": ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
}  # fmt: skip


async def test_spf_as_the_standard_says(zone: Zone) -> None:
    for name, (records, _) in SPF.items():
        for record in records.split("|"):
            zone.text(f"{name}.zone.example", record)
    zone.records[("host.zone.example", "A")] = ["9.9.9.1"]
    zone.records[("zone.example", "MX")] = ["10 mx1.zone.example."]
    zone.records[("mx1.zone.example", "A")] = [PEER]
    zone.records[("20.9.9.9.jane.known.zone.example", "A")] = ["127.0.0.2"]
    zone.records[("20.9.9.9.in-addr.arpa", "PTR")] = ["out.ptr.zone.example."]
    zone.records[("out.ptr.zone.example", "A")] = [PEER]
    resolver = names.resolver(zone)

    def results() -> dict[str, str]:
        until = time.monotonic() + 20
        return {
            name: spf.check(resolver, PEER, "mx.zone.example", f"jane@{name}.zone.example", until)[0]
            for name in SPF
        }

    assert await asyncio.to_thread(results) == {name: wanted for name, (_, wanted) in SPF.items()}


@pytest.fixture
def unanswered() -> Resolver:
    return Resolver(["127.0.0.1:9"])


def test_a_machine_that_is_off_line_stops_asking(unanswered: Resolver) -> None:
    # On a busy machine a question's time may be over before it was asked.
    for _ in range(2 * MOST_UNANSWERED):
        with pytest.raises(Unanswered):
            unanswered.texts("customer.example", time.monotonic() + 0.05)
    begun = time.monotonic()
    with pytest.raises(Unanswered):
        unanswered.texts("other.example")
    assert time.monotonic() - begun < PATIENCE / 2


def test_hostile_signatures_cost_little_and_never_pass(unanswered: Resolver) -> None:
    raw = signed(mail())
    for broken in (
        raw.replace(b"b=", b"b=" + b"A" * 9_000, 1),
        raw.replace(b"\r\n\r\n", b"\r\n\r\n" + b" " * 2_000_000, 1),
        raw.replace(b"rsa-sha256", b"rsa-sha1", 1),
        b"DKIM-Signature: " + b";" * 7_000 + b"\r\n" + raw,
        raw.replace(b"From:", b"X-Y: z\r\n" * 3_000 + b"From:", 1),
    ):
        begun = time.process_time()
        found = dkim_checks.check(unanswered, broken, time.monotonic() + 0.1)
        assert found
        assert all(one.result != "pass" for one in found)
        assert time.process_time() - begun < 2


async def test_a_ticket_of_what_a_filter_calls_spam_is_spam_unless_nobody_believes_it(office: Office) -> None:
    row = await office.deliver(mail(subject="Win", x_spam_flag="YES"))
    ticket = await office.ticket(row["ticket_id"])
    assert ticket["spam"] is True
    assert (await office.message(row))["meta"] == {"spam_header": "x-spam-flag"}
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await letter_settings.put(work, LetterSettings(spam_headers=False))
    row = await office.deliver(mail("Other", subject="Win", x_spam_flag="YES"))
    assert (await office.ticket(row["ticket_id"]))["spam"] is False
