"""What went wrong outside, in the reader's language: our own sentences by the catalogue, the words of others quoted.

Channels write down why something failed when it fails, in English, because nobody is there then who reads it.
"""

import re
from collections.abc import Callable, Iterator

from polus.base import html
from polus.channels import outgoing
from polus.channels.chat import lines
from polus.channels.email import deliveries as mails
from polus.channels.email import relay, troubles
from polus.channels.http import dialling, requests
from polus.channels.http import lines as calls
from polus.channels.texts import by_twilio, providers
from polus.channels.texts import deliveries as texts
from polus.channels.voice import orders
from polus.reactions import deliver
from polus.web.places import N_

QUOTED = N_("“%(said)s”")
UNREACHED = N_("No connection came about: “%(said)s”")

WHOLE = frozenset(
    map(
        html.to_text,
        (
            *by_twilio.SAYINGS.values(),
            *(dialling.NO_ANSWER, dialling.CLOSED, dialling.NO_NAME),
            *(requests.TOO_LARGE, requests.TOO_LONG, calls.UNREADABLE),
            *(mails.TOO_LARGE, relay.NO_RELAY, deliver.NO_SENDER, deliver.NO_RECIPIENT),
            *(texts.NOBODY, texts.TOO_LONG, texts.EMPTY, providers.STOPPED, lines.NOBODY),
            *(orders.LATE, orders.UNKNOWN, orders.NO_PHONE, orders.GONE, orders.SEALED),
            N_("The account has no e-mail address to send from."),
            N_("The message is gone."),
            N_("The number that it would be sent from is not connected any more."),
            N_("The provider could not deliver it."),
            N_("The receiver's certificate is not valid."),
            N_("Twilio could not deliver it."),
        ),
    )
)
"""As the channels write them."""

WITH_WORDS = (
    mails.GONE + "%(said)s",
    orders.FAILED.replace("{said}", "%(said)s"),
    texts.TOO_LATE.replace("{said}", "%(said)s"),
    calls.BROKEN.replace("{kind}", "%(said)s"),
    N_("The answer was %(said)s."),
    N_("The connection failed: %(said)s."),
    N_("The mail came back from %(who)s. %(said)s"),
    N_("The provider answered %(said)s."),
    N_("The provider gave no answer: %(said)s."),
    N_("Twilio gave no answer: %(said)s."),
)
"""With words of others, or another sentence, in their gaps."""

INNER = frozenset(words for _, words in outgoing.WORDS)
"""Why a server gave no answer; stands within others."""

# Twilio's number of what went wrong stands behind our words.
NUMBERED = re.compile(r"(.+?)( \(\d{5}\))", re.DOTALL)
# How a server that could not be spoken with is written down.
LINE = re.compile(
    r"(?:SMTP\w*|ValueError|Timeout\w*|Connection\w*|OSError|gaierror|SSL\w*): (.+)",
    re.DOTALL,
)
# What the library for SMTP says in place of a server, which said nothing.
LIBRARY = (
    (re.compile(r"certificate|CERTIFICATE_VERIFY"), N_("The mail server's certificate is not valid.")),
    (
        re.compile(r"no encryption"),
        N_("The mail server offers no encryption, and the password is not sent without."),
    ),
    (re.compile(r"SMTPUTF8"), N_("The mail server does not take addresses with letters beyond ASCII.")),
    (
        re.compile(r"SMTP AUTH|auth", re.IGNORECASE),
        N_("The mail server does not offer a way to log in that is known here."),
    ),
    (re.compile(r"timed? ?out|Timeout", re.IGNORECASE), N_("The mail server did not answer in time.")),
    (
        re.compile(r"Errno -[235]\b|name resolution|not known|nodename"),
        N_("The mail server's name is not known."),
    ),
    (re.compile(r"Errno 111\b|refused|Connect call failed"), N_("The mail server lets nobody connect.")),
    (re.compile(r"SSL|TLS"), N_("No encrypted connection to the mail server can be made.")),
    (
        re.compile(r"Connection lost|Errno 104\b|closed|reset|Not connected|EOF", re.IGNORECASE),
        N_("The connection to the mail server broke off."),
    ),
)
# Named with its kind, or as it stands where the letter itself was not taken.
FROM_LIBRARY = re.compile(
    r"(?:SMTP\w*|Timeout\w*|Connection\w*|OSError|gaierror|SSL\w*|ValueError): .*|SMTPUTF8 .*", re.DOTALL
)
GAP = re.compile(r"%\\\((\w+)\\\)s")


def sentences() -> Iterator[str]:
    """Those of the channels, for the catalogues."""
    yield from sorted(WHOLE)
    yield from WITH_WORDS
    yield from sorted(INNER)
    yield from (words for _, words in LIBRARY)


SHAPES = {
    sentence: re.compile(GAP.sub(r"(?P<\1>.+?)", re.escape(sentence)), re.DOTALL)
    for sentence in (*WITH_WORDS, *troubles.SENTENCES.values())
}


def said(sentence: str, gettext: Callable[[str], str]) -> str:
    """The sentence for who reads it; what is none of ours stands in quotation marks."""
    if not sentence or sentence in WHOLE:
        return sentence and gettext(sentence)
    if found := NUMBERED.fullmatch(sentence):
        return said(found[1], gettext) + found[2]
    for shape, pattern in SHAPES.items():
        if found := pattern.fullmatch(sentence):
            words = found.groupdict()
            # Names and numbers stand as they are, one of our sentences within another does not.
            if words.get("said") in WHOLE | INNER:
                words["said"] = gettext(words["said"])
            return gettext(shape) % words
    if FROM_LIBRARY.fullmatch(sentence):
        for sign, ours in LIBRARY:
            if sign.search(sentence):
                return gettext(ours)
    found = LINE.fullmatch(sentence)
    return gettext(UNREACHED if found else QUOTED) % {"said": found[1] if found else sentence}
