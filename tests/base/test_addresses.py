"""Telephone numbers by their digits; what is an e-mail address."""

import pytest

from polus.base import addresses


@pytest.mark.parametrize(
    "typed, compared",
    [
        ("+49 (0)30 1234", "49301234"),
        ("0049 30 1234", "49301234"),
        ("49-30/12.34", "49301234"),
        ("+1 (555) 123-4567", "15551234567"),
        ("(555) 123-4567", "5551234567"),
        ("030 1234", "0301234"),
        ("+39 06 698 12345", "390669812345"),
        ("+1 555 123 4567 ext. 89", "15551234567x89"),
        ("+999 12345", "99912345"),
        ("00", "00"),
        ("1-800-FLOWERS", ""),
        ("+", ""),
        ("", ""),
        ("ann@shop.example", ""),
        ("1" * 60, ""),
    ],
)
def test_numbers_are_compared_by_their_digits(typed: str, compared: str) -> None:
    assert addresses.phone(typed) == compared


@pytest.mark.parametrize("text", ["a@b", "ann.o'lee+x@shop.example", "zoë@straße.example", "a" * 318 + "@b"])
def test_addresses(text: str) -> None:
    assert addresses.is_email(addresses.email(f" {text.upper()} ")) == (text == text.lower())


@pytest.mark.parametrize(
    "text", ["", "a", "@b", "a@", "a b@c", "a@b@c", "<a@b>", "a@b,c@d", '"a b"@c', "a" * 319 + "@b"]
)
def test_what_is_no_address(text: str) -> None:
    assert not addresses.is_email(text)
