"""The rules of OAuth2 and OpenID Connect, by Authlib, on facts that were looked up before.

Authlib decides synchronously and in memory; `tokens` reads what it may ask for and writes what it decided, in one
transaction. Why: docs/decisions/0050-oauth.md.
"""

import logging
from collections.abc import Sequence
from typing import Any

from authlib.common.security import generate_token
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnsupportedGrantTypeError,
    UnsupportedResponseTypeError,
    grants,
)
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt

from polus.base import crypto
from polus.desk.apps.facts import METHODS, Answer, Client, Facts, Issued, Payload, Request, User
from polus.desk.scopes import SCOPES

# What it says when everything is to be logged holds the tokens themselves.
logging.getLogger("authlib").setLevel(logging.WARNING)

TOKEN_SECONDS = 86400
CODE_SECONDS = 300
REFRESH_LENGTH = 48
WRONG_REDIRECT = "The redirect_uri is missing, or none that is registered for this app."
UNKNOWN_SCOPE = "The scope is missing, or names something that is no scope."
ONLY_S256 = "code_challenge_method must be S256."


class _Code(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    @staticmethod
    def validate_authorization_redirect_uri(request: Request, client: Client) -> str:
        given: str | None = request.payload.redirect_uri
        if given is None or not client.check_redirect_uri(given):
            raise InvalidRequestError(WRONG_REDIRECT)
        return given

    def validate_requested_scope(self) -> None:
        if not known(self.request.payload.scope):
            raise InvalidScopeError(UNKNOWN_SCOPE)

    def query_authorization_code(self, code: str, client: Client) -> Issued | None:
        found = self.server.issued(code, "code")
        return found if found and found.check_client(client) else None

    def authenticate_user(self, authorization_code: Issued) -> User:
        return authorization_code.user

    def save_authorization_code(self, code: str, request: Request) -> None:
        self.server.code = code

    def delete_authorization_code(self, authorization_code: Issued) -> None:
        self.server.spent = authorization_code


class _Refresh(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def authenticate_refresh_token(self, refresh_token: str) -> Issued | None:
        return self.server.issued(refresh_token, "refresh")  # type: ignore[no-any-return]

    def authenticate_user(self, refresh_token: Issued) -> User:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Issued) -> None:
        """It stays: refresh tokens are not replaced (reference 2.2)."""


class _Pkce(CodeChallenge):  # type: ignore[misc]
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        # Without a method it would be "plain", which protects nothing.
        if data.get("code_challenge") and data.get("code_challenge_method") != "S256":
            raise InvalidRequestError(ONLY_S256)
        super().validate_code_challenge(grant, redirect_uri)


class _OpenId(OpenIDCode):  # type: ignore[misc]
    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self._facts = facts

    def exists_nonce(self, nonce: str, request: Request) -> bool:
        """Codes are used once, so a nonce cannot come back by us; clients may reuse theirs."""
        return False

    def resolve_client_private_key(self, client: Client) -> Any:
        assert self._facts.keys is not None
        return self._facts.keys.signing

    def get_encode_header(self, client: Client) -> dict[str, str]:
        assert self._facts.keys is not None
        return {"alg": "RS256", "kid": str(self._facts.keys.signing.kid)}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        issued_at = int(self._facts.now.timestamp())
        return {
            "iss": self._facts.issuer,
            "aud": client.client_id,
            "iat": issued_at,
            "exp": issued_at + TOKEN_SECONDS,
        }

    def generate_user_info(self, user: User, scope: str) -> dict[str, Any]:
        return claims(user, self._facts.account_id, scope.split())


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = METHODS

    def check_params(self, request: Request, client: Client) -> None:
        """A hint is only a hint: all kinds are looked through (RFC 7009 2.1)."""
        if "token" not in request.form:
            raise InvalidRequestError("Missing 'token' in request.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Issued | None:
        found: Issued | None = self.server.issued(token_string, "access")
        return found or self.server.issued(token_string, "refresh")

    def revoke_token(self, token: Issued, request: Request) -> None:
        self.server.spent = token


class Server(AuthorizationServer):  # type: ignore[misc]
    """One request's authorization server. Afterwards it holds what was decided: `code` made, `made` the token
    answer, `basis` what it was made from, `spent` what is used up or taken back.
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.facts = facts
        self.code: str | None = None
        self.made: dict[str, Any] | None = None
        self.basis: Issued | None = None
        self.spent: Issued | None = None
        self.register_grant(_Code, [_Pkce(required=False), _OpenId(facts)])
        self.register_grant(_Refresh)
        self.register_endpoint(_Revocation)
        self.register_token_generator("default", self._token)

    def issued(self, secret: str, kind: str) -> Issued | None:
        """What the code or token stands for, if it was looked up and is of that kind."""
        found = self.facts.issued
        return found if found and found.kind == kind and found.hash == crypto.digest(secret) else None

    def query_client(self, client_id: str) -> Client | None:
        client = self.facts.client
        return client if client and client.client_id == client_id else None

    def save_token(self, token: dict[str, Any], request: Request) -> None:
        self.made, self.basis = token, request.authorization_code or request.refresh_token

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what was decided is in the attributes."""

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        given = dict(body) if body else {}
        if given.get("error") == "invalid_client":
            # RFC 6749 5.2 lets one choose when the secret came in the body; the reference says 401 always.
            status, given["error_description"] = 401, "Unknown client, or not its secret."
        return Answer(status, given, str(dict(headers).get("Location", "")))

    def handle_error_response(self, request: Request, error: OAuth2Error) -> Any:
        if isinstance(error, UnsupportedGrantTypeError) and not request.payload.grant_type:
            error = InvalidRequestError("Missing 'grant_type' in request.")
        return super().handle_error_response(request, error)

    def _token(self, client: Client, user: User, scope: str, **asked: Any) -> dict[str, Any]:
        made = {
            "access_token": self._access(client, user, scope),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": scope,
        }
        if asked["include_refresh_token"] and "offline" in scope.split():
            made["refresh_token"] = generate_token(REFRESH_LENGTH)
        return made

    def _access(self, client: Client, user: User, scope: str) -> str:
        facts = self.facts
        assert facts.keys is not None
        assert facts.issued is not None
        issued_at = int(facts.now.timestamp())
        said = {
            "iss": facts.issuer,
            "sub": str(user.id),
            "azp": client.client_id,
            "aud": facts.issuer,
            "jti": crypto.new_token(),
            "scope": scope,
            "auth_time": facts.issued.get_auth_time(),
            "iat": issued_at,
            "exp": issued_at + TOKEN_SECONDS,
            "account_id": facts.account_id,
        }
        header = {"alg": "RS256", "kid": str(facts.keys.signing.kid), "typ": "JWT"}
        return jwt.encode(header, said, facts.keys.signing)


def known(scope: str | None) -> bool:
    """Whether something is asked for, and all of it exists."""
    wanted = (scope or "").split()
    return bool(wanted) and all(name in SCOPES for name in wanted)


def claims(user: User, account_id: int, scopes: Sequence[str]) -> dict[str, Any]:
    """What an app that lets people log in is told of them."""
    said: dict[str, Any] = {"sub": str(user.id), "account_id": account_id}
    if "email" in scopes:
        said |= {"email": user.email, "email_verified": user.email_proven}
    if "profile" in scopes:
        said["name"] = user.name
    return said


def answered(error: OAuth2Error, payload: Payload) -> Answer:
    """The answer of an error at the authorize endpoint: back to the app where it is known to be safe, else to none."""
    if isinstance(error, UnsupportedResponseTypeError) and not payload.response_type:
        error = InvalidRequestError("Missing 'response_type' in request.", redirect_uri=error.redirect_uri)
    # Authlib sends no state along with errors that it found before it looked at the state.
    error.state = payload.state
    status, _, headers = error()
    location = dict(headers).get("Location", "")
    return Answer(status, {"error": error.error, "error_description": error.description}, location)
