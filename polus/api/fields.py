"""The kinds of values that bodies and queries hold beyond JSON's own, each with its check and its schema."""

import datetime
import re
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from polus.base import addresses, clock, errors, names
from polus.desk.rules.rules import TRIGGERS

LARGEST = 2**63 - 1
# Limits that hold but that the document does not state, because the contract states none.
NO_RANGE = {"x-untold": ["minimum", "maximum"]}
NO_MAXIMUM = {"x-untold": ["maximum"]}
NO_COUNT = {"x-untold": ["minItems", "maxItems"]}
NO_LENGTH = {"x-untold": ["minLength", "maxLength"]}
Id = Annotated[int, Meta(ge=1, le=LARGEST, extra_json_schema=NO_RANGE)]
# A query parameter that is an id: there the contract says "at least 1".
IdParameter = Annotated[int, Meta(ge=1, le=LARGEST, extra_json_schema=NO_MAXIMUM)]
Whole = Annotated[int, Meta(ge=-LARGEST, le=LARGEST, extra_json_schema=NO_RANGE)]
Subject = Annotated[str, Meta(max_length=998)]
ExternalId = Annotated[str, Meta(max_length=255)]

BODY_BYTES = 1_048_576
FREE_BYTES = 256 * 1024
FREE_DEPTH = 20
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
CHANNEL = re.compile(r"[a-z0-9_-]{1,64}")
REGION = re.compile(r"[-_]")
USER_LANGUAGES = ("en", "fr")


class When(datetime.datetime):
    """A datetime in any of the forms that clients send; UTC."""


class Email(str):
    """An e-mail address, lower-cased."""

    __slots__ = ()


class Body(str):
    """A message text of at most 1 MiB of UTF-8."""

    __slots__ = ()


class Channel(str):
    """A channel's slug: a documented one, or any other word of `[a-z0-9_-]`."""

    __slots__ = ()


class EventTypes(str):
    """Names of triggers with commas between them; a list of names is taken too. Empty when there is none."""

    __slots__ = ()


class Url(str):
    """An http or https address."""

    __slots__ = ()


class HexColor(str):
    """A colour, `#rrggbb`."""

    __slots__ = ()


class TimezoneName(str):
    """An IANA time zone or one of the usual legacy aliases."""

    __slots__ = ()


class LanguageCode(str):
    """A two-letter language; a region is cut off on input (`en-US` is `en`)."""

    __slots__ = ()


class CountryCode(str):
    """A country, ISO 3166-1 alpha-2."""

    __slots__ = ()


class UserLanguage(str):
    """A language that the workspace speaks; a region is cut off on input."""

    __slots__ = ()


class CurrencyCode(str):
    """A currency, ISO 4217."""

    __slots__ = ()


class Free(dict[str, Any]):
    """A free JSON object, at most 256 KiB and 20 levels deep."""


class UserMeta(Free):
    """What is kept beside a user: `sso`, `profile_picture_url`, and whatever clients add."""


class Upload(dict[str, Any]):
    """The parts of a multipart body; described here, read by `api.files`."""


class Fault(ValueError):
    """A value that is none of its kind; the text is the wire's sentence."""


def _when(given: Any) -> When:
    if not isinstance(given, str):
        raise Fault(errors.NOT_DATETIME)
    try:
        moment = clock.parse(given)
    except ValueError:
        raise Fault(errors.NOT_DATETIME) from None
    return When.combine(moment.date(), moment.timetz())


def _text(given: Any) -> str:
    if not isinstance(given, str) or "\0" in given:
        raise Fault(errors.NOT_STRING)
    return given


def _email(given: Any) -> Email:
    text = addresses.email(_text(given))
    if len(text) > addresses.EMAIL_LENGTH:
        raise Fault(errors.too_long(addresses.EMAIL_LENGTH))
    if not addresses.is_email(text):
        raise Fault(errors.NOT_EMAIL)
    return Email(text)


def _body(given: Any) -> Body:
    text = _text(given)
    if len(text) > BODY_BYTES or (len(text) * 4 > BODY_BYTES and len(text.encode()) > BODY_BYTES):
        raise Fault(errors.too_long(BODY_BYTES))
    return Body(text)


def _channel(given: Any) -> Channel:
    text = _text(given)
    if not CHANNEL.fullmatch(text):
        raise Fault(errors.NOT_CHOICE)
    return Channel(text)


def _event_types(given: Any) -> EventTypes:
    parts = given if isinstance(given, list) else [given]
    names = [name.strip() for part in parts for name in _text(part).split(",")]
    wanted = [name for name in dict.fromkeys(names) if name]
    if not set(wanted) <= set(TRIGGERS):
        raise Fault(errors.NOT_CHOICE)
    return EventTypes(",".join(wanted))


def _url(given: Any) -> Url:
    text = _text(given)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise Fault(errors.NOT_URL) from None
    if parts.scheme not in ("http", "https") or not parts.netloc or len(text) > 8192:
        raise Fault(errors.NOT_URL)
    return Url(text)


def depth(value: Any, limit: int) -> bool:
    """Whether `value` is nested at most `limit` levels deep."""
    if isinstance(value, dict):
        return limit > 0 and all(depth(item, limit - 1) for item in value.values())
    if isinstance(value, list):
        return limit > 0 and all(depth(item, limit - 1) for item in value)
    return True


def free(given: Any) -> Any:
    """`given` when it is within the bounds of free JSON; else `Fault`."""
    if not depth(given, FREE_DEPTH):
        raise Fault("Nested deeper than " + str(FREE_DEPTH) + " levels.")
    encoded = msgspec.json.encode(given)
    if len(encoded) > FREE_BYTES:
        raise Fault(errors.too_long(FREE_BYTES))
    if b"\\u0000" in encoded:
        raise Fault(errors.NOT_STRING)
    return given


def _color(given: Any) -> HexColor:
    text = _text(given)
    if not COLOR.fullmatch(text):
        raise Fault("Not a valid color.")
    return HexColor(text)


def _timezone(given: Any) -> TimezoneName:
    text = _text(given)
    if text not in names.TIMEZONES:
        raise Fault(errors.NOT_CHOICE)
    return TimezoneName(text)


def _language(given: Any) -> LanguageCode:
    language = REGION.split(_text(given), maxsplit=1)[0]
    if language not in names.LANGUAGES:
        raise Fault(errors.NOT_CHOICE)
    return LanguageCode(language)


def _user_language(given: Any) -> UserLanguage:
    language = _language(given)
    if language not in USER_LANGUAGES:
        raise Fault(errors.NOT_CHOICE)
    return UserLanguage(language)


def _user_meta(given: Any) -> UserMeta:
    meta = _free(given)
    if not isinstance(meta.get("profile_picture_url"), (str, NoneType)):
        raise Fault(errors.WRONG_TYPE)
    if not isinstance(meta.get("name_set_via", ""), str):
        raise Fault(errors.WRONG_TYPE)
    return UserMeta(meta)


def _country(given: Any) -> CountryCode:
    text = _text(given)
    if text not in names.COUNTRIES:
        raise Fault(errors.NOT_CHOICE)
    return CountryCode(text)


def _currency(given: Any) -> CurrencyCode:
    text = _text(given)
    if text not in names.CURRENCIES:
        raise Fault(errors.NOT_CHOICE)
    return CurrencyCode(text)


def _free(given: Any) -> Free:
    if not isinstance(given, dict):
        raise Fault(errors.WRONG_TYPE)
    return Free(free(given))


READERS: dict[type, Callable[[Any], Any]] = {
    When: _when,
    Email: _email,
    Body: _body,
    Channel: _channel,
    EventTypes: _event_types,
    Url: _url,
    HexColor: _color,
    TimezoneName: _timezone,
    LanguageCode: _language,
    CountryCode: _country,
    UserLanguage: _user_language,
    UserMeta: _user_meta,
    CurrencyCode: _currency,
    Free: _free,
}

SCHEMAS: dict[type, dict[str, Any]] = {
    When: {"type": "string", "format": "date-time"},
    Email: {"type": "string", "format": "email", "maxLength": addresses.EMAIL_LENGTH},
    Body: {"type": "string", "x-max-bytes": BODY_BYTES},
    Channel: {"type": "string"},
    EventTypes: {"type": "string"},
    Url: {"type": "string", "format": "uri"},
    HexColor: {"type": "string"},
    TimezoneName: {"$ref": "#/components/schemas/TimezoneName"},
    LanguageCode: {"$ref": "#/components/schemas/LanguageCode"},
    CountryCode: {"type": "string"},
    UserLanguage: {"type": "string", "enum": list(USER_LANGUAGES)},
    UserMeta: {
        "type": "object",
        "properties": {
            "sso": {},
            "profile_picture_url": {"type": ["string", "null"]},
            "name_set_via": {"type": "string"},
        },
        "additionalProperties": True,
    },
    CurrencyCode: {"$ref": "#/components/schemas/CurrencyCode"},
    Free: {"type": "object"},
    Upload: {
        "type": "object",
        "additionalProperties": {"type": "string", "format": "binary"},
        "minProperties": 1,
    },
}

# Long lists stand in the document once.
COMPONENTS: dict[str, dict[str, Any]] = {
    "TimezoneName": {"type": "string", "enum": sorted(names.TIMEZONES)},
    "LanguageCode": {"type": "string", "enum": sorted(names.LANGUAGES)},
    "CurrencyCode": {"type": "string", "enum": sorted(names.CURRENCIES)},
}


def read(kind: type, given: Any) -> Any:
    """msgspec's hook for our kinds."""
    reader = READERS.get(kind)
    if reader is None:
        raise NotImplementedError(kind)
    return reader(given)


def schema(kind: type) -> dict[str, Any]:
    """msgspec's hook for the OpenAPI document."""
    if kind not in SCHEMAS:
        raise NotImplementedError(kind)
    return SCHEMAS[kind]
