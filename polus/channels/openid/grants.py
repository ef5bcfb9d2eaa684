"""What a provider's token endpoint gives: tokens for a code or for a refresh token; and taking them back.

Its answers are bounded and looked at; why it gives nothing is a `Failure` in words for people.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from polus.base.outbound import Allowed
from polus.channels import outgoing
from polus.channels.openid import providers
from polus.channels.openid.providers import Failure
from polus.channels.outgoing import Answered, Call

SECONDS = 10.0
MOST = 65536  # bytes; some tokens are long
LONGEST = 16384
TOKEN = re.compile(r"[\x21-\x7e]+")
LEAST_SECONDS, MOST_SECONDS = 120.0, 86400.0  # that an access token is used, whatever the provider says
CODES = {
    "invalid_grant": "grant-ended",
    "invalid_client": "client-refused",
    "unauthorized_client": "client-refused",
}
# Scopes that ask for more than mail; providers leave some of them out of what they say was granted.
ASIDE = frozenset("openid email profile offline offline_access".split())


class Client(msgspec.Struct, frozen=True):
    """Who asks, and how that is said: in the body, or in a header."""

    id: str
    secret: str
    method: str = providers.POST

    def __repr__(self) -> str:
        return f"Client({self.id!r})"


class Refusal(msgspec.Struct, frozen=True):
    """Why there is nothing, as RFC 6749 writes it."""

    error: Any = None
    error_description: Any = None


class Tokens(msgspec.Struct, frozen=True):
    """What the endpoint answered. A new refresh token replaces the one that was used."""

    access_token: str
    expires_in: int | float | str | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    token_type: str | None = None
    scope: str | None = None

    def __repr__(self) -> str:
        return "Tokens()"

    @property
    def lasts(self) -> float:
        """Seconds for which the access token is used: a provider may say nothing, or nonsense."""
        try:
            said = float(self.expires_in or 0)
        except ValueError:
            return LEAST_SECONDS
        return min(max(said, LEAST_SECONDS), MOST_SECONDS) if said == said else LEAST_SECONDS


async def ask(url: str, client: Client, fields: Mapping[str, str], allowed: Allowed) -> Tokens:
    """Tokens for what `fields` show. Raises Failure."""
    host = providers.host_of(url)
    answer = await _post(url, client, fields, allowed)
    if answer.status >= 500 or answer.status == 429:
        raise Failure("grant-silent", host, f"it answered {answer.status}")
    if not answer.good:
        raise _refused(host, answer)
    if len(answer.body) >= MOST:
        raise Failure("grant-refused", host, "its answer is too long")
    try:
        found = providers.decoded(answer.body, Tokens)
    except ValueError:
        raise _refused(host, answer) from None
    given = [token for token in (found.access_token, found.refresh_token, found.id_token) if token]
    if not found.access_token or not all(TOKEN.fullmatch(one) and len(one) <= LONGEST for one in given):
        raise Failure("grant-refused", host, "its answer cannot be read")
    if (found.token_type or "bearer").lower() != "bearer":
        raise Failure("grant-refused", host, f"a token of the kind {found.token_type}")
    return found


async def revoke(url: str, client: Client, token: str, allowed: Allowed) -> None:
    """Have a refresh token, and what came of it, end at the provider. Raises Failure."""
    fields = {"token": token, "token_type_hint": "refresh_token"}
    answer = await _post(url, client, fields, allowed)
    # One that is unknown there has ended already.
    if not answer.good and answer.status != 400:
        raise Failure("grant-silent", providers.host_of(url), f"it answered {answer.status}")


def lacking(asked: str, tokens: Tokens) -> str:
    """Scopes for mail that were asked for and are not among those that the provider says it granted.

    Google lets people take single ticks away.
    """
    if not tokens.scope:
        return ""
    granted = tokens.scope.lower().split()
    return " ".join(one for one in asked.split() if one not in ASIDE and one.lower() not in granted)


async def _post(url: str, client: Client, fields: Mapping[str, str], allowed: Allowed) -> Answered:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    sent = {name: value for name, value in fields.items() if value}
    if client.method == providers.BASIC:
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        sent |= {"client_id": client.id} | ({"client_secret": client.secret} if client.secret else {})
    call = Call(method="POST", url=url, headers=headers, body=urlencode(sent).encode())
    try:
        return await outgoing.send(call, allowed, seconds=SECONDS, most=MOST)
    except outgoing.Failed as failed:
        raise Failure("grant-silent", providers.host_of(url), failed) from None


def _refused(host: str, answer: Answered) -> Failure:
    """The error as RFC 6749 writes it; nothing else of an answer, which may hold anything, is shown."""
    try:
        told = providers.decoded(answer.body, Refusal)
    except ValueError:
        told = Refusal()
    words = [word for word in (told.error, told.error_description) if isinstance(word, str)]
    code = CODES.get(words[0] if words else "", "grant-refused")
    if code == "grant-refused" and answer.status == 401:
        code = "client-refused"
    return Failure(code, host, ": ".join(words) or f"it answered {answer.status}")
