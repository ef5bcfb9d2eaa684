"""What stands in messages where an erased customer's addresses stood."""

import time
from typing import Any

import pytest

from polus.desk.customers.standins import StandIns

STAND_INS = StandIns(
    [
        (5, "email", "mia@example.com"),
        (5, "email", "mia@example.co"),
        (5, "phone", "49301234"),
        (6, "phone", "1-800-flowers"),
        (6, "twitter", "@mia"),
        (6, "chat", "email"),
    ]
)
MIA = "deleted-5@customer.invalid"


@pytest.mark.parametrize(
    "source, anonymous",
    [
        ({"type": "email"}, {"type": "email"}),
        (
            {"from": {"name": "Mia", "address": "Mia@Example.com"}},
            {"from": {"name": "Deleted customer", "address": MIA}},
        ),
        ({"to": [{"name": None, "address": "mia@example.co"}]}, {"to": [{"name": None, "address": MIA}]}),
        (
            {"from": {"name": "Mia", "address": "help@example.com"}},
            {"from": {"name": "Mia", "address": "help@example.com"}},
        ),
        (
            {"from": {"name": "M", "address": "+49 (0)30 1234"}},
            {"from": {"name": "Deleted customer", "address": ""}},
        ),
        (
            {"extra": ["1-800-FLOWERS", "@MIA", 5, None]},
            {"extra": ["", "deleted-6@customer.invalid", 5, None]},
        ),
        (None, None),
    ],
)
def test_sources(source: Any, anonymous: Any) -> None:
    assert STAND_INS.source(source) == anonymous


@pytest.mark.parametrize(
    "name, value, anonymous",
    [
        ("From", "Mia Meyer <mia@example.com>", MIA),
        ("to", '"Meyer, Mia" <MIA@example.com>, Bob <bob@x.example>', f"{MIA}, Bob <bob@x.example>"),
        (
            "Cc",
            "=?utf-8?q?Zo=C3=AB?= <zoe@x.example>, mia@example.com",
            f"=?utf-8?q?Zo=C3=AB?= <zoe@x.example>, {MIA}",
        ),
        ("Return-Path", "<mia@example.com>", MIA),
        ("Reply-To", "Zoë <zoë@x.example>, mia@example.com", f"Zoë <zoë@x.example>, {MIA}"),
        ("Received", "from x for <mia@example.com>;", f"from x for <{MIA}>;"),
        ("X", "mia@example.com.", f"{MIA}."),
        ("X", "mia@example.community amia@example.com mia@example.com.au", None),
        ("X-Phone", "0049 30 1234", ""),
        ("X-List", ["mia@example.com", "x"], [MIA, "x"]),
        ("X-Count", 5, None),
    ],
)
def test_headers(name: str, value: Any, anonymous: Any) -> None:
    expected = value if anonymous is None else anonymous
    assert STAND_INS.headers({name: value}) == {name: expected}


@pytest.mark.parametrize(
    "value", ["Mia <mia@example.com", "<<mia@example.com>>, ,", "mia@example.com <", '"mia@example.com']
)
def test_headers_that_cannot_be_read_lose_the_address_too(value: str) -> None:
    found = STAND_INS.headers({"From": value})["From"]
    assert MIA in found
    assert "mia@" not in found


def test_without_addresses_nothing_changes() -> None:
    assert StandIns([]).headers({"From": "mia@example.com"}) == {"From": "mia@example.com"}


def test_gigantic_headers_take_linear_time() -> None:
    many = StandIns((n, "email", f"c{n}@example.com") for n in range(100))
    started = time.process_time()
    many.headers(
        {"To": ", ".join(f'"N{n}" <c{n % 200}@example.com>' for n in range(20_000)), "X": "c" * 1_000_000}
    )
    assert time.process_time() - started < 5
