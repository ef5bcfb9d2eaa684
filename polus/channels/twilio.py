"""Twilio's published formats that texts and calls share: signed webhooks with forms, and the REST API of an account.

What the forms mean is left to the channels.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import msgspec

from polus.base.outbound import Allowed
from polus.channels import outgoing
from polus.channels.outgoing import Call

API = "https://api.twilio.com"
VERSION = "/2010-04-01/Accounts/"
SIGNATURE = "x-twilio-signature"
FORM = "application/x-www-form-urlencoded"
XML = "text/xml; charset=utf-8"
NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
"""TwiML that asks for nothing."""

SECONDS = 15.0
MOST_ANSWER = 256 * 1024
MOST_FIELDS = 300
SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")

Pairs = Sequence[tuple[str, str]]


class Credentials(msgspec.Struct, frozen=True):
    """Of one account at Twilio, or at who speaks as Twilio does at another `api` address."""

    account_sid: str
    auth_token: str
    api: str = API

    def __repr__(self) -> str:
        return f"Credentials({self.account_sid!r}, '***', {self.api!r})"

    @property
    def authorization(self) -> str:
        """The value of the header."""
        return "Basic " + base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()


class Reply(msgspec.Struct, frozen=True):
    """What the API answered. `data` is its JSON object, empty when it was none."""

    status: int
    data: dict[str, Any]

    @property
    def good(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300

    @property
    def code(self) -> int | None:
        """Twilio's number of what went wrong."""
        code = self.data.get("code")
        return code if isinstance(code, int) and not self.good else None

    @property
    def said(self) -> str:
        """What it says went wrong."""
        message = self.data.get("message")
        return message if isinstance(message, str) and message else f"The answer was {self.status}."

    @property
    def again(self) -> bool:
        """Whether waiting may cure it."""
        return self.status >= 500 or self.status in (408, 425, 429)


def fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, in their order, empty ones too. ValueError when it is none."""
    try:
        given = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    # PostgreSQL has no place for that character.
    return [(name.replace("\0", ""), value.replace("\0", "")) for name, value in given]


def signature(token: str, url: str, given: Pairs = ()) -> str:
    """What stands in X-Twilio-Signature for a request to that address with that form (Twilio, "Webhooks security")."""
    # The same field with the same value twice counts once.
    signed = url + "".join(name + value for name, value in sorted(set(given)))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()


def is_signed(token: str, headers: Mapping[str, str], urls: Sequence[str], body: bytes) -> bool:
    """Whether who knows the token sent this to one of these addresses. `headers` by their names in lower case.

    What is no form is named by its digest in the address (`bodySHA256`), which is signed.
    """
    given = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    if not given or not token:
        return False
    pairs: list[tuple[str, str]] = []
    if headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            return False
    elif body and not _is_named(urls, body):
        return False
    return any(hmac.compare_digest(given, signature(token, url, pairs).encode()) for url in urls)


def _is_named(urls: Sequence[str], body: bytes) -> bool:
    digest = hashlib.sha256(body).hexdigest()
    told = [parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0] for url in urls]
    return bool(told) and all(hmac.compare_digest(one.encode(), digest.encode()) for one in told)


def addresses(base_url: str, headers: Mapping[str, str], target: str) -> list[str]:
    """The addresses that whoever sent a request may have signed; `target` is its path and query as they were sent.

    A proxy that ends TLS or answers for another name hides which it was, and some senders sign the port. Only who knows
    the token can sign any of them, so trying several lets nobody in.
    """
    base = urlsplit(base_url)
    named = (base.netloc, headers.get("host", ""), headers.get("x-forwarded-host", ""))
    hosts = [name.partition(",")[0].strip() for name in named]
    found: list[str] = []
    for host in dict.fromkeys(host for host in hosts if host):
        plain = re.sub(r":\d+$", "", host)
        for scheme, port in (("https", ":443"), ("http", ":80")):
            found += [f"{scheme}://{one}{base.path}{target}" for one in (host, plain, plain + port)]
    return list(dict.fromkeys(found))


async def ask(credentials: Credentials, allowed: Allowed, method: str, path: str, given: Pairs = ()) -> Reply:
    """One call to the account's API, `path` being what follows its number: `Messages.json`. Raises outgoing.Failed.

    When that is raised it is unknown whether it was done.
    """
    answered = await outgoing.send(
        call(credentials, method, path, given), allowed, seconds=SECONDS, most=MOST_ANSWER
    )
    try:
        data = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        data = None
    return Reply(answered.status, data if isinstance(data, dict) else {})


def call(credentials: Credentials, method: str, path: str, given: Pairs = ()) -> Call:
    """The same call, not made yet: for files, which are not JSON."""
    url = credentials.api.rstrip("/") + VERSION + quote(credentials.account_sid, safe="") + "/" + path
    headers = {"Authorization": credentials.authorization, "Accept": "application/json"}
    if method in ("GET", "DELETE"):
        return Call(method=method, url=url, headers=headers, params=dict(given))
    headers["Content-Type"] = FORM
    return Call(method=method, url=url, headers=headers, body=urlencode(given).encode())


def is_theirs(credentials: Credentials, url: str) -> bool:
    """Whether an address lies at the API, so that it may be told the credentials: it may come out of a webhook."""
    own, asked = urlsplit(credentials.api), urlsplit(url)
    return (own.scheme, own.netloc) == (asked.scheme, asked.netloc)
