"""What a provider says about who logged in there: its ID token, whose signature and claims are held against the question.

Whether its word for an e-mail address counts differs by provider; see docs/concepts/logging-in.md.
"""

import re
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError
from joserfc.jwk import KeySet

from polus.base import addresses, clock, crypto
from polus.base.outbound import Allowed
from polus.channels import outgoing
from polus.channels.openid import providers
from polus.channels.openid.grants import Tokens
from polus.channels.openid.journeys import Journey
from polus.channels.openid.providers import Failure, Provider
from polus.channels.outgoing import Call
from polus.desk import registrations
from polus.desk.identities import Identity

SCOPE = "openid email profile"
# Signatures that only the provider can make; never "none", never one by a secret that is ours as well.
ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA".split()
LEEWAY = 60  # seconds that clocks may differ
MOST_KEYS = 100
LONGEST = 255  # characters of a subject
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Microsoft's directory of everybody's private accounts.
EVERYBODYS = "9188040d-6c67-4c5b-b112-36a304b66dad"
GOOGLES = ("@gmail.com", "@googlemail.com")
TIMES = ("exp", "iat", "nbf")
Claims = dict[str, Any]
# What the libraries raise for tokens and keys that are none.
ODD = (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


class Published(msgspec.Struct, frozen=True):
    """A provider's keys."""

    keys: list[dict[str, Any]]


async def proven(tokens: Tokens, journey: Journey, allowed: Allowed) -> Identity:
    """Who logged in. Raises Failure."""
    provider = journey.provider
    host = providers.host_of(provider.token_endpoint)
    if not tokens.id_token:
        raise Failure("token-odd", host, "there is no ID token")
    claims = _read(tokens.id_token, await _keys(provider, host, allowed), journey, host)
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    if provider.key == registrations.MICROSOFT:
        subject = _in_tenant(claims, issuer, provider, host)
    elif "email" not in claims and provider.userinfo_endpoint:
        claims = await _asked(provider, tokens, claims, host, allowed)
    if not 0 < len(subject) <= LONGEST:
        raise Failure("token-odd", host, "its subject is none")
    email, vouched = _address(provider, claims)
    # In lower case the Kelvin sign is a k: an address in other letters could be taken for somebody's.
    if not email.isascii() or not addresses.is_email(email):
        email, vouched = "", False
    name = claims.get("name")
    return Identity(provider.key, issuer, subject, email, vouched, name if isinstance(name, str) else "")


def _read(token: str, keys: KeySet, journey: Journey, host: str) -> Claims:
    """The claims of a token that the provider made for us, now, in answer to this question."""
    wanted: dict[str, Any] = {
        "iss": {"essential": True, "value": journey.provider.issuer},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": journey.client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }
    if journey.provider.key == registrations.MICROSOFT:
        # Each tenant has its own; see `_in_tenant`.
        wanted["iss"] = {"essential": True}
    now = int(clock.now().timestamp())
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(now=now, leeway=LEEWAY, **wanted).validate(claims)
    except ExpiredTokenError:
        raise Failure("clock", host, "exp") from None
    except InvalidClaimError as error:
        if error.claim in TIMES:
            raise Failure("clock", host, error.claim) from None
        raise Failure("token-odd", host, f"its {error.claim} is another") from None
    except ODD as error:
        raise Failure("token-odd", host, type(error).__name__) from None
    if claims.get("azp", journey.client_id) != journey.client_id:
        raise Failure("token-odd", host, "it is for another")
    if not crypto.equal(str(claims.get("nonce", "")), journey.nonce):
        raise Failure("token-odd", host, "its nonce is another")
    return claims


async def _keys(provider: Provider, host: str, allowed: Allowed) -> KeySet:
    """Read each time: keys change, and people seldom log in."""
    if not provider.jwks_uri:
        raise Failure("token-odd", host, "it publishes no keys")
    found = await _got(provider.jwks_uri, {}, host, allowed)
    try:
        keys = msgspec.convert(found, Published).keys[:MOST_KEYS]
        return KeySet.import_key_set({"keys": [one for one in keys if one.get("kty") != "oct"]})
    except ODD as error:
        raise Failure("token-odd", host, f"its keys cannot be read: {type(error).__name__}") from None


async def _asked(provider: Provider, tokens: Tokens, claims: Claims, host: str, allowed: Allowed) -> Claims:
    """With what the provider tells only who asks with the access token (OpenID Connect Core 5.3)."""
    headers = {"Authorization": "Bearer " + tokens.access_token}
    found = await _got(provider.userinfo_endpoint, headers, host, allowed)
    if found.get("sub") != claims["sub"]:
        raise Failure("token-odd", host, "it speaks of somebody else")
    return {**found, **claims}


async def _got(url: str, headers: dict[str, str], host: str, allowed: Allowed) -> Claims:
    call = Call(method="GET", url=url, headers={"Accept": "application/json", **headers})
    try:
        answer = await outgoing.send(call, allowed, seconds=providers.SECONDS, most=providers.MOST)
    except outgoing.Failed as failed:
        raise Failure("provider-silent", host, failed) from None
    if not answer.good:
        raise Failure("provider-silent", host, f"it answered {answer.status}")
    try:
        return providers.decoded(answer.body, dict)
    except ValueError:
        raise Failure("token-odd", host, "its answer cannot be read") from None


def _in_tenant(claims: Claims, issuer: str, provider: Provider, host: str) -> str:
    """The subject. A token of the common endpoint may come from any tenant: its issuer must be the one it names, and the
    only one that may when there is one. `oid` stays when we are registered anew, `sub` does not.
    """
    own, only = str(claims.get("tid", "")), _tenant(provider)
    if not GUID.fullmatch(own) or issuer != f"{providers.MICROSOFT}{own}/v2.0" or own != (only or own):
        raise Failure("token-odd", host, "it comes from another tenant")
    return str(claims.get("oid") or claims["sub"])


def _tenant(provider: Provider) -> str:
    """The one tenant of Microsoft's that a provider is, `""` when it is several or none."""
    part = provider.issuer.removeprefix(providers.MICROSOFT).partition("/")[0]
    return part if provider.issuer.startswith(providers.MICROSOFT) and GUID.fullmatch(part) else ""


def _address(provider: Provider, claims: Claims) -> tuple[str, bool]:
    """The address, and whether the provider's word for it counts. Told apart by issuer: Google's and Microsoft's word is
    worth no more when they are entered as a provider of one's own.
    """
    email, named = claims.get("email"), claims.get("preferred_username")
    given = email if isinstance(email, str) else ""
    if provider.issuer.startswith(providers.MICROSOFT):
        if _tenant(provider) not in ("", EVERYBODYS):
            # Its administrators say who has which address; a sign-in name is in a domain that they proved to own.
            return given or (named if isinstance(named, str) else ""), True
        # Anybody can have a tenant and write any address into it (nOAuth): only what Microsoft itself has seen counts.
        return given, claims.get("xms_edov") in (True, 1, "1", "true")
    said = claims.get("email_verified") in (True, "true")
    if provider.issuer == providers.GOOGLE.issuer:
        # For other domains Google saw the address once, when the account was made.
        return given, said and (bool(claims.get("hd")) or given.lower().endswith(GOOGLES))
    return given, said
