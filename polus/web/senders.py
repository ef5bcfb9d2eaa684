"""What speaks for the sender of a mail, in plain words: from `meta.authentication` of a message to sentences.

Pure. `meta` may come from anybody with an API key, so nothing about its shape is taken for granted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Gettext = Callable[[str], str]
UNKNOWN = ("temperror", "unchecked")


@dataclass(frozen=True, slots=True)
class Told:
    """`warning` is shown at once, "" without one; `facts` to those who look. `blotted`: a card number was taken out."""

    warning: str = ""
    blotted: bool = False
    facts: list[str] = field(default_factory=list)


def told(message: Mapping[str, Any], _: Gettext) -> Told:
    """The sentences about an incoming message; none for one that nobody checked."""
    meta = message.get("meta")
    found = meta.get("authentication") if isinstance(meta, Mapping) else None
    facts = [*_facts(found, _)] if isinstance(found, Mapping) and not message.get("from_agent") else []
    warning = ""
    if facts and isinstance(found, Mapping) and _of(found, "dmarc")[0] == "fail":
        warning = _("The sender may be forged: %(domain)s does not stand by this mail.") % {
            "domain": _of(found, "dmarc")[1]
        }
    if isinstance(meta, Mapping) and isinstance(meta.get("spam_header"), str):
        facts.append(
            _("A filter on the way calls it spam (%(header)s).") % {"header": meta["spam_header"][:80]}
        )
    blotted = isinstance(meta, Mapping) and meta.get("card_numbers_removed") is True
    return Told(warning, blotted, facts)


def _of(found: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Result and domain of one check."""
    one = found.get(name)
    if not isinstance(one, Mapping):
        return "", ""
    return str(one.get("result") or ""), str(one.get("domain") or "")[:253]


def _facts(found: Mapping[str, Any], _: Gettext) -> list[str]:
    facts = [_dmarc(*_of(found, "dmarc"), _), *_signatures(found, _), _spf(*_of(found, "spf"), _)]
    by = str(found.get("by") or "")
    if by and by != "polus":
        facts.append(_("Checked by %(server)s.") % {"server": by[:253]})
    return [fact for fact in facts if fact]


def _dmarc(result: str, domain: str, _: Gettext) -> str:
    sentence = {
        "pass": _("%(domain)s stands by this mail (DMARC)."),
        "fail": _("%(domain)s does not stand by this mail (DMARC)."),
        "none": _("%(domain)s does not say how its mails can be known (DMARC)."),
    }.get(result, _("Whether %(domain)s stands by this mail could not be checked (DMARC)."))
    return sentence % {"domain": domain} if domain else ""


def _signatures(found: Mapping[str, Any], _: Gettext) -> list[str]:
    given = found.get("dkim")
    ones = [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    if not ones:
        return [_("It is not signed (DKIM).")]
    said = []
    for one in ones[:5]:
        result = str(one.get("result") or "")
        sentence = {
            "pass": _("Signed by %(domain)s, unchanged since (DKIM)."),
            "fail": _(
                "The signature of %(domain)s does not fit: it was changed on the way, or forged (DKIM)."
            ),
        }.get(result, _("The signature of %(domain)s could not be checked (DKIM)."))
        said.append(sentence % {"domain": str(one.get("domain") or "?")[:253]})
    return said


def _spf(result: str, domain: str, _: Gettext) -> str:
    sentence = {
        "pass": _("The server that brought it may send for %(domain)s (SPF)."),
        "fail": _("The server that brought it may not send for %(domain)s (SPF)."),
        "softfail": _("The server that brought it should not send for %(domain)s (SPF)."),
        "none": _("%(domain)s does not say which servers may send for it (SPF)."),
        "neutral": _("%(domain)s says nothing about the server that brought it (SPF)."),
    }.get(result, _("Whether the server that brought it may send for %(domain)s could not be checked (SPF)."))
    return sentence % {"domain": domain} if domain else ""
