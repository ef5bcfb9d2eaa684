"""What the provider is answered with: TwiML, made by ElementTree, which escapes all that people wrote. Pure."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from polus.base import text as texts

# A talk is cut off after so many seconds: the provider's own default, said so that it can be relied on.
LONGEST_TALK = 14_400
LONGEST_VOICEMAIL = 300
LANGUAGE = "en-US"
# The provider speaks no more than that at once.
LONGEST_TEXT = 3000


class Answer:
    """One `<Response>`, verb by verb, carried out in their order."""

    def __init__(self, language: str = LANGUAGE) -> None:
        self._root = Element("Response")
        self._language = language

    def say(self, text: str) -> "Answer":
        """Nothing for an empty text."""
        if text.strip():
            _say(self._root, text, self._language)
        return self

    def play(self, url: str) -> "Answer":
        SubElement(self._root, "Play").text = url
        return self

    def pause(self, seconds: int) -> "Answer":
        SubElement(self._root, "Pause", length=str(seconds))
        return self

    def redirect(self, url: str) -> "Answer":
        SubElement(self._root, "Redirect", method="POST").text = url
        return self

    def hang_up(self) -> "Answer":
        SubElement(self._root, "Hangup")
        return self

    def reject(self) -> "Answer":
        """Not even picked up."""
        SubElement(self._root, "Reject", reason="rejected")
        return self

    def ask_digit(self, text: str, action: str, seconds: int = 10) -> "Answer":
        """Say it until a key is pressed, which is told to `action`."""
        given = {"action": action, "method": "POST", "numDigits": "1", "timeout": str(seconds)}
        _say(SubElement(self._root, "Gather", given), text, self._language)
        return self

    def voicemail(self, action: str, recorded: str) -> "Answer":
        """A tone, then what is said is recorded; `recorded` is told when it can be fetched."""
        SubElement(
            self._root,
            "Record",
            {
                "action": action,
                "method": "POST",
                "maxLength": str(LONGEST_VOICEMAIL),
                "timeout": "10",
                "playBeep": "true",
                "finishOnKey": "#",
                "recordingStatusCallback": recorded,
                "recordingStatusCallbackMethod": "POST",
            },
        )
        return self

    def dial(
        self, number: str, action: str, attributes: Mapping[str, str], number_attributes: Mapping[str, str]
    ) -> "Answer":
        """Ring a telephone and join it to the call; `action` is told how it ended."""
        given = {
            "action": action,
            "method": "POST",
            "answerOnBridge": "true",
            "timeLimit": str(LONGEST_TALK),
            **attributes,
        }
        noun = SubElement(SubElement(self._root, "Dial", given), "Number", dict(number_attributes))
        noun.text = number
        return self

    def __str__(self) -> str:
        return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(self._root, encoding="unicode")


def _say(parent: Element, text: str, language: str) -> None:
    SubElement(parent, "Say", language=language).text = texts.clean(text)[:LONGEST_TEXT]


def recorded(url: str) -> dict[str, str]:
    """What lets a `<Dial>` record both sides from the moment they talk."""
    return {
        "record": "record-from-answer-dual",
        "recordingStatusCallback": url,
        "recordingStatusCallbackMethod": "POST",
        "recordingStatusCallbackEvent": "completed",
    }


def followed(url: str) -> dict[str, str]:
    """What lets a `<Number>` tell how its own leg of the call fares."""
    return {
        "statusCallback": url,
        "statusCallbackEvent": "initiated ringing answered completed",
        "statusCallbackMethod": "POST",
    }
