"""Answers find their ticket; nobody can make up a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polus.channels.email import parse, threading
from polus.channels.email.addresses import Address
from polus.channels.email.threading import Clue
from tests.channels.email.samples import raw

KEY = b"k" * 32
IDS = st.integers(1, 2**63 - 1)


@given(IDS, IDS)
def test_a_token_names_its_ticket_in_its_account_alone(account: int, ticket: int) -> None:
    token = threading.token(KEY, account, ticket)
    assert token.isalnum()
    assert token == token.lower()
    assert threading.read_token(token.upper(), KEY, account) == ticket
    assert threading.read_token(token, KEY, account + 1) is None
    assert threading.read_token(token, b"other", account) is None


@given(IDS, st.data())
def test_a_changed_token_is_none(ticket: int, data: st.DataObject) -> None:
    token = threading.token(KEY, 1, ticket)
    place = data.draw(st.integers(0, len(token) - 2))  # the last digit may hold unused bits
    other = data.draw(st.sampled_from([c for c in "abcdefghijklmnopqrstuvwxyz234567" if c != token[place]]))
    assert threading.read_token(token[:place] + other + token[place + 1 :], KEY, 1) is None


@pytest.mark.parametrize("token", ["", "t", "1890", "ö", "a" * 16, "a" * 500, "=" * 20])
def test_nonsense_is_no_token(token: str) -> None:
    assert threading.read_token(token, KEY, 1) is None


def test_reply_addresses() -> None:
    address = threading.reply_address("Support@shop.example", KEY, 1, 42)
    assert address.startswith("Support+t")
    assert address.endswith("@shop.example")
    assert threading.ticket_of(address, KEY, 1) == 42
    assert threading.ticket_of(address.upper(), KEY, 1) == 42
    assert threading.ticket_of("support@shop.example", KEY, 1) is None
    assert threading.ticket_of("support+tshirts@shop.example", KEY, 1) is None
    assert threading.without_token(address) == "support@shop.example"
    assert threading.without_token(Address("", "a+b@x.example")) == "a+b@x.example"
    tagged = threading.reply_address("support+eu@shop.example", KEY, 1, 42)
    assert (threading.ticket_of(tagged, KEY, 1), threading.without_token(tagged)) == (
        42,
        "support+eu@shop.example",
    )
    long = "s" * 60 + "@shop.example"
    assert threading.reply_address(long, KEY, 1, 42) == long
    assert len(threading.reply_address("support@x.example", KEY, 1, 2**63 - 1).partition("@")[0]) <= 64


def test_message_ids_of_ours() -> None:
    one = threading.message_id(12, 34, "shop.example")
    assert one == "<12-34@shop.example>"
    assert threading.own_ids(one, "Shop.example") == (12, 34)
    for other in (
        "<12-34@other.example>",
        "<12@shop.example>",
        "<a-b@shop.example>",
        "<12-34@shop.example>x",
        "<" + "9" * 30 + "-1@shop.example>",
    ):
        assert threading.own_ids(other, "shop.example") is None


def test_clues_in_order() -> None:
    token = threading.token(KEY, 1, 99)
    mail = parse.read(
        raw(
            "From: jo@x.example",
            f"To: Shop <support+t{token}@shop.example>, support+t{threading.token(KEY, 2, 7)}@shop.example",
            f"Delivered-To: support+t{token}@shop.example",
            "In-Reply-To: <c@x.example>",
            "References: <12-34@shop.example> <b@x.example> <c@x.example>",
            "",
            "x",
        )
    )
    assert threading.clues(mail, KEY, 1, "shop.example") == (
        Clue("<c@x.example>"),
        Clue("<b@x.example>"),
        Clue("<12-34@shop.example>", 12, 34),
        Clue(ticket_id=99, proven=True),
    )


def test_clues_are_bounded() -> None:
    many = " ".join(f"<{n}@x>" for n in range(500))
    assert (
        len(threading.clues(parse.read(raw("From: a@x.example", f"References: {many}", "", "")), KEY, 1, "h"))
        == 50
    )
