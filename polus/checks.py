"""`polus check`: what is wrong or missing in an installation, each finding with a stable code and a cure."""

import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import aiosmtplib
import msgspec
from cryptography import x509
from obstore.exceptions import BaseError

from polus import __version__, health, installation, screen
from polus.base import clock
from polus.base import settings as all_settings
from polus.base.settings import SECRET_KEY_FILE, Misconfigured, Settings
from polus.channels import states
from polus.channels.email import listener
from polus.channels.states import State
from polus.store import backlogs, files, migrate, presence
from polus.store import database as databases

LEAST_DISK = 1 << 30
RELAY_PATIENCE = 10.0
CERTIFICATE_DAYS = 14
# Accounts whose channels are asked for at once: no statement tells of more than a thousand channels.
TOGETHER = 50

ACCOUNTS = """
select a.id, a.domain,
  array(select meta->>'address' from integrations i where i.account_id = a.id and i.type = 'email'
    and i.deactivated_datetime is null order by i.id) as addresses,
  exists (select from users u where u.account_id = a.id and u.role = 'admin' and u.active
    and u.deleted_datetime is null) as has_admin
from accounts a where a.deactivated_datetime is null order by a.id
"""

GIVEN_UP = {
    "outbox": ("reactions-given-up", "reactions to events failed for good", "See the column `error` of `outbox`."),
    "mails": ("mails-parked", "mails could not be processed", "Look at them and run `polus mail replay ID`."),
}  # fmt: skip


class Finding(msgspec.Struct, frozen=True):
    """An error keeps something from working, a warning will, a note is worth knowing."""

    level: Literal["error", "warning", "note"]
    code: str
    sentence: str
    cure: str


class Report(msgspec.Struct):
    """What is told: facts, then findings."""

    version: str
    url: str
    addresses: list[str]
    findings: list[Finding]


async def told(settings: Settings, as_json: bool) -> int:
    """Print the report; 1 when there is an error."""
    report = await examined(settings)
    if as_json:
        screen.say_json(report)
    else:
        screen.say(f"Polus {report.version} at {report.url}")
        for address in report.addresses:
            screen.say(f"E-mail address: {address}")
        for finding in report.findings:
            screen.say(f"{finding.level}: {finding.sentence} {finding.cure} [{finding.code}]")
        if not report.findings:
            screen.say("Nothing is wrong.")
    return int(any(finding.level == "error" for finding in report.findings))


async def examined(settings: Settings) -> Report:
    """Everything looked at."""
    report = Report(__version__, settings.base_url, [], [*_environment(), *_data(settings)])
    for part in (_certificate(settings), _files(settings), _relay(settings), _database(settings, report)):
        try:
            report.findings += [finding async for finding in part]
        except Misconfigured as error:
            report.findings.append(Finding("error", error.code, error.sentence, error.cure))
    order = ("error", "warning", "note")
    report.findings.sort(key=lambda finding: order.index(finding.level))
    return report


def _environment() -> Iterator[Finding]:
    for name in all_settings.unknown(os.environ):
        yield Finding(
            "warning", "setting-unknown", f"{name} means nothing.", "See docs/reference/settings.md for the names."
        )  # fmt: skip


def _data(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data).free
    if free < LEAST_DISK:
        yield Finding(
            "warning", "disk-almost-full", f"{settings.data} has {free >> 20} MiB left.", "Make room on its disk."
        )  # fmt: skip
    key = settings.data / SECRET_KEY_FILE
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("error", "secret-key-open", f"Others may read {key}.", f"Run `chmod 600 {key}`.")


async def _certificate(settings: Settings) -> AsyncIterator[Finding]:
    if settings.tls_cert is None or settings.tls_key is None:
        return
    listener.tls_context(settings.tls_cert, settings.tls_key)
    certificate = x509.load_pem_x509_certificate(settings.tls_cert.read_bytes())
    days = (certificate.not_valid_after_utc - clock.now()).days
    if days < CERTIFICATE_DAYS:
        level: Literal["error", "warning"] = "error" if days < 0 else "warning"
        yield Finding(
            level, "tls-expires", f"The certificate's last day is in {days} days.", "Renew it and restart Polus."
        )  # fmt: skip


async def _files(settings: Settings) -> AsyncIterator[Finding]:
    try:
        store = files.opened(settings.files_url)
        stored = await store.put(_one(b"polus check"), limit=100, folder="check")
        await store.delete(stored.name)
    except Misconfigured:
        raise
    except (OSError, BaseError) as error:
        yield Finding(
            "error",
            "files-unusable",
            f"A file cannot be stored and removed: {type(error).__name__}.",
            "Check POLUS_FILES_URL, its permissions and the provider's variables for access.",
        )


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _relay(settings: Settings) -> AsyncIterator[Finding]:
    relay = settings.relay()
    if relay is None:
        yield Finding(
            "warning", "relay-missing", "No mail can be sent.", "Set POLUS_SMTP_URL, e.g. smtp://user:password@host:587."
        )  # fmt: skip
        return
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        use_tls=relay.implicit_tls,
        username=relay.user,
        password=relay.password,
        timeout=RELAY_PATIENCE,
    )
    try:
        async with client:
            await client.noop()
    except aiosmtplib.SMTPAuthenticationError as error:
        yield Finding(
            "error", "relay-refuses-login", f"{relay.host} refuses the login: {error.code}.", "Check POLUS_SMTP_URL."
        )  # fmt: skip
    except (aiosmtplib.SMTPException, OSError) as error:
        yield Finding(
            "error",
            "relay-unreachable",
            f"{relay.host} port {relay.port} does not take mail: {type(error).__name__}.",
            "Check POLUS_SMTP_URL and that the relay runs.",
        )


async def _database(settings: Settings, report: Report) -> AsyncIterator[Finding]:
    async with installation.database_url(settings) as url:
        at, head = await migrate.current(url), migrate.head()
        if at is None:
            yield Finding(
                "note", "database-empty", "The database has no tables yet.", "`polus serve` makes them."
            )
            return
        if at != head:
            yield Finding(
                "error",
                "schema-other",
                f"The database is at {at}, this version needs {head}.",
                "Run `polus migrate`; a newer schema needs a newer Polus.",
            )
            return
        async with (
            databases.opened(url, name="polus check", most=2) as database,
            database.pool.acquire() as db,
        ):
            for part in (_accounts(db, report), _queues(db), channels(db)):
                for finding in await part:
                    yield finding


async def _accounts(db: Any, report: Report) -> list[Finding]:
    found = []
    rows = await db.fetch(ACCOUNTS)
    if not rows:
        found.append(
            Finding("error", "account-missing", "There is no account.", "Run `polus account add DOMAIN`.")
        )
    for row in rows:
        report.addresses += row["addresses"]
        if not row["addresses"]:
            found.append(
                Finding(
                    "warning",
                    "address-missing",
                    f"{row['domain']} has no e-mail address.",
                    "Connect one in its settings.",
                )
            )
        if not row["has_admin"]:
            cure = f"Run `polus user add EMAIL --name NAME --role admin --account {row['domain']}`."
            found.append(
                Finding("error", "admin-missing", f"{row['domain']} has no active administrator.", cure)
            )
    return found


async def _queues(db: Any) -> list[Finding]:
    found = []
    rows = await backlogs.waiting(db)
    for row in rows:
        if row["given_up"] and row["queue"] in GIVEN_UP:
            code, what, cure = GIVEN_UP[row["queue"]]
            found.append(Finding("warning", code, f"{row['given_up']} {what}.", cure))
        if row["oldest"] > health.LATE:
            found.append(
                Finding(
                    "error",
                    "queue-late",
                    f"Work in {row['queue']} has been due for {row['oldest'] / 60:.0f} minutes.",
                    "Check that a worker runs (`polus serve`, or `polus worker`), and its log.",
                )
            )
    if not await presence.anybody(db):
        found.append(
            Finding("note", "worker-missing", "No worker runs.", "`polus serve` starts one; so does `polus worker`.")
        )  # fmt: skip
    return found


async def channels(db: Any) -> list[Finding]:
    """Channels of which the last thing that happened is that it went wrong, or in which something waits for long."""
    domains = {row["id"]: row["domain"] for row in await db.fetch(ACCOUNTS)}
    accounts, told = list(domains), list[State]()
    for start in range(0, len(accounts), TOGETHER):
        told += await states.of_accounts(db, accounts[start : start + TOGETHER])
    found = []
    for state in told:
        name = f"{state.address or state.name} of {domains[state.account_id]}"
        cure = "Look at it on the page Channels of its settings."
        match state.word(clock.now()):
            case "failing":
                said = next(way.error for way in (state.said, state.heard) if way.fails)
                found.append(Finding("warning", "channel-failing", f"{name} fails: {said}", cure))
            case "late":
                since = min(way.since for way in (state.said, state.heard) if way.since)
                minutes = (clock.now() - since).total_seconds() / 60
                found.append(
                    Finding(
                        "warning",
                        "channel-late",
                        f"{name}: something has waited for {minutes:.0f} minutes.",
                        cure,
                    )
                )
    return found
