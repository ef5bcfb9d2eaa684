"""Providers of OAuth2 and OpenID Connect: where each is asked what. Google's and Microsoft's places are known, those of
others are read from the document that they publish (OpenID Connect Discovery).

What a provider answers is hostile until it was looked at.
"""

from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from polus.base import outbound, text
from polus.base.outbound import Allowed
from polus.channels import outgoing
from polus.channels.outgoing import Call
from polus.desk import registrations
from polus.desk.registrations import Registration

SECONDS = 10.0
MOST = 256 * 1024  # bytes of an answer
MOST_SAID = 300
DISCOVERY = "/.well-known/openid-configuration"
BASIC, POST = "client_secret_basic", "client_secret_post"
ANY_TENANT = "common"
MICROSOFT = "https://login.microsoftonline.com/"
OUTLOOK = "https://outlook.office.com/"


Shape = TypeVar("Shape")


class Failure(Exception):
    """Why a provider gave nothing. `code` names a sentence for people, `host` and `said` fill it; no secrets in them."""

    def __init__(self, code: str, host: str, said: object = "") -> None:
        self.code = code
        self.host = host
        self.said = text.one_line(str(said))[:MOST_SAID]
        super().__init__(f"{code}: {self.host}: {self.said}")


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider is asked, and how we say there who we are (`method`). `lasting`: what a question
    for a refresh token needs.

    `says_iss`: its answers name it (RFC 9207), so one that does not is none.
    """

    key: str
    name: str
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    revocation_endpoint: str = ""
    method: str = POST
    mail_scope: str = ""
    lasting: dict[str, str] = {}
    says_iss: bool = False


GOOGLE = Provider(
    key=registrations.GOOGLE,
    name="Google",
    issuer="https://accounts.google.com",
    authorization_endpoint="https://accounts.google.com/o/oauth2/v2/auth",
    token_endpoint="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    jwks_uri="https://www.googleapis.com/oauth2/v3/certs",
    revocation_endpoint="https://oauth2.googleapis.com/revoke",
    mail_scope="https://mail.google.com/",
    # Google gives a refresh token only to who asks for one, and only together with a consent.
    lasting={"access_type": "offline", "prompt": "consent"},
)


class Published(msgspec.Struct, frozen=True):
    """The document, as far as we read it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = (BASIC,)
    authorization_response_iss_parameter_supported: bool = False


def microsoft(tenant: str) -> Provider:
    """Microsoft's endpoints for one tenant, or for everybody who has an account there."""
    base = MICROSOFT + (tenant or ANY_TENANT)
    return Provider(
        key=registrations.MICROSOFT,
        name="Microsoft",
        # Of several tenants each has its own; see `identities`.
        issuer=f"{base}/v2.0",
        authorization_endpoint=f"{base}/oauth2/v2.0/authorize",
        token_endpoint=f"{base}/oauth2/v2.0/token",
        jwks_uri=f"{base}/discovery/v2.0/keys",
        mail_scope=f"{OUTLOOK}IMAP.AccessAsUser.All {OUTLOOK}SMTP.Send offline_access",
    )


def decoded(body: bytes, shape: type[Shape]) -> Shape:
    """An answer's JSON in that shape. ValueError for whatever else it is, however deep."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(type(error).__name__) from None


async def registered(registration: Registration, allowed: Allowed) -> Provider:
    """The provider that an account is registered at. Raises Failure."""
    if registration.provider == registrations.GOOGLE:
        return GOOGLE
    if registration.provider == registrations.MICROSOFT:
        return microsoft(registration.tenant)
    found = await discovered(registration.issuer, allowed)
    return msgspec.structs.replace(
        found, key=registration.provider, name=registration.name, mail_scope=registration.mail_scope
    )


async def discovered(url: str, allowed: Allowed) -> Provider:
    """The provider whose issuer, or whose document, has this address. Raises Failure."""
    issuer = url.strip().removesuffix(DISCOVERY).rstrip("/")
    host = host_of(issuer)
    await _secure(issuer, allowed)
    try:
        call = Call(method="GET", url=issuer + DISCOVERY, headers={"Accept": "application/json"})
        answer = await outgoing.send(call, allowed, seconds=SECONDS, most=MOST)
    except outgoing.Failed as failed:
        raise Failure("provider-silent", host, failed) from None
    if not answer.good:
        raise Failure("provider-odd", host, f"it answered {answer.status}")
    try:
        found = decoded(answer.body, Published)
    except ValueError:
        raise Failure("provider-odd", host, "its document cannot be read") from None
    # Else anybody could publish himself as another (OpenID Connect Discovery 4.3).
    if found.issuer.rstrip("/") != issuer:
        raise Failure("provider-odd", host, f"its document is about {found.issuer}")
    places = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    for place in filter(None, (*places, found.userinfo_endpoint, found.revocation_endpoint)):
        await _beside(place, issuer, host)
    methods = found.token_endpoint_auth_methods_supported
    return Provider(
        key="",
        name=host,
        issuer=found.issuer,
        authorization_endpoint=found.authorization_endpoint,
        token_endpoint=found.token_endpoint,
        jwks_uri=found.jwks_uri,
        userinfo_endpoint=found.userinfo_endpoint or "",
        revocation_endpoint=found.revocation_endpoint or "",
        method=POST if POST in methods else BASIC,
        says_iss=found.authorization_response_iss_parameter_supported,
    )


def host_of(url: str) -> str:
    """What people are told of an address."""
    try:
        return urlsplit(url).hostname or url[:MOST_SAID]
    except ValueError:
        return url[:MOST_SAID]


async def _secure(url: str, allowed: Allowed) -> None:
    """Secrets and keys go over HTTPS, but for a provider on this very machine."""
    host = host_of(url)
    try:
        aim = outbound.target(url)
        if aim.scheme == "https":
            return
        found = await outbound.addresses(aim.host or "", aim.port, allowed)
    except outbound.Refused as refused:
        raise Failure("provider-silent", host, refused) from None
    if not all(address.is_loopback for address in found):
        raise Failure("provider-odd", host, "its address does not begin with https://")


async def _beside(url: str, issuer: str, host: str) -> None:
    """An endpoint is spoken to securely, or as the document itself was."""
    try:
        aim, own = outbound.target(url), outbound.target(issuer)
    except outbound.Refused:
        raise Failure("provider-odd", host, "an address in its document is none") from None
    if aim.scheme != "https" and aim != own:
        raise Failure("provider-odd", host, "an address in its document does not begin with https://")
