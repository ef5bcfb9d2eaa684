"""Texts through any gateway that a shop bridges itself: JSON in and out, both signed alike (docs/concepts/sms.md)."""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from polus.base import clock, wire
from polus.base.outbound import Allowed
from polus.channels import outgoing
from polus.channels.http import requests
from polus.channels.outgoing import Answered, Call
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
    equal,
)

SIGNATURE = "X-Polus-Signature"
SIGNED = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
PATIENCE = 300  # seconds that a signature is good for
SECONDS = 15.0
MOST_ANSWER = 16 * 1024
MOST_MEDIA = 10
UNSUBSCRIBED = "unsubscribed"
AWAY = frozenset((408, 425, 429))


class _File(msgspec.Struct):
    url: str
    content_type: str = ""
    name: str = ""


class _Message(msgspec.Struct, tag_field="type", tag="message"):
    id: str
    from_: str = msgspec.field(name="from")
    to: str
    text: str = ""
    name: str = ""
    media: list[_File] = []
    sent_datetime: datetime | None = None


class _State(msgspec.Struct, tag_field="type", tag="state"):
    id: str
    state: Condition
    to: str = ""
    code: str = ""
    error: str = ""


class Http:
    """The provider."""

    files: Mapping[str, int] = {"sms": MOST_MEDIA, "whatsapp": MOST_MEDIA}

    def signed(self, number: Number, request: Request) -> bool:
        """By X-Polus-Signature, which names its moment: an old one is a replay."""
        match = SIGNED.fullmatch(request.headers.get(SIGNATURE.lower(), "").strip())
        if match is None or abs(int(match[1]) - clock.now().timestamp()) > PATIENCE:
            return False
        return equal(_signature(number, request.body, int(match[1])), match[0])

    def read(self, number: Number, body: bytes) -> Arrived | Reported | None:
        """One message or one state."""
        given = msgspec.json.decode(body, type=_Message | _State)
        if not 0 < len(given.id) <= 128:
            raise ValueError("id: 1 to 128 characters")
        if isinstance(given, _State):
            return Reported(
                id=given.id,
                address=given.to[:64],
                condition=given.state,
                code=given.code[:64],
                said=(given.error or "The provider could not deliver it.")[:500],
            )
        return Arrived(
            id=given.id,
            address=given.from_.strip()[:64],
            to=given.to.strip()[:64],
            text=given.text,
            name=given.name,
            media=[Media(one.url, one.content_type, one.name) for one in given.media[:MOST_MEDIA]],
            sent_datetime=_utc(given.sent_datetime),
        )

    def answer(self) -> tuple[bytes, str]:
        """That it is safe."""
        return b'{"accepted": true}', "application/json"

    def fetch(self, number: Number, media: Media) -> Call:
        """As anybody would."""
        return Call(method="GET", url=media.url)

    async def send(self, text: Text, allowed: Allowed) -> Taken:
        """Post one message to the shop's own address."""
        try:
            answered = await outgoing.send(_call(text), allowed, seconds=SECONDS, most=MOST_ANSWER)
        except outgoing.Failed as failed:
            raise Refused(f"The provider gave no answer: {failed}.", again=True) from None
        data = _data(answered)
        if not answered.good:
            code = str(data.get("code") or "")[:64]
            raise Refused(
                str(data.get("error") or f"The provider answered {answered.status}.")[:500],
                again=answered.status >= 500 or answered.status in AWAY,
                stopped=code == UNSUBSCRIBED,
                code=code,
            )
        state = data.get("state")
        return Taken(
            str(data.get("id") or text.key)[:128],
            "sent" if state in ("sent", "delivered", "read") else "queued",
        )


def _call(text: Text) -> Call:
    number = text.number
    told = {
        "type": "message",
        "key": text.key,
        "channel": number.channel,
        "from": number.address,
        "to": text.address,
        "text": text.body,
        "media": [msgspec.to_builtins(media) for media in text.media],
        "callback": text.callback,
    }
    body = wire.encode(told).encode()
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Idempotency-Key": str(uuid.uuid5(uuid.NAMESPACE_URL, text.key)),
    }
    headers[SIGNATURE] = _signature(number, body, int(clock.now().timestamp()))
    return Call(method="POST", url=number.settings.url, headers=headers, body=body)


def _signature(number: Number, body: bytes, moment: int) -> str:
    """As calls of HTTP integrations are signed."""
    return requests.signatures(number.secret, body, moment)["X-Polus-Signature"]


def _data(answered: Answered) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return data if isinstance(data, dict) else {}


def _utc(given: datetime | None) -> datetime | None:
    """What has no zone is UTC; the future is now."""
    if given is None:
        return None
    aware = given.replace(tzinfo=clock.now().tzinfo) if given.tzinfo is None else given
    return min(aware.astimezone(clock.now().tzinfo), clock.now())
