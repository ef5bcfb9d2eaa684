"""What one call sends: an integration's templates filled from a document, and signed (reference, HTTP integrations).

Pure. Where the call may go and what becomes of the answer is left to `dialling` and `lines`.
"""

import datetime
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from yarl import URL

from polus import __version__
from polus.base import clock, wire
from polus.channels.outgoing import RESERVED
from polus.lang import template
from polus.lang.template import Target
from polus.lang.template_filters import show

LONGEST_URL = 8_192
MOST_BYTES = 1_048_576
TOO_LARGE = "The call would be larger than 1 MiB."
TOO_LONG = "The URL would be longer than 8,192 characters."
WITHOUT_BODY = ("GET", "HEAD")
FORM = "application/x-www-form-urlencoded"

_MASK = "***"
# Header names that say nothing secret; the values of all others are never shown.
_OPEN = frozenset(("accept", "accept-language", "content-type", "user-agent", "cache-control"))
_KEY = re.compile(r"auth|token|key|secret|cookie|passw|signature|credential", re.IGNORECASE)
_SHORTEST = 6  # characters; what is shorter is no secret worth looking for in texts
_SCHEME = re.compile(r"^(?:Basic|Bearer|Token)\s+", re.IGNORECASE)


class Facts(msgspec.Struct, frozen=True):
    """What a call is about besides its document. `created`: when it happened; `zone`: the account's time zone."""

    integration_id: int
    uuid: uuid.UUID
    trigger: str
    attempt: int
    created: datetime.datetime
    user_id: int | None
    message_id: int | None
    zone: str


class Request(msgspec.Struct, frozen=True):
    """A call ready to be made. `secrets`: texts of it that its log must not show; `keys`: those that open something."""

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes
    secrets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def compose(http: Mapping[str, Any], facts: Facts, document: Mapping[str, Any]) -> Request:
    """The call; the same at each attempt but for its number and time stamp. ValueError says why there can be none."""
    context = _context(document, facts)
    method = http["method"]
    url = URL(template.render(http["url"].strip(), context, Target.URL, facts.zone))
    body, parameters = _form(http, context, facts.zone)
    if parameters:
        url = url.extend_query(parameters)
    if len(str(url)) > LONGEST_URL:
        raise ValueError(TOO_LONG)
    if len(body) > MOST_BYTES:
        raise ValueError(TOO_LARGE)
    own = _headers(http, context, facts.zone)
    headers = {
        "User-Agent": "Polus-HTTP-Integration/" + __version__,
        "Accept": "application/json",
        **({"Content-Type": http["request_content_type"]} if body else {}),
    }
    # Names are compared without case: what the integration says holds.
    named = {name.lower() for name in own}
    headers = {name: value for name, value in headers.items() if name.lower() not in named} | own
    headers |= {
        "X-Polus-Delivery": str(facts.uuid),
        "X-Polus-Event": facts.trigger,
        "X-Polus-Integration": str(facts.integration_id),
        "X-Polus-Attempt": str(facts.attempt),
    }
    secret = http.get("hmac_secret")
    if secret:
        headers |= signatures(secret, body or url.raw_path_qs.encode(), int(clock.now().timestamp()))
    keys = {name: value for name, value in own.items() if _KEY.search(name)}
    return Request(method, url, headers, body, _secrets(own, secret), _secrets(keys, secret))


def signatures(secret: str, signed: bytes, moment: int) -> dict[str, str]:
    """The two signature headers over a body, or over path and query when there is none."""
    key = secret.encode()
    stamped = hmac.new(key, f"{moment}.".encode() + signed, "sha256").hexdigest()
    return {
        "X-Gorgias-Signature": hmac.new(key, signed, "sha256").hexdigest(),
        "X-Polus-Signature": f"t={moment},v1={stamped}",
    }


def _context(document: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """The `{{context}}` document, its own text in it as `context`."""
    messages = document["ticket"]["messages"]
    named = next((one for one in messages if one["id"] == facts.message_id), None)
    context = {
        "event": {
            "id": str(facts.uuid),
            "type": facts.trigger,
            "created_datetime": clock.text(facts.created),
            "user_id": facts.user_id,
        },
        "account": document["account"],
        "ticket": document["ticket"],
        "message": named or (messages[-1] if messages else None),
        "current_user": document["current_user"],
    }
    return {**context, "context": _Text(context)}


class _Text(dict[str, Any]):
    """The document, which renders as its JSON text; written only when a template asks for it."""


def _form(
    http: Mapping[str, Any], context: Mapping[str, Any], zone: str
) -> tuple[bytes, list[tuple[str, str]]]:
    """The body, or for calls without one the query parameters."""
    form = http.get("form")
    if form is None:
        return b"", []
    if isinstance(form, str):
        try:
            form = msgspec.json.decode(form)
        except (msgspec.DecodeError, UnicodeEncodeError):
            if http["method"] in WITHOUT_BODY:
                return b"", []
            return template.render(form, context, Target.LEAF, zone).encode(), []
    filled = template.leaves(form, context, zone)
    pairs = [(key, show(value)) for key, value in filled.items()] if isinstance(filled, dict) else []
    if http["method"] in WITHOUT_BODY:
        return b"", pairs
    if http["request_content_type"] == FORM:
        return urlencode(pairs).encode(), []
    return wire.encode(filled).encode(), []


def _headers(http: Mapping[str, Any], context: Mapping[str, Any], zone: str) -> dict[str, str]:
    given = http.get("headers")
    if not isinstance(given, dict):
        return {}
    return {
        name: template.render(value, context, Target.LINE, zone).strip()
        for name, value in given.items()
        if name.lower() not in RESERVED
    }


def _secrets(headers: Mapping[str, str], secret: str | None) -> tuple[str, ...]:
    """The longest first, so that none is hidden in part. Of `Bearer abc` also `abc`."""
    found = {value for name, value in headers.items() if name.lower() not in _OPEN}
    found |= {_SCHEME.sub("", value) for value in found} | {secret or ""}
    return tuple(sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True))


def masked(secrets: Sequence[str], text: str) -> str:
    """The text without the secrets, as they are or as JSON and addresses write them."""
    for secret in secrets:
        encoded = urlencode([("", secret)])[1:]
        for form in dict.fromkeys((secret, wire.encode(secret)[1:-1], encoded, encoded.replace("+", "%20"))):
            text = text.replace(form, _MASK)
    return text


def shown(request: Request, most: int) -> dict[str, Any]:
    """The call as its log keeps it: secrets masked, the body cut."""
    ours = ("x-polus-", "x-gorgias-")
    headers = {
        name: value if name.lower() in _OPEN or name.lower().startswith(ours) else _MASK
        for name, value in request.headers.items()
    }
    return {
        "method": request.method,
        "url": masked(request.secrets, str(request.url)),
        "headers": headers,
        "body": masked(request.secrets, request.body[: most * 4].decode("utf-8", "replace"))[:most],
        "size": len(request.body),
    }
