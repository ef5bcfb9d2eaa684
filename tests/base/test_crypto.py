"""Secrets: what is stored does not tell them, what is signed cannot be changed, and both end when they should."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polus.base import clock, crypto
from polus.base.crypto import Signer

KEY = "k" * 64


def test_keys_and_tokens_are_long_random_and_plain() -> None:
    assert len(crypto.new_api_key()) == 64
    assert set(crypto.new_api_key()) <= set("0123456789abcdef")
    assert len(crypto.new_token()) == 43
    assert crypto.new_token() != crypto.new_token()


def test_digest() -> None:
    assert crypto.digest("abc").hex().startswith("ba7816bf8f01cfea")


def test_equal() -> None:
    assert crypto.equal("é", "é")
    assert not crypto.equal("a", "b")
    assert crypto.equal(b"a", "a")


async def test_passwords() -> None:
    stored = await crypto.hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await crypto.verify_password(stored, "correct horse")
    assert not await crypto.verify_password(stored, "wrong horse")
    assert not crypto.is_outdated(stored)


async def test_no_password_is_the_password_of_nobody() -> None:
    assert not await crypto.verify_password(None, "anything")
    assert not await crypto.verify_password("not a hash", "anything")


async def test_endless_passwords_are_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        await crypto.hash_password("x" * 1025)
    assert not await crypto.verify_password(None, "x" * 10_000_000)


def test_weaker_hashes_are_outdated() -> None:
    assert crypto.is_outdated(
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A"
    )


@given(st.text())
def test_a_signed_value_is_read_back(value: str) -> None:
    signer = Signer(KEY, "test")
    token = signer.sign(value, 300)
    assert signer.read(token) == value
    assert all(c.isalnum() or c in "-_." for c in token)


def test_it_is_over_after_its_time() -> None:
    signer = Signer(KEY, "test")
    with clock.turned(to=clock.now()):
        token = signer.sign("v", 300)
        with clock.turned(by=timedelta(seconds=298)):
            assert signer.read(token) == "v"
        with clock.turned(by=timedelta(seconds=301)):
            assert signer.read(token) is None


def test_purposes_and_keys_are_separate() -> None:
    token = Signer(KEY, "one").sign("v", 300)
    assert Signer(KEY, "two").read(token) is None
    assert Signer("l" * 64, "one").read(token) is None


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    token = Signer(KEY, "test").sign("value", 300)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[at]))
    assert Signer(KEY, "test").read(token[:at] + other + token[at + 1 :]) is None


@given(st.text())
def test_any_text_may_be_offered(token: str) -> None:
    assert Signer(KEY, "test").read(token) is None
