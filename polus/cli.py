"""The command line: what can be typed, and how it is told. What the commands do is in `commands`.

Modules that cost time are imported by the command that needs them: `polus --help` answers in a tenth of a second. This
is the one file that may do so.
"""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

if TYPE_CHECKING:
    from polus.base.settings import Settings

Data = Annotated[Path | None, Option(help="Folder of the database, the files and the secret key.")]
AsJson = Annotated[bool, Option("--json", help="Answer with one JSON document, for programs.")]
Ours = Annotated[str, Argument(help="An address of ours that is a mailbox elsewhere.")]
Day = Annotated[datetime | None, Option(formats=["%Y-%m-%d"], help="From when on; without it: stop.")]
Of = Annotated[str, Option(help="Domain of the account; needed when there are several.")]

PLAIN: dict[str, Any] = {"rich_markup_mode": None, "no_args_is_help": True}
PLAIN |= dict.fromkeys(("add_completion", "pretty_exceptions_enable"), False)
app = typer.Typer(help="Polus, a helpdesk.", **PLAIN)
account = typer.Typer(help="Accounts: one installation may serve several shops.", **PLAIN)
import_ = typer.Typer(help="Bring in what other programs know.", **PLAIN)
user = typer.Typer(help="Users: the agents of an account.", **PLAIN)
stats = typer.Typer(help="Statistics: the facts they are computed from.", **PLAIN)


class _FilesFirst(TyperGroup):
    """`polus mail a.eml b.eml` is `polus mail file a.eml b.eml`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and (args[0] == "-" or not args[0].startswith("-")):
            args = ["file", *args]
        return super().resolve_command(ctx, args)


mail = typer.Typer(cls=_FilesFirst, help="Mails: `polus mail FILE…` takes files in as SMTP would.", **PLAIN)
apps = typer.Typer(help="Apps of others: review what was handed in, and the keys that sign tokens.", **PLAIN)
rules = typer.Typer(help="Rules: tried on history before they go live.", **PLAIN)
app.add_typer(account, name="account")
app.add_typer(apps, name="apps")
app.add_typer(import_, name="import")
app.add_typer(mail, name="mail")
app.add_typer(rules, name="rules")
app.add_typer(stats, name="stats")
app.add_typer(user, name="user")


def main() -> None:
    """The program `polus`."""
    app(prog_name="polus")


@app.command()
def serve(
    host: Annotated[str | None, Option(help="Address on which HTTP and SMTP listen.")] = None,
    port: Annotated[int | None, Option(help="Port of HTTP; 0: any free one.")] = None,
    smtp_port: Annotated[int | None, Option(help="Port of SMTP; 0: any free one.")] = None,
    data: Data = None,
    processes: Annotated[int | None, Option(help="Server processes that share the ports.")] = None,
    worker: Annotated[bool, Option(help="Whether background work is done here as well.")] = True,
    tls_cert: Annotated[Path | None, Option(help="Certificate chain (PEM) for HTTPS and STARTTLS.")] = None,
    tls_key: Annotated[Path | None, Option(help="Its private key (PEM).")] = None,
    account: Annotated[str | None, Option(help="Domain of the first account.")] = None,
    address: Annotated[str | None, Option(help="The first account's e-mail address.")] = None,
    admin_email: Annotated[str | None, Option(help="The first administrator's e-mail.")] = None,
    admin_name: Annotated[str | None, Option(help="The first administrator's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the helpdesk: HTTP, SMTP and background work, until Ctrl-C.

    At the very first start an account with an administrator is made; the password and the API key are printed then
    and never again. POLUS_ADMIN_PASSWORD and POLUS_ADMIN_KEY choose them.
    """
    flags = {
        "host": host, "port": port, "smtp_port": smtp_port, "processes": processes, "tls_cert": tls_cert,
        "tls_key": tls_key, "account": account, "address": address, "admin_email": admin_email,
        "admin_name": admin_name,
    }  # fmt: skip
    from polus import processes as group
    from polus import screen

    def told(running: group.Running) -> None:
        screen.welcome(running, as_json)

    _run(lambda settings: group.run(settings, worker=worker, told=told), as_json, data=data, **flags)


@app.command()
def worker(data: Data = None) -> None:
    """Run background work alone, beside servers that were started with --no-worker. Any number may run."""
    from polus import worker as workers

    _run(lambda settings: workers.run(settings, by_parent=False), False, data=data)


@app.command()
def migrate(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the database forward to this version. `serve` does it by itself."""
    from polus import commands

    _run(lambda settings: commands.migrate(settings, as_json), as_json, data=data)


@app.command()
def check(data: Data = None, as_json: AsJson = False) -> None:
    """Look for what is wrong or missing; each finding has a code and a cure. Exit code 1 when something is wrong."""
    from polus import checks

    _run(lambda settings: checks.told(settings, as_json), as_json, data=data)


@account.command("add")
def account_add(
    domain: Annotated[str, Argument(help="First label of its host name: letters, digits, hyphens.")],
    address: Annotated[str, Option(help="E-mail address it receives and sends mail with.")] = "",
    admin_email: Annotated[str, Option(help="Its administrator's e-mail.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make an account with an administrator; password and API key are printed this once."""
    from polus import commands

    _run(
        lambda settings: commands.add_account(settings, domain, address, admin_email, as_json),
        as_json,
        data=data,
    )


@user.command("add")
def user_add(
    email: str,
    name: Annotated[str, Option(help="The user's name.")],
    role: Annotated[
        str, Option(help="admin, agent, basic-agent, lite-agent or observer-agent.")
    ] = "basic-agent",
    account: Of = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a user; the password is printed this once."""
    from polus import commands

    _run(
        lambda settings: commands.add_user(settings, account, email, name, role, as_json), as_json, data=data
    )


@app.command()
def key(email: str, account: Of = "", data: Data = None) -> None:
    """Make a new API key for a user and print it, and nothing else. The one before stops working."""
    from polus import commands

    _run(lambda settings: commands.new_key(settings, account, email), False, data=data)


@app.command()
def seed(
    tickets: Annotated[int, Option(min=1, max=100_000_000, help="How many, with three messages each.")],
    seed: Annotated[int, Option(help="Another number makes other tickets.")] = 1,
    until: Annotated[
        datetime | None, Option(help="When the newest came, in UTC; by default this full hour.")
    ] = None,
    account: Of = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fill an account with tickets to try things with: customers, conversations in nine languages, agents, teams.

    They spread over two years. The same --seed, --tickets and --until give the same ones. An account that has mail of
    its own is no place for them: they are not taken away again.
    """
    from datetime import UTC

    from polus import commands
    from polus.base import clock

    moment = until.replace(tzinfo=UTC) if until else clock.now().replace(minute=0, second=0, microsecond=0)
    _run(
        lambda settings: commands.seed(settings, account, tickets, seed, moment, as_json), as_json, data=data
    )


@apps.command("list")
def apps_list(data: Data = None, as_json: AsJson = False) -> None:
    """Show the apps that wait for review."""
    from polus import commands

    _run(lambda settings: commands.apps_waiting(settings, as_json), as_json, data=data)


@apps.command("approve")
def apps_approve(app_id: str, data: Data = None, as_json: AsJson = False) -> None:
    """Let every account of this installation connect the app."""
    from polus import commands

    _run(lambda settings: commands.approve_app(settings, app_id, as_json), as_json, data=data)


@apps.command("return")
def apps_return(
    app_id: str,
    reason: Annotated[str, Option(help="What is to be changed; its writer reads it.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Send an app back to its writer."""
    from polus import commands

    _run(lambda settings: commands.return_app(settings, app_id, reason, as_json), as_json, data=data)


@apps.command("recall")
def apps_recall(
    app_id: str,
    reason: Annotated[str, Option(help="Why; its writer reads it.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take an approved app from everybody: it leaves the gallery and is disconnected in all accounts but its own."""
    from polus import commands

    _run(lambda settings: commands.recall_app(settings, app_id, reason, as_json), as_json, data=data)


@apps.command("rotate-keys")
def apps_rotate_keys(data: Data = None, as_json: AsJson = False) -> None:
    """Make a new key to sign tokens with; the old one stays published as long as tokens need it."""
    from polus import commands

    _run(lambda settings: commands.rotate_keys(settings, as_json), as_json, data=data)


@stats.command("rebuild")
def stats_rebuild(account: Of = "", data: Data = None, as_json: AsJson = False) -> None:
    """Make all facts of the statistics anew from tickets, messages and events. The helpdesk may run meanwhile."""
    from polus import rebuilds

    _run(lambda settings: rebuilds.run(settings, account, as_json), as_json, data=data)


@import_.callback()
def import_all() -> None:
    """Bring in what other programs know."""


@import_.command("shop")
def import_shop(
    file: Annotated[
        Path, Argument(help="JSON lines, or the CSV of customers or orders that Shopify exports.")
    ],
    shop: Annotated[str, Option(help="Domain of the shop; it is connected when it is not yet.")],
    account: Of = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take in customers and orders of a shop, for widgets, templates and rules. May be repeated: nothing is doubled."""
    from polus import imports

    _run(lambda settings: imports.shop(settings, account, file, shop, as_json), as_json, data=data)


@mail.command("file")
def mail_file(
    files: Annotated[
        list[Path], Argument(help="Mails as mail programs save them (.eml); - is standard input.")
    ],
    to: Annotated[
        list[str] | None, Option(help="Address it is for; by default those in the mail that are ours.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take mails in through the same door as SMTP, and say what became of them. Exit code 1: one was parked."""
    from polus import letterbox

    _run(lambda settings: letterbox.take(settings, files, to or [], as_json), as_json, data=data)


@mail.command("replay")
def mail_replay(
    ids: Annotated[list[int], Argument(help="Numbers of mails that became no message.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Process mails again that were parked, ignored, or taken for a loop or a bounce."""
    from polus import letterbox

    _run(lambda settings: letterbox.replay(settings, ids, as_json), as_json, data=data)


@mail.command("test")
def mail_test(address: Ours, data: Data = None, as_json: AsJson = False) -> None:
    """Log in to the mail servers of an address and say in plain words what is wrong. Exit code 1: something is."""
    from polus import letterbox

    _run(lambda settings: letterbox.test(settings, address, as_json), as_json, data=data)


@mail.command("history")
def mail_history(address: Ours, since: Day = None, data: Data = None, as_json: AsJson = False) -> None:
    """Have the worker fetch mails that the mailbox held before, as closed tickets with their own dates."""
    from polus import letterbox

    _run(lambda settings: letterbox.history(settings, address, since, as_json), as_json, data=data)


@rules.command("try")
def rules_try(
    rule: Annotated[str, Argument(help="The number of a rule, or a file with the code of one.")],
    since: Annotated[str, Option(help="How far back: 90d, 2w, 12h.")] = "90d",
    on: Annotated[
        str | None,
        Option(help="Triggers, with commas; of a file: ticket-created,ticket-message-created."),
    ] = None,
    account: Of = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Run a rule over history: what it would have done, and where other rules want otherwise. Changes nothing."""
    from polus import rule_trials

    _run(lambda settings: rule_trials.run(settings, account, rule, on, since, as_json), as_json, data=data)


@rules.command("list")
def rules_list(account: Of = "", data: Data = None, as_json: AsJson = False) -> None:
    """List the rules in the order in which they run, with why one was switched off."""
    from polus import rule_trials

    _run(lambda settings: rule_trials.list_(settings, account, as_json), as_json, data=data)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    from polus import __version__

    typer.echo(f'{{"version":"{__version__}"}}' if as_json else __version__)


def _run(command: Callable[["Settings"], Any], as_json: bool, **flags: Any) -> None:
    """Read the settings and run the command's coroutine; the exit code is what it returns, 2 when it is refused."""
    import asyncio
    import signal
    import threading

    from polus.base import errors, log
    from polus.base.settings import Misconfigured, load

    log.configure()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on a command tidies up
    try:
        code = asyncio.run(command(load(os.environ, **flags)))
    except Misconfigured as error:
        _refuse(error.code, error.sentence, error.cure, as_json)
    except errors.Refusal as refusal:
        details = "; ".join(f"{field}: {text}" for field, text in _flat(refusal.data or {}))
        _refuse("refused", details or refusal.msg, "", as_json)
    except KeyboardInterrupt:
        sys.exit(130)
    else:
        sys.exit(code or 0)
    finally:
        log.flush()


def _flat(data: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(data, dict):
        return [pair for key, value in data.items() for pair in _flat(value, f"{path}{key} ")]
    if isinstance(data, list):
        return [pair for value in data for pair in _flat(value, path)]
    return [(path.strip(), str(data))]


def _refuse(code: str, sentence: str, cure: str, as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps({"error": {"code": code, "sentence": sentence, "cure": cure}}))
    else:
        typer.echo(f"polus: {sentence} {cure}".rstrip() + f" [{code}]", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
