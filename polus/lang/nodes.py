"""Checked code: what `bind` makes of a syntax tree and what run, sql and say read.

Chains of `&&`, `||` and `else if` are flat here, so reading them needs no call stack in their length.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from polus.lang.operands import Given
from polus.lang.operators import Operator
from polus.lang.tokens import Spot
from polus.lang.vocabulary import Found


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Test", ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple["Test", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Test"


@dataclass(frozen=True, slots=True)
class Fixed:
    value: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One call such as `eq(ticket.status, 'open')`. `operand` is converted, `given` is what was written."""

    operator: Operator
    found: Found
    path: str
    given: Given | None
    operand: Any
    at: Spot

    @property
    def filled(self) -> bool:
        """Whether a literal holds `{{current_user.…}}`."""
        return self.given is not None and any(item.filled for item in self.given.items)


Test = All | Some | Not | Fixed | Condition


@dataclass(frozen=True, slots=True)
class Do:
    """One `Action(name, arguments)`; `name` in the spelling of the table."""

    name: str
    arguments: Mapping[str, Any]
    at: Spot


@dataclass(frozen=True, slots=True)
class If:
    """Branches in order, each a test and what it governs; then what happens when none holds."""

    branches: tuple[tuple[Test, tuple["Statement", ...]], ...]
    otherwise: tuple["Statement", ...]


Statement = If | Do


class Reference(NamedTuple):
    """Something of the account that code names: `kind` Tag, User, Team, Custom field, Integration or Macro.

    `key`: its id, or the name of a tag.
    """

    kind: str
    key: int | str


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked view filter. Trashed tickets and spam are left out unless it names them."""

    test: Test
    hides_trashed: bool
    hides_spam: bool
    customers: bool
    references: frozenset[Reference] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Rule:
    """Checked rule code."""

    statements: tuple[Statement, ...]
    references: frozenset[Reference] = field(default_factory=frozenset)
