"""What commands print: for people, or one JSON document for programs."""

import sys
from typing import Any

import msgspec

from polus.installation import Founder
from polus.processes import Running


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """The same for programs."""
    say(msgspec.json.encode(value, enc_hook=str).decode())


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
