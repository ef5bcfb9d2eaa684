"""DMARC: whether SPF or DKIM speak for the domain that people see as the sender, and what that domain asks for.

The organisation is found by walking the DNS tree (DMARCbis), which needs no list of public suffixes. Blocking.
"""

from collections.abc import Iterable

import msgspec

from polus.base.resolver import Resolver

MOST_STEPS = 8


class Policy(msgspec.Struct, frozen=True):
    """A DMARC record: where it stands, what it asks for (`none`, `quarantine`, `reject`), how strict it aligns."""

    at: str
    asks: str
    strict_dkim: bool
    strict_spf: bool


class Judged(msgspec.Struct, frozen=True):
    """`result`: pass, fail, or none when the domain says nothing. `asks`: what is to be done with what fails."""

    result: str
    domain: str
    asks: str = ""


def judge(
    resolver: Resolver, author: str, spf_domain: str, dkim_domains: Iterable[str], until: float
) -> Judged:
    """`author`: the domain in From. The others are those that passed, "" for none. Raises Unanswered."""
    author = author.lower().rstrip(".")
    policy = _policy(resolver, author, until)
    if policy is None:
        return Judged("none", author)
    organisation = _organisation(resolver, author, until)

    def speaks(domain: str, strict: bool) -> bool:
        domain = domain.lower().rstrip(".")
        if not domain or strict:
            return domain == author
        return domain == author or _organisation(resolver, domain, until) == organisation

    passes = speaks(spf_domain, policy.strict_spf) or any(
        speaks(domain, policy.strict_dkim) for domain in dkim_domains
    )
    return Judged("pass" if passes else "fail", author, policy.asks)


def _walk(domain: str) -> list[str]:
    """The domain and those above it; of a very deep one the middle is left out."""
    labels = domain.split(".")
    places = [".".join(labels[at:]) for at in range(len(labels))]
    return places if len(places) <= MOST_STEPS else [places[0], *places[-(MOST_STEPS - 1) :]]


def _record(resolver: Resolver, domain: str, until: float) -> dict[str, str] | None:
    found = [
        text
        for text in resolver.texts("_dmarc." + domain, until)
        if text.replace(" ", "").lower().startswith("v=dmarc1")
    ]
    if len(found) != 1:
        return None
    pairs = (part.partition("=") for part in found[0].split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}


def _policy(resolver: Resolver, author: str, until: float) -> Policy | None:
    for place in _walk(author):
        record = _record(resolver, place, until)
        if record is not None:
            own = record.get("p", "none")
            asks = own if place == author else record.get("sp", own)
            return Policy(place, asks, record.get("adkim") == "s", record.get("aspf") == "s")
    return None


def _organisation(resolver: Resolver, domain: str, until: float) -> str:
    """The domain that answers for this one: where the record is that is nearest to the root, below a public suffix."""
    best = domain
    for place in _walk(domain):
        record = _record(resolver, place, until)
        if record is None:
            continue
        if record.get("psd") == "n":
            return place
        if record.get("psd") == "y":
            at = len(domain.split(".")) - len(place.split(".")) - 1
            return domain if at < 0 else ".".join(domain.split(".")[at:])
        best = place
    return best
