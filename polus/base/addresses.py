"""E-mail addresses and telephone numbers: what is one, and how two of them are compared."""

import re
from urllib.parse import urlsplit

import phonenumbers

EMAIL_LENGTH = 320
# What PostgreSQL, SMTP and people agree on; quoted local parts are refused on purpose.
EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+", re.UNICODE)
# A number as people write it; words ("1-800-FLOWERS") are compared as words.
PHONE = re.compile(
    r"[+(]?[0-9][0-9 ().\-/\u00a0\u2011]{0,48}(?:(?:ext\.?|x|#)[ ]?[0-9]{1,8})?", re.IGNORECASE
)
DIGITS = re.compile(r"[^0-9]+")


def email(text: str) -> str:
    """The address as it is stored and compared: without blanks around it, in lower case."""
    return text.strip().lower()


def is_email(text: str) -> bool:
    """Whether `text`, as `email` gives it, is an e-mail address."""
    return len(text) <= EMAIL_LENGTH and EMAIL.fullmatch(text) is not None


def phone(text: str) -> str:
    """What of a telephone number is compared; "" when it is none.

    With its country (`+` or `00` in front) that is the number as dialled from abroad, so that "+49 (0)30 1234" and
    "0049 30 1234" are the same; without one just the digits.
    """
    text = text.strip()
    if not PHONE.fullmatch(text):
        return ""
    digits = DIGITS.sub("", text)
    if not text.startswith(("+", "00")):
        return digits
    try:
        number = phonenumbers.parse("+" + text.lstrip("+0"))
    except phonenumbers.NumberParseException:
        return digits
    full = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    return full + ("x" + number.extension if number.extension else "")


def e164(text: str, near: str = "") -> str:
    """`+493012345`; "" when it is no telephone number. `near`: one of the country that numbers without any are of."""
    text = text.strip()
    if not PHONE.fullmatch(text):
        return ""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(near)) if near else None
        given = "+" + text[2:] if text.startswith("00") else text
        number = phonenumbers.parse(given, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def origin(address: str) -> str | None:
    """`https://shop.example` of an address, as browsers spell it; None when it is no web address."""
    try:
        parts = urlsplit(address.strip().lower())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}{port}"
