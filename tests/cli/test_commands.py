"""Every command as a person or a script types it."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import asyncpg
import pytest

from tests import certificates, waits
from tests.cli.programs import Installation

COMMANDS = (
    "serve", "worker", "migrate", "check", "account", "account add", "user", "user add", "key", "rules", "rules try",
    "apps", "apps list", "apps approve", "apps return", "apps recall", "apps rotate-keys",
    "import", "import shop", "seed", "stats", "stats rebuild", "version",
)  # fmt: skip


@pytest.fixture
def installation(tmp_path: Path, empty_url: str) -> Installation:
    return Installation(tmp_path / "data", empty_url, {})


async def test_help_is_quick(tmp_path: Path) -> None:
    here = Installation(tmp_path, "", {})
    began = os.times()
    ended = await here.run("--help")
    now = os.times()
    seconds = now.children_user + now.children_system - began.children_user - began.children_system
    for command in COMMANDS:
        assert command.split()[0] in ended.out
    # 0.11 s of processor here: the clock on the wall would tell how busy the machine is.
    assert seconds < 1
    assert not tmp_path.joinpath("secret.key").exists()


@pytest.mark.parametrize("command", COMMANDS)
async def test_each_command_explains_itself(tmp_path: Path, command: str) -> None:
    ended = await Installation(tmp_path, "", {}).quickly(*command.split(), "--help")
    assert ended.code == 0
    assert "Usage: root " + command in ended.out


async def test_version(tmp_path: Path) -> None:
    here = Installation(tmp_path, "", {})
    plain, told = await here.quickly("version"), await here.quickly("version", "--json")
    assert told.json == {"version": plain.out.strip()}


@pytest.mark.thorough
async def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path) -> None:
    here = Installation(tmp_path, "", {"POLUS_PORT": "eighty"})
    plain, told = await here.run("check"), await here.quickly("check", "--json")
    assert (plain.code, plain.out) == (2, "")
    assert "POLUS_PORT" in plain.err
    assert "[setting-invalid]" in plain.err
    assert told.json["error"]["code"] == "setting-invalid"
    assert told.json["error"]["cure"]


@pytest.mark.slow
async def test_the_life_of_an_installation(
    installation: Installation, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    installation.more["POLUS_ADMIN_PASSWORD"] = "correct horse battery"
    async with installation.serving("--account", "acme", "--admin-email", "Ada@Acme.example") as serving:
        first = serving.told["first"]
        assert (first["domain"], first["email"], first["password"], first["address"]) == (
            "acme", "ada@acme.example", "correct horse battery", "support@acme.localhost",
        )  # fmt: skip
        await _well(http, serving.url)
        assert await _me(http, serving.url, first["email"], first["key"]) == (200, "ada@acme.example")

        # Beside a running server:
        added = await installation.quickly(
            "user", "add", "leo@acme.example", "--name", "Leo Long", "--role", "agent", "--json"
        )
        assert (added.code, added.json["account"], added.json["email"]) == (0, "acme", "leo@acme.example")
        key = await installation.run("key", "leo@acme.example")
        assert (len(key.out.strip()), key.err) == (64, "")
        assert await _me(http, serving.url, "leo@acme.example", key.out.strip()) == (200, "leo@acme.example")
        newer = await installation.quickly("key", "Leo@acme.example", "--account", "acme")
        assert await _me(http, serving.url, "leo@acme.example", newer.out.strip()) == (
            200,
            "leo@acme.example",
        )

        # The server hears of it within a moment.
        async def forgotten() -> bool:
            assert serving.process.returncode is None
            return await _me(http, serving.url, "leo@acme.example", key.out.strip()) == (401, None)

        await waits.until(forgotten)
        checked = await installation.quickly("check", "--json")
        assert checked.json["addresses"] == ["support@acme.localhost"]
        codes = {finding["code"] for finding in checked.json["findings"]}
        assert "relay-missing" in codes
        assert not codes & {"worker-missing", "queue-late", "account-missing", "admin-missing"}
        assert checked.code == 0
        assert await serving.stop(signal.SIGINT) == 0
    assert "Traceback" not in serving.err

    # Alone, and the second start finds everything as it was; with a certificate HTTP is HTTPS, and SMTP offers STARTTLS:
    assert (await installation.run("key", "ada@acme.example")).code == 0
    cert, key = map(str, certificates.make(tmp_path, "help.example"))
    async with installation.serving("--tls-cert", cert, "--tls-key", key) as again:
        assert again.told["first"] is None
        assert again.told["url"].startswith("https://")
        trusted, url = certificates.trusting(Path(cert)), again.url.replace("http:", "https:")
        assert await _me(http, url, "leo@acme.example", newer.out.strip(), trusted) == (
            200,
            "leo@acme.example",
        )
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=again.told["smtp_port"], start_tls=True, tls_context=trusted
        )
        async with client:
            assert client.get_transport_info("ssl_object").version() == "TLSv1.3"
        # A killed parent takes its children along, and the next one gets their ports.
        again.process.kill()


async def test_commands_refuse_in_words(installation: Installation) -> None:
    made = await installation.quickly("account", "add", "one", "--address", "Help@One.example", "--json")
    mail = ("--address", "x@y.example", "--admin-email", "a@y.example")
    assert (made.json["domain"], made.json["address"]) == ("one", "help@one.example")
    for arguments, said in (
        (("account", "add", "one"), "Already in use."),
        (("account", "add", "two", "--address", "help@one.example"), "address: Already in use."),
        (("account", "add", "a b", *mail), "Letters, digits and hyphens only."),
        (("user", "add", "nobody", "--name", "N"), "email: Not a valid email address."),
        (("user", "add", "a@one.example", "--name", "N", "--role", "king"), "role: Not a valid choice."),
        (("user", "add", "a@one.example", "--name", "N", "--account", "none"), "account: Does not exist."),
        (("key", "a@one.example"), "email: Does not exist."),
    ):
        ended = await installation.quickly(*arguments)
        assert (ended.code, ended.out) == (2, ""), arguments
        assert said in ended.err
        assert "Traceback" not in ended.err
    assert (await installation.quickly("account", "add", "two", "--json")).code == 0
    unclear = await installation.quickly("user", "add", "a@one.example", "--name", "N")
    assert "one, two" in unclear.err
    assert "[account-unclear]" in unclear.err


async def test_the_mail_servers_of_an_address_are_tried(installation: Installation) -> None:
    await installation.quickly("account", "add", "one", "--address", "help@one.example", "--json")
    assert (await installation.quickly("mail", "test", "help@one.example")).out.endswith(
        "no mail servers of its own.\n"
    )
    assert (await installation.quickly("mail", "test", "none@one.example")).code == 2
    connection = await asyncpg.connect(installation.database_url)
    await connection.execute(
        "insert into mail_servers (account_id, integration_id, way, host, port, security, auth, created_datetime,"
        " updated_datetime) select account_id, id, 'in', '127.0.0.1', 1, 'tls', 'password', now(), now() from integrations"
    )
    await connection.execute(
        "insert into mail_folders (account_id, integration_id, name, place)"
        " select account_id, id, 'INBOX', 1 from integrations"
    )
    tried = await installation.quickly("mail", "test", "help@one.example")
    assert (tried.code, tried.out.startswith("Mailbox: 127.0.0.1 is at a private address.")) == (1, True)
    asked = await installation.quickly(
        "mail", "history", "help@one.example", "--since", "2026-01-01", "--json"
    )
    assert asked.json == {"address": "help@one.example", "since": "2026-01-01"}
    assert str(await connection.fetchval("select history_since from mail_folders")) == "2026-01-01"
    await connection.close()


async def test_a_shop_is_imported(installation: Installation, tmp_path: Path) -> None:
    await installation.quickly("account", "add", "north", "--json")
    file = tmp_path / "shop.jsonl"
    person = {"id": 7, "email": "mia@example.com", "first_name": "Mia", "last_name": "Meyer"}
    order = {
        "id": 1,
        "name": "#1",
        "total_price": "9.50",
        "currency": "EUR",
        "customer": person,
        "line_items": [],
    }
    file.write_text("\n".join(map(json.dumps, (person, order, {"id": 9}))))
    asked = ("import", "shop", str(file), "--shop", "north.example", "--account", "north", "--json")
    for _ in range(2):  # nothing is doubled
        told = (await installation.quickly(*asked)).json
        assert {k: told[k] for k in ("customers", "orders", "ignored")} == {
            "customers": 1,
            "orders": 1,
            "ignored": 1,
        }
    connection = await asyncpg.connect(installation.database_url)
    rows = await connection.fetch("select name, integrations::text from customers")
    await connection.close()
    assert [row["name"] for row in rows] == ["Mia Meyer"]
    kept = json.loads(rows[0]["integrations"])[str(told["integration_id"])]
    assert [one["name"] for one in kept["orders"]] == ["#1"]
    file.write_text("[]")
    refused = await installation.quickly(*asked)
    assert refused.code == 2
    assert "Line 1 is no JSON object." in refused.out


async def test_an_account_is_seeded(installation: Installation) -> None:
    await installation.quickly("account", "add", "one", "--json")
    asked = ("seed", "--tickets", "12", "--until", "2026-03-04", "--account", "one")
    told = (await installation.quickly(*asked, "--seed", "7", "--json")).json
    seconds, customers = told.pop("seconds"), told.pop("customers")
    assert told == {
        "account": "one", "seed": 7, "until": "2026-03-04T00:00:00Z", "tickets": 12, "messages": 36,
    }  # fmt: skip
    assert seconds > 0
    assert 0 < customers <= 12
    again = await installation.run(*asked)
    assert (again.code, again.err) == (0, "")
    assert "one has 12 more tickets, with 36 messages of" in again.out
    rebuilt = (await installation.quickly("stats", "rebuild", "--account", "one", "--json")).json
    assert rebuilt == {"account": "one", "tickets": 24}
    refused = await installation.quickly("seed", "--tickets", "12", "--account", "two")
    assert (refused.code, refused.err) == (2, "polus: account: Does not exist. [refused]\n")


async def test_migrate_and_check_an_empty_database(installation: Installation) -> None:
    empty = await installation.quickly("check", "--json")
    assert "database-empty" in {finding["code"] for finding in empty.json["findings"]}
    first = await installation.quickly("migrate", "--json")
    again = await installation.quickly("migrate", "--json")
    assert first.json["before"] is None
    assert again.json["before"] == first.json["now"] == again.json["now"]
    missing = await installation.quickly("check", "--json")
    assert "account-missing" in {finding["code"] for finding in missing.json["findings"]}
    assert missing.code == 1


@pytest.mark.thorough
@pytest.mark.parametrize("command", ["check", "migrate", "serve"])
async def test_a_database_that_is_not_there_is_named_with_its_cure(tmp_path: Path, command: str) -> None:
    here = Installation(
        tmp_path, "postgresql://nobody@127.0.0.1:1/none", {"POLUS_PORT": "0", "POLUS_SMTP_PORT": "0"}
    )
    ended = await here.quickly(command) if command != "serve" else await here.run(command)
    assert ended.code in (1, 2)
    assert "[database-unreachable]" in ended.out + ended.err
    assert "Traceback" not in ended.out + ended.err


async def _well(http: aiohttp.ClientSession, url: str) -> None:
    async with http.get(url + "/health") as answer:
        assert answer.status == 200, await answer.text()


async def _me(
    http: aiohttp.ClientSession, url: str, email: str, key: str, ssl: Any = True
) -> tuple[int, Any]:
    headers = {"Authorization": aiohttp.encode_basic_auth(email, key)}
    async with http.get(url + "/api/users/0", headers=headers, ssl=ssl) as answer:
        body = json.loads(await answer.text())
        return answer.status, body.get("email")


async def test_half_a_certificate_is_told(tmp_path: Path, empty_url: str) -> None:
    cert, key = certificates.make(tmp_path, "help.example")
    here = Installation(
        tmp_path / "data", empty_url, {"POLUS_TLS_CERT": str(cert), "POLUS_TLS_KEY": str(key)}
    )
    assert "tls-incomplete" not in (await here.quickly("check", "--json")).out
    del here.more["POLUS_TLS_KEY"]
    assert "[tls-incomplete]" in (await here.quickly("check")).err
