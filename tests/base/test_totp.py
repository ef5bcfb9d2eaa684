"""Codes of authenticator apps."""

import base64
import datetime

import pytest

from polus.base import totp

# RFC 6238, appendix B: its key, and the last six digits of its SHA-1 values.
KEY = base64.b32encode(b"12345678901234567890").decode()
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    20000000000: "353130",
}


def at(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


@pytest.mark.parametrize("seconds, expected", VECTORS.items())
def test_the_vectors_of_the_rfc(seconds: int, expected: str) -> None:
    assert totp.code(KEY, seconds // 30) == expected
    assert totp.step(KEY, expected, at(seconds)) == seconds // 30


def test_one_step_to_either_side_is_near_enough() -> None:
    known = totp.code(KEY, 1000)
    assert [totp.step(KEY, known, at(30 * step)) for step in (998, 999, 1000, 1001, 1002)] == [
        None,
        1000,
        1000,
        1000,
        None,
    ]


@pytest.mark.parametrize("given", ["", "28708", "2870822", "28708a", "２８７０８２", "000000"])
def test_what_is_no_code(given: str) -> None:
    assert totp.step(KEY, given, at(59)) is None


def test_blanks_and_a_secret_without_padding_do_no_harm() -> None:
    assert totp.step(KEY.rstrip("=").lower(), "287 082", at(59)) == 1


def test_a_broken_secret_lets_nobody_in() -> None:
    assert totp.step("1!", "287082", at(59)) is None
