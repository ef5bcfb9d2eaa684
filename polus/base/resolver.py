"""Questions to the DNS: answered in bounded time, remembered, never by more than a few threads at once.

What the answers mean is left to whoever asks. `Resolver` is safe to use from several threads.
"""

import threading
import time
from collections.abc import Sequence

import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
import dns.reversename

PATIENCE = 3.0  # seconds for one question
REMEMBERED = 5_000  # answers
LONGEST_TEXT = 4_096
"""Bytes of a TXT record that are read; the key of 4096 bits takes 740."""

MOST_RECORDS = 50
# So many questions in a row without an answer, and none is asked for so many seconds: a machine that is off-line takes
# its mails in as fast as before.
MOST_UNANSWERED = 5
REST = 30.0


class Unanswered(Exception):
    """The DNS could not say, now: off-line, too slow, or broken."""


class Resolver:
    """Asks `servers` ("192.0.2.1" or "192.0.2.1:5353"), else those of the machine."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = list(servers)
        self._made: dns.resolver.Resolver | None = None
        self._lock = threading.Lock()
        self._unanswered = 0
        self._resting = 0.0

    def texts(self, name: str, until: float | None = None) -> list[str]:
        """The TXT records, each in one piece. `until`: when, by `time.monotonic`, nobody waits any more."""
        found = self._ask(name, "TXT", until)
        joined = [b"".join(record.strings) for record in found]
        return [one.decode("latin-1") for one in joined if len(one) <= LONGEST_TEXT]

    def addresses(self, name: str, version: int, until: float | None = None) -> list[str]:
        """The addresses of IP version 4 or 6."""
        return [record.address for record in self._ask(name, "A" if version == 4 else "AAAA", until)]

    def mail_hosts(self, name: str, until: float | None = None) -> list[str]:
        """The hosts of the MX records, the preferred ones first."""
        found = sorted(self._ask(name, "MX", until), key=lambda record: record.preference)
        return [record.exchange.to_text(omit_final_dot=True) for record in found]

    def names_of(self, address: str, until: float | None = None) -> list[str]:
        """The names that an address says it has."""
        reverse = dns.reversename.from_address(address).to_text()
        return [record.target.to_text(omit_final_dot=True) for record in self._ask(reverse, "PTR", until)]

    def _ask(self, name: str, kind: str, until: float | None) -> list:  # type: ignore[type-arg]
        left = PATIENCE if until is None else min(PATIENCE, until - time.monotonic())
        if left <= 0 or time.monotonic() < self._resting:
            raise Unanswered(name)
        try:
            wanted = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError, ValueError):
            return []
        try:
            answer = self._resolver().resolve(
                wanted, kind, lifetime=left, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            self._unanswered = 0
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            # A broken zone of one sender is no sign of being off-line.
            if not isinstance(error, dns.resolver.NoNameservers):
                self._miss()
            raise Unanswered(name) from error
        self._unanswered = 0
        return [] if answer.rrset is None else list(answer.rrset)[:MOST_RECORDS]

    def _miss(self) -> None:
        self._unanswered += 1
        if self._unanswered >= MOST_UNANSWERED:
            self._unanswered, self._resting = 0, time.monotonic() + REST

    def _resolver(self) -> dns.resolver.Resolver:
        """Made at the first question: a machine without any DNS shall work, too."""
        with self._lock:
            if self._made is None:
                made = dns.resolver.Resolver(configure=not self._servers)
                if self._servers:
                    made.nameservers = [_server(one) for one in self._servers]
                made.cache = dns.resolver.LRUCache(REMEMBERED)
                self._made = made
            return self._made


def _server(given: str) -> dns.nameserver.Nameserver:
    host, colon, port = given.rpartition(":")
    if colon and ":" not in host:
        return dns.nameserver.Do53Nameserver(host, int(port))
    return dns.nameserver.Do53Nameserver(given)
