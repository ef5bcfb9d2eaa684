"""What can be wrong with a mail server, in plain words for those who set it up. What a server said itself is quoted.

A trouble is kept as its code and facts, so that it can be told in the reader's language.
"""

from collections.abc import Callable, Mapping
from typing import Any

from polus.base import text

MOST_SAID = 300

SENTENCES = {
    "host-invalid": "%(host)s is not the name of a server.",
    "host-unknown": "The name %(host)s is not known. Look for a typing error.",
    "host-private": "%(host)s is at a private address. If this is wanted, add it to POLUS_OUTBOUND_ALLOW.",
    "refused": "%(host)s is there, but nothing answers at port %(port)s: the connection was refused.",
    "unreachable": "%(host)s cannot be reached at port %(port)s.",
    "silent": "%(host)s did not answer at port %(port)s in time.",
    "tls-missing": "%(host)s does not speak TLS at port %(port)s. Choose STARTTLS, or the port for TLS.",
    "tls-needed": "%(host)s wants TLS at port %(port)s from the beginning. Choose TLS.",
    "starttls-missing": "%(host)s offers no STARTTLS at port %(port)s. Choose TLS, and the port for it.",
    "tls-failed": "No secure connection to %(host)s came about: %(said)s",
    "certificate": "The certificate of %(host)s is not valid: %(said)s",
    "unencrypted": "A password is not sent to %(host)s without encryption. Choose TLS or STARTTLS.",
    "secret-unreadable": "The password for %(host)s was stored with another secret key. Please enter it again.",
    "login-refused": "%(host)s refuses the login of %(username)s. It says: %(said)s",
    "login-unsupported": "%(host)s does not offer this way to log in.",
    "grant-refused": "%(host)s gives no access token: %(said)s",
    "grant-ended": "%(host)s takes the consent to this mailbox no more. Connect it again. It says: %(said)s",
    "grant-scope": "At %(host)s not all was allowed that mail needs. Connect again and leave every box ticked: %(said)s",
    "grant-brief": "%(host)s gives no refresh token, so the mailbox would be lost within the hour. For an own provider, ask for one by its scopes.",
    "consent-denied": "%(host)s says that you did not consent: %(said)s",
    "client-refused": "%(host)s does not accept the client ID and secret. Look at them under Providers. It says: %(said)s",
    "provider-silent": "The provider %(host)s could not be asked: %(said)s",
    "provider-odd": "The provider %(host)s is not what it should be: %(said)s",
    "not-registered": "The registration at this provider was removed or replaced. Look at it under Providers, then connect again.",
    "not-connected": "The mailbox is not connected to its provider any more. Press Connect.",
    "grant-silent": "%(host)s, which should give the access token, could not be asked: %(said)s",
    "folder-missing": "There is no folder %(folder)s. There are: %(folders)s",
    "folder-refused": "The folder %(folder)s cannot be opened. %(host)s says: %(said)s",
    "sender-refused": "The login works, but %(host)s does not send mails from %(address)s. It says: %(said)s",
    "recipient-refused": "The login works, but %(host)s takes no mail to %(address)s. It says: %(said)s",
    "hung-up": "%(host)s broke the connection off.",
    "odd": "%(host)s said something that was not expected: %(said)s",
}
# Trying again soon cures none of these, and many servers lock out whoever knocks too often.
LASTING = frozenset(
    "host-invalid host-private tls-missing tls-needed starttls-missing certificate unencrypted secret-unreadable"
    " login-refused login-unsupported folder-missing grant-refused grant-ended client-refused not-registered"
    " not-connected".split()
)


class Trouble(Exception):
    """Why a mail server cannot be used. `facts` fill the sentence; secrets are never among them."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = {name: quoted(value) for name, value in facts.items()}
        super().__init__(told(code, self.facts))

    @property
    def lasts(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.code in LASTING


def told(code: str, facts: Mapping[str, str], gettext: Callable[[str], str] = str) -> str:
    """The sentence."""
    return gettext(SENTENCES[code]) % facts


def quoted(said: Any) -> str:
    """What a server said, as text that can be stored and shown."""
    if isinstance(said, bytes):
        said = said.decode("utf-8", "replace")
    return text.one_line(str(said))[:MOST_SAID]
