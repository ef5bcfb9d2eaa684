"""What commands print: for people, or one JSON document for programs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from polus.installation import Founder
from polus.processes import Running


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """The same for programs."""
    say(msgspec.json.encode(value, enc_hook=str).decode())


@contextmanager
def progress(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while the block lasts, when that is a terminal; call what is given with how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def welcome(running: Running, as_json: bool) -> None:
    """The helpdesk works: where, and with which password, if it is new."""
    settings, founder = running.settings, running.founder
    if as_json:
        say_json(
            {
                "url": settings.base_url,
                "port": settings.port,
                "smtp_port": settings.smtp_port,
                "first": None if founder is None else msgspec.to_builtins(founder),
            }
        )
        return
    say(f"Polus answers on {settings.base_url} and takes mail on port {settings.smtp_port}.")
    if founder is not None:
        say("")
        introduce(founder)
        say("")
        say("Password and API key are not shown again.")
    say("Ctrl-C stops it.")


def introduce(founder: Founder) -> None:
    """What a new administrator must know."""
    say(f"  Log in as       {founder.email}")
    say(f"  Password        {founder.password}")
    say(f"  API key         {founder.key}")
    say(f"  E-mail address  {founder.address}")
