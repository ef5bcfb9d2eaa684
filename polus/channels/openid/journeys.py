"""The way to a provider and back: the question (authorization code with PKCE), and the answer that belongs to it.

An answer counts once, for a few minutes, in the browser and the account that the question came from (`desk.consents`).
What was asked for, and what to do with the tokens, is left to the pages.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from polus.base import crypto
from polus.base.outbound import Allowed
from polus.channels.openid import grants, providers
from polus.channels.openid.grants import Client, Tokens
from polus.channels.openid.providers import Failure, Provider
from polus.desk import consents, registrations
from polus.desk.registrations import Registration
from polus.store.work import Work

CALLBACK = "/oauth/callback"
MOST_CODE = 4096
DENIED = "access_denied"


class Journey(msgspec.Struct, frozen=True):
    """What was asked of whom, and why: `goal` is the asking page's own."""

    purpose: str
    provider: Provider
    client_id: str
    scope: str
    redirect_uri: str
    verifier: str
    nonce: str
    goal: dict[str, Any]


async def begin(
    work: Work,
    registration: Registration,
    provider: Provider,
    bearer: str,
    *,
    purpose: str,
    scope: str,
    goal: dict[str, Any],
    **more: str,
) -> str:
    """The address at the provider to send the browser to. `more` goes along with the question."""
    journey = Journey(
        purpose,
        provider,
        registration.client_id,
        scope,
        redirect_uri(work.account.base_url),
        crypto.new_token(),
        crypto.new_token(),
        goal,
    )
    state = crypto.new_token()
    await consents.begin(work, state, bearer, msgspec.json.encode(journey).decode())
    asked = {
        "redirect_uri": journey.redirect_uri,
        "scope": scope,
        "state": state,
        "code_challenge": create_s256_code_challenge(journey.verifier),
        "code_challenge_method": "S256",
        **({"nonce": journey.nonce} if "openid" in scope.split() else {}),
        **more,
    }
    return str(prepare_grant_uri(provider.authorization_endpoint, journey.client_id, "code", **asked))


async def take(work: Work, state: str, bearers: list[str]) -> Journey | None:
    """The journey that somebody comes back from, this once; None when it is not his, or too long ago."""
    found = await consents.take(work, state, bearers)
    return None if found is None else msgspec.json.decode(found, type=Journey)


async def finish(
    journey: Journey, registration: Registration | None, answer: Mapping[str, str], allowed: Allowed
) -> Tokens:
    """The tokens for the code that he brought. Raises Failure."""
    provider = journey.provider
    host = providers.host_of(provider.authorization_endpoint)
    # Another provider's answer would have its code sent to this one (RFC 9207). Microsoft's issuer is the tenant's.
    said = answer.get("iss", "")
    named = provider.key != registrations.MICROSOFT and (said or provider.says_iss)
    if named and said != provider.issuer:
        raise Failure("provider-odd", host, "the answer came from somebody else")
    error = answer.get("error", "")
    if error:
        words = ": ".join(filter(None, (error, answer.get("error_description", ""))))
        raise Failure("consent-denied" if error == DENIED else "grant-refused", host, words)
    code = answer.get("code", "")
    if not code or len(code) > MOST_CODE:
        raise Failure("grant-refused", host, "its answer cannot be read")
    if registration is None or registration.client_id != journey.client_id:
        raise Failure("not-registered", host)
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": journey.redirect_uri,
        "code_verifier": journey.verifier,
    }
    return await grants.ask(provider.token_endpoint, client_of(registration, provider), fields, allowed)


def client_of(registration: Registration, provider: Provider) -> Client:
    """How we say at the provider who we are."""
    return Client(registration.client_id, registration.client_secret, provider.method)


def redirect_uri(base_url: str) -> str:
    """Where providers send people back to; it is registered there."""
    return base_url + CALLBACK
