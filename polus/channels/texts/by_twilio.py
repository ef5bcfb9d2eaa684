"""Texts through Twilio: its webhooks for messages and their states, and its resource Messages, as published."""

from collections.abc import Mapping
from typing import Any

from polus.base.outbound import Allowed
from polus.channels import outgoing, twilio
from polus.channels.outgoing import Call
from polus.channels.texts.providers import (
    Arrived,
    Condition,
    Media,
    Number,
    Refused,
    Reported,
    Request,
    Taken,
    Text,
)
from polus.channels.twilio import Credentials, Reply

PREFIX = "whatsapp:"
MOST_MEDIA = 10
STATES: Mapping[str, Condition] = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "queued",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
UNSUBSCRIBED = "21610"
# Twilio's numbers of errors that agents and administrators meet, in words that say what to do.
SAYINGS = {
    "20003": "Twilio does not know this account SID and auth token.",
    "20429": "Twilio asks us to send more slowly.",
    "21211": "This is not a telephone number that texts can be sent to.",
    "21408": "The Twilio account may not send texts to this country.",
    "21601": "The number cannot send texts.",
    "21606": "The number is not one of the Twilio account, or cannot send texts.",
    "21608": "A trial account of Twilio sends to verified numbers only.",
    "21609": "Twilio cannot reach the address of this helpdesk, to tell what becomes of texts.",
    UNSUBSCRIBED: "The customer said STOP to this number: nothing can be sent until he says START.",
    "21611": "Too many texts wait at Twilio for this number.",
    "21612": "Twilio has no way to this receiver from this number.",
    "21614": "This is not the number of a mobile phone.",
    "21617": "The text is longer than 1,600 characters.",
    "21620": "Twilio could not fetch a file of this message.",
    "21659": "The number is not one of the Twilio account.",
    "21660": "The number does not belong to this account SID.",
    "30001": "Too many texts waited at Twilio.",
    "30003": "The receiver's phone is off or out of reach.",
    "30004": "The receiver blocks texts of this number.",
    "30005": "The receiver's number is not in use any more.",
    "30006": "The receiver has a landline, or his carrier takes no texts.",
    "30007": "A carrier took the text for spam.",
    "30008": "A carrier did not deliver the text and did not say why.",
    "30034": "The number is not registered for texts to the USA (A2P 10DLC).",
    "63003": "WhatsApp does not know this number.",
    "63007": "The Twilio account has no WhatsApp sender of this number.",
    "63015": "The receiver has not joined the WhatsApp sandbox of this Twilio account.",
    "63016": "The customer last wrote more than 24 hours ago: WhatsApp then takes only approved templates.",
    "63018": "WhatsApp asks us to send more slowly.",
    "63019": "WhatsApp could not fetch a file of this message.",
    "63024": "WhatsApp does not send to this receiver.",
}
# What waiting may cure although the status says that the request was wrong.
WAITING = frozenset(("20429", "21611", "63018"))


class Twilio:
    """The provider."""

    # MMS carries up to ten, WhatsApp one.
    files: Mapping[str, int] = {"sms": MOST_MEDIA, "whatsapp": 1}

    def signed(self, number: Number, request: Request) -> bool:
        """By X-Twilio-Signature."""
        return twilio.is_signed(number.secret, request.headers, request.urls, request.body)

    def read(self, number: Number, body: bytes) -> Arrived | Reported | None:
        """A form with MessageStatus is about one of ours, any other one is a message."""
        given = dict(twilio.fields(body))
        if not twilio.SID.fullmatch(given.get("MessageSid", "")):
            raise ValueError("MessageSid is missing")
        if given.get("AccountSid") != number.settings.account_sid:
            raise ValueError("it is of another account at Twilio")
        return _reported(given) if given.get("MessageStatus") else _arrived(given)

    def answer(self) -> tuple[bytes, str]:
        """TwiML that says nothing: answers go by the API."""
        return twilio.NOTHING.encode(), twilio.XML

    def fetch(self, number: Number, media: Media) -> Call:
        """With the account's credentials where the file lies at Twilio, which may ask for them."""
        credentials = credentials_of(number)
        known = twilio.is_theirs(credentials, media.url)
        headers = {"Authorization": credentials.authorization} if known else {}
        return Call(method="GET", url=media.url, headers=headers)

    async def send(self, text: Text, allowed: Allowed) -> Taken:
        """Create a Message."""
        number, mark = text.number, PREFIX if text.number.channel == "whatsapp" else ""
        given = [("From", mark + number.address), ("To", mark + text.address)]
        given += [("Body", text.body)] if text.body else []
        given += [("MediaUrl", media.url) for media in text.media]
        given += [("StatusCallback", text.callback)] if text.callback else []
        try:
            reply = await twilio.ask(credentials_of(number), allowed, "POST", "Messages.json", given)
        except outgoing.Failed as failed:
            raise Refused(f"Twilio gave no answer: {failed}.", again=True) from None
        if not reply.good:
            raise _refused(reply)
        state = STATES.get(str(reply.data.get("status")), "queued")
        if state == "failed":
            code = str(reply.data.get("error_code") or "")
            raise Refused(said(code, str(reply.data.get("error_message") or "")), code=code)
        return Taken(str(reply.data.get("sid") or text.key)[:64], state)


def credentials_of(number: Number) -> Credentials:
    """What the API asks for."""
    return Credentials(number.settings.account_sid, number.secret, number.settings.api or twilio.API)


def said(code: str, theirs: str = "") -> str:
    """An error in words, with Twilio's number of it."""
    words = SAYINGS.get(code) or theirs or "Twilio could not deliver it."
    return f"{words} ({code})" if code else words


def _refused(reply: Reply) -> Refused:
    code = "" if reply.code is None else str(reply.code)
    return Refused(
        said(code, reply.said), again=reply.again or code in WAITING, stopped=code == UNSUBSCRIBED, code=code
    )


def _reported(given: Mapping[str, str]) -> Reported | None:
    state = STATES.get(given["MessageStatus"])
    if state is None:
        return None
    code = given.get("ErrorCode", "")[:16]
    told = said(code, given.get("ErrorMessage", "")[:500]) if state == "failed" else ""
    return Reported(
        id=given["MessageSid"], address=_address(given.get("To", "")), condition=state, code=code, said=told
    )


def _arrived(given: Mapping[str, str]) -> Arrived:
    count = given.get("NumMedia", "0")
    media = [
        Media(given[f"MediaUrl{at}"], given.get(f"MediaContentType{at}", ""))
        for at in range(min(int(count), MOST_MEDIA) if count.isdecimal() and len(count) < 4 else 0)
        if given.get(f"MediaUrl{at}")
    ]
    kept: dict[str, Any] = {
        name: given[name]
        for name in ("ProfileName", "WaId", "OriginalRepliedMessageSid", "ButtonPayload", "NumSegments")
        if given.get(name)
    }
    return Arrived(
        id=given["MessageSid"],
        address=_address(given.get("From", "")),
        to=_address(given.get("To", "")),
        text=given.get("Body", "") or _place(given),
        name=given.get("ProfileName", ""),
        media=media,
        word=given.get("OptOutType", "").upper(),
        extra=kept,
    )


def _place(given: Mapping[str, str]) -> str:
    """A place that somebody shared; it comes without words."""
    where = ", ".join(given[name] for name in ("Latitude", "Longitude") if given.get(name))
    return "\n".join(part for part in (given.get("Label", ""), given.get("Address", ""), where) if part)


def _address(given: str) -> str:
    """`whatsapp:+491701234567` without its mark."""
    return given.removeprefix(PREFIX).strip()[:64]
