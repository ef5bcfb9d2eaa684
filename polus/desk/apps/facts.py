"""What the protocol is told and asks about: the app, the user, the code or token, the request and its answer.

Authlib calls their methods; `tokens` fills them from rows.
"""

import datetime
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.util import extract_basic_authorization

from polus.base import crypto
from polus.desk.apps.keys import Keys

METHODS = ["client_secret_basic", "client_secret_post"]
_SAYABLE = re.compile(r"[\w :./-]*", re.ASCII)


class Client(msgspec.Struct, frozen=True):
    """An app as the protocol knows it; Authlib asks it what it may do."""

    client_id: str
    name: str
    secret_hash: bytes
    redirect_urls: tuple[str, ...]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: `redirect_uri` must always be sent."""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Only the very same text as one that was registered."""
        return redirect_uri in self.redirect_urls

    def get_allowed_scope(self, scope: str) -> str:
        """What was asked for, each scope once: scopes are chosen in the request, not at registration."""
        return " ".join(dict.fromkeys(scope.split()))

    def check_client_secret(self, client_secret: str) -> bool:
        return crypto.equal(crypto.digest(client_secret), self.secret_hash)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


class User(msgspec.Struct, frozen=True):
    """Who grants, and what tokens say of him."""

    id: int
    name: str
    email: str
    # Whether it was seen that he reads its mail.
    email_proven: bool = False


class Issued(msgspec.Struct, frozen=True):
    """A code or token of this account that is still good."""

    kind: str
    hash: bytes
    client_id: str
    user: User
    scopes: tuple[str, ...]
    code_hash: bytes
    auth_datetime: datetime.datetime
    redirect_uri: str = ""
    nonce: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.scopes)

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.auth_datetime.timestamp())

    def get_acr(self) -> None:
        """Not told."""

    def get_amr(self) -> None:
        """Not told."""

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id


class Facts(msgspec.Struct, frozen=True):
    """What is known before the protocol begins: who asks, and what the code or token in the request stands for."""

    issuer: str
    account_id: int
    now: datetime.datetime
    keys: Keys | None = None
    client: Client | None = None
    issued: Issued | None = None


class Payload(OAuth2Payload):  # type: ignore[misc]
    """The parameters of a request; of repeated ones the last counts, where repeating is not refused."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._datalist: dict[str, list[str]] = {}
        for name, value in pairs:
            self._datalist.setdefault(name, []).append(value)
        self._data = {name: values[-1] for name, values in self._datalist.items()}
        for name in ("response_type", "grant_type"):
            # Authlib quotes them in its sentences, where only these characters may stand.
            if not _SAYABLE.fullmatch(self._data.get(name, "")):
                self._data[name] = "unknown"

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._datalist


class Request(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib wants it. TLS is the front server's business, so it counts as secure."""

    def __init__(self, method: str, pairs: Sequence[tuple[str, str]], authorization: str = "") -> None:
        name, _ = basic(authorization)
        super().__init__(method, "https://polus/", headers={"Authorization": authorization} if name else {})
        self.payload = Payload(pairs)

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


class Answer(msgspec.Struct, frozen=True):
    """What the protocol says."""

    status: int
    body: dict[str, Any]
    location: str = ""


def basic(authorization: str) -> tuple[str | None, str | None]:
    """Client id and secret of an `Authorization` header; None twice when it holds no such pair."""
    try:
        name, secret = extract_basic_authorization({"Authorization": authorization})
    except ValueError:  # bytes that are no UTF-8
        return None, None
    return (name, secret) if name and secret else (None, None)
