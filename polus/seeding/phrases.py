"""What people write to a shop and what it answers, in several languages: the files in `texts`, read."""

import functools
import tomllib
from pathlib import Path

import msgspec

HOME = Path(__file__).parent / "texts"


class Story(msgspec.Struct, frozen=True):
    """What a ticket is about."""

    tag: str
    subject: str
    asked: str
    answered: str


class Language(msgspec.Struct, frozen=True, eq=False):
    """One language: who speaks it (`share` of a hundred customers), and what is said whatever the story.

    There is one object of each, so they are told apart by identity: they are keys of caches.
    """

    code: str
    share: int
    zones: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    dear: str
    hello: str
    bye: str
    signed: str
    nudges: tuple[str, ...]
    thanks: tuple[str, ...]
    further: tuple[str, ...]
    stories: tuple[Story, ...]


class Agent(msgspec.Struct, frozen=True):
    """Who works in the shop."""

    name: str
    role: str


class Spam(msgspec.Struct, frozen=True):
    """What nobody asked for."""

    subject: str
    text: str


class Shop(msgspec.Struct, frozen=True):
    """What the shop itself has, whatever the language."""

    products: tuple[str, ...]
    hosts: tuple[str, ...]
    team_names: tuple[str, ...]
    notes: tuple[str, ...]
    failure: str
    agents: tuple[Agent, ...]
    spam: tuple[Spam, ...]


@functools.cache
def languages() -> tuple[Language, ...]:
    """All languages, by their codes."""
    files = sorted(file for file in HOME.glob("*.toml") if file.stem != "shop")
    return tuple(msgspec.convert(tomllib.loads(file.read_text("utf-8")), Language) for file in files)


@functools.cache
def shop() -> Shop:
    """The shop."""
    return msgspec.convert(tomllib.loads((HOME / "shop.toml").read_text("utf-8")), Shop)
