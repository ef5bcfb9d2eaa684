"""Delivery failures told by mail: RFC 3464 reports, and the free texts of servers that never heard of it."""

import re

import msgspec

from polus.channels.email import addresses, headers, mime
from polus.channels.email.mails import Attachment, Mail

MAX_RECIPIENTS = 100
_READ = 65_536
"""Characters of a free text that are looked at."""


class Recipient(msgspec.Struct, frozen=True):
    """Whom it could not reach. `action`: `failed`, `delayed`, or a success word of RFC 3464. `status`: `5.1.1` or empty."""

    address: str
    action: str = "failed"
    status: str = ""
    diagnostic: str = ""

    @property
    def permanent(self) -> bool:
        """Trying again is pointless. A final failure without a code counts as such."""
        return self.action == "failed" and not self.status.startswith("4")


class Bounce(msgspec.Struct, frozen=True):
    """What became of a mail of ours. `message_id`: the mail that came back, None when the report does not say."""

    message_id: str | None
    recipients: tuple[Recipient, ...]

    @property
    def delayed(self) -> bool:
        """Nothing failed yet: the server goes on trying."""
        return bool(self.recipients) and all(one.action == "delayed" for one in self.recipients)

    @property
    def permanent(self) -> bool:
        return any(one.permanent for one in self.recipients)

    @property
    def status(self) -> str:
        return next((one.status for one in self._failed_first() if one.status), "")

    @property
    def diagnostic(self) -> str:
        return next((one.diagnostic for one in self._failed_first() if one.diagnostic), "")

    @property
    def delivered(self) -> bool:
        """It is a receipt, not a failure."""
        return bool(self.recipients) and all(one.action in _SUCCESS for one in self.recipients)

    def _failed_first(self) -> list[Recipient]:
        return sorted(self.recipients, key=lambda one: one.action != "failed")


_SUCCESS = frozenset({"delivered", "relayed", "expanded"})
_ACTIONS = _SUCCESS | {"failed", "delayed"}
_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset(
    {
        "message/rfc822",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global",
        "message/global-headers",
    }
)

_DAEMON = re.compile(
    r"(?:mailer[-_.]?daemon|post[-_.]?master|mail[-_.]?daemon|mailerdaemon|mdaemon|mail[-_.]?delivery)",
    re.I,
)
_SUBJECT = re.compile(
    r"""undeliver|unzustellbar|delivery\s(?:status|failure|report|problem|notification|has\sfailed|error|unsuccessful)
    |returned\s(?:mail|message|to\ssender)|mail\s(?:delivery|error|returned|system\serror)|failure\snotice|failed\smail
    |non[-\s]?d[ée]liv|non\sremis|no\sse\s(?:pudo|puede)\sentregar|não\sentreg|mancata\sconsegna|onbestelbaar
    |niedostarcz|недоставл|не\sдоставлено|could\snot\s(?:be\sdelivered|send)|unable\sto\sdeliver|can(?:'t|not)\sdeliver
    |user\sunknown|unknown\s(?:user|recipient)|nondeliverable|message\sstatus|rejected|delayed|warning:|returning\smessage
    |退信|系统退信|配信不能|投递失败""",
    re.IGNORECASE | re.VERBOSE,
)
_FAILURE = re.compile(
    r"""undeliver|could\s?(?:n't|\snot)\sbe\s(?:delivered|sent|completed)|(?:was|were|been)\snot\s(?:been\s)?deliver
    |(?:delivery|message)\s(?:to\sthe\sfollowing\s.{0,40})?(?:has\s|have\s)?fail|fail(?:ed|ure)\s.{0,40}(?:deliver|recipient|address)
    |(?:unknown|invalid|no\ssuch|nonexist\w+|bad|illegal|disabled|inactive)\s(?:\w+\s){0,2}(?:user|recipient|address|mailbox|account|host|alias)
    |(?:user|recipient|address|mailbox|account|host)(?:'s)?\s.{0,60}(?:unknown|not\s(?:found|exist|known|listed|available|valid|active)|does(?:n't|\snot)\sexist|invalid
    |disabled|rejected|full|inactive|discontinued|suspended|no\slonger|is\sover|quota|unavailable)|(?:permanent|fatal)\s(?:\w+\s){0,2}error|no\smailbox|not\s(?:yet\s)?(?:been\s)?delivered|been\s(?:postponed|delayed)|was\saborted|无法.{0,8}送|失败|退信
    |unable\sto\s(?:deliver|relay)|not\sable\sto\sdeliver|wasn't\sable\sto\sdeliver|couldn't\sdeliver|cannot\s(?:be\s)?deliver|can't\sdeliver
    |delivery\s(?:error|problem|attempt|is\sdelayed)|returned\s(?:to\ssender|mail|message)|over\s(?:quota|its\sdisk)|quota\sexceeded|exceeded\s.{0,30}quota
    |fatal\serrors|unrecoverable|non-?existent|mailbox\s.{0,30}full|relaying\sdenied|550\s|554\s|keep\strying|nicht\szugestellt|no\sse\spudo|did\snot\sreach""",
    re.IGNORECASE | re.VERBOSE,
)
_DELAY = re.compile(
    r"""delayed|will\s(?:keep|continue\sto)?\s?try(?:ing)?\s|keep\strying|not\syet\sbeen\sdelivered|attempts\swill\s(?:continue|be)|been\spostponed|continue\sto\s(?:try|attempt)|still\s(?:trying|being\sretried|in\sthe\squeue)
    |this\sis\sa\swarning|could\snot\ssend\s.{0,30}for\s(?:the\s)?past|not\sbeen\sdelivered\s(?:yet|for)|will\sbe\sretried|no\saction\sis\srequired""",
    re.IGNORECASE | re.VERBOSE,
)
_FINAL = re.compile(
    r"giving\sup|given\sup|permanent|fatal|could\snot\sbe\sdelivered\sfor\s.{0,20}returned|undeliverable",
    re.I,
)
_RETURNED_START = re.compile(
    r"""^[->\s*=_.]{0,40}(?:(?:the\s)?header\sof\sthe\soriginal|below\sthis\sline\sis|this\sis\sa\scopy|(?:start\sof\s)?(?:the\s)?(?:original|returned|unsent|undelivered)\s(?:message|mail|text)(?!\s+(?:was|to|could|has|is|from)\b)
    |message\s(?:follows|header|contents|text)|(?:begin\s)?(?:original|returned)\s.{0,20}(?:message|header)|a\scopy\sof|unsent\smessage|received:\s|return-path:\s)""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IGNORED_LINE = re.compile(
    r"^\W{0,3}(?:message-id|from|sender|reply-to|received|date|references|in-reply-to|x-[\w-]{1,40})\s?:",
    re.I,
)
_REPEATED_LINE = re.compile(r"^\W{0,6}(?:to|cc)\s?:", re.I)
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45])\d\d(?=[-\s#]|$)")
_ID_LINE = re.compile(
    r"^[\s>]{0,10}message-id\s{0,3}:\s{0,80}(<[^<>\s]{3,900}>)", re.IGNORECASE | re.MULTILINE
)


def find(mail: Mail) -> Bounce | None:
    """What the mail reports; None when it is no report. Success reports are found too (`delivered`)."""
    recipients = [
        one for file in mail.attachments if file.content_type in _REPORTS for one in _reported(file)
    ]
    if not recipients and _is_told(mail):
        recipients = _told(mail)
    if not recipients and not any(file.content_type in _REPORTS for file in mail.attachments):
        return None
    return Bounce(
        _returned_id(mail), tuple({one.address.lower(): one for one in recipients[:MAX_RECIPIENTS]}.values())
    )


def _reported(file: Attachment) -> list[Recipient]:
    """The recipients of a machine-readable report; some senders leave blank lines inside a recipient's fields."""
    found: list[dict[str, str]] = [{}]
    for block in re.split(rb"\r?\n[ \t]*\r?\n", file.content[:_READ]):
        fields, _ = headers.split(block.strip() + b"\n")
        for name, value in fields:
            key = name.lower()
            if key in ("final-recipient", "original-recipient") and key in found[-1]:
                found.append({})
            found[-1].setdefault(key, headers.decode(value))
        if "final-recipient" in found[-1] or "original-recipient" in found[-1]:
            found.append({})
    return [one for fields in found if (one := _recipient(fields))]


def _recipient(fields: dict[str, str]) -> Recipient | None:
    # The original address is what we wrote to; the final one may be behind a forwarding.
    named = fields.get("original-recipient") or fields.get("final-recipient") or ""
    address = _typed(named) or _typed(fields.get("final-recipient", ""))
    diagnostic = fields.get("diagnostic-code", "").partition(";")[2].strip() or fields.get(
        "diagnostic-code", ""
    )
    status = _STATUS.search(fields.get("status", "")) or _STATUS.search(diagnostic)
    action = (
        fields.get("action", "").split()[0].lower().strip(";.")
        if fields.get("action", "").strip()
        else "failed"
    )
    if not address or not {"action", "status", "diagnostic-code"} & set(fields):
        return None
    return Recipient(
        address, action if action in _ACTIONS else "failed", status[1] if status else "", diagnostic[:1_000]
    )


def _typed(value: str) -> str:
    """The address in `rfc822; <jo@x.example>`."""
    found = addresses.read(value.rpartition(";")[2])
    return found[0].address if found else ""


def _is_told(mail: Mail) -> bool:
    """Whether a mail without a report reads like a bounce: written by a machine, about a failure."""
    if mail.header("x-failed-recipients"):
        return True
    author = mail.from_.key if mail.from_ else ""
    is_daemon = bool(_DAEMON.match(author))
    is_machine = (
        not author or mail.header("return-path").strip() == "<>" or mail.content_type == "multipart/report"
    )
    # A subject proves nothing by itself: customers of shops write about failed deliveries all day.
    if not is_daemon and not (is_machine and _SUBJECT.search(mail.subject)):
        return False
    return bool(_FAILURE.search(mail.body_text[:_READ]))


def _told(mail: Mail) -> list[Recipient]:
    words = mail.body_text[:_READ]
    end = _RETURNED_START.search(words, 60)
    explanation = words[: end.start()] if end else words
    listed = [one.address for one in addresses.read(mail.header("x-failed-recipients").replace("\n", ","))]
    found = listed or _failed_addresses(explanation, mail)
    action = (
        "delayed"
        if _DELAY.search(explanation + mail.subject) and not _FINAL.search(explanation)
        else "failed"
    )
    return [Recipient(one, action, *_reason(explanation, one)) for one in found[:MAX_RECIPIENTS]]


def _failed_addresses(explanation: str, mail: Mail) -> list[str]:
    """The addresses that a text complains about: not those of its own header, of us, or of another daemon."""
    involved = {one.key for one in (*mail.to, *mail.cc, *mail.delivered_to)} | {
        mail.from_.key if mail.from_ else ""
    }
    lines = [line[:1_000] for line in explanation.split("\n") if not _IGNORED_LINE.match(line)]
    # Exchange first repeats "To:" and "Cc:" of the mail, and only then says who did not get it.
    for chosen in ([line for line in lines if not _REPEATED_LINE.match(line)], lines):
        found: dict[str, str] = {}
        for one in (one for line in chosen for one in _ADDRESS.findall(line)):
            address = one.rpartition("=")[2].strip("'`.*/")
            if address.lower() not in involved and not _DAEMON.match(address):
                found.setdefault(address.lower(), address)
        if found:
            return list(found.values())
    return []


def _reason(explanation: str, address: str) -> tuple[str, str]:
    """Status and diagnostic: from the lines behind the address, else from anywhere."""
    place = explanation.find(address)
    behind = explanation[place + len(address) : place + 1_000] if place >= 0 else ""
    for words in (behind, explanation):
        status = _STATUS.search(words)
        code = _CODE.search(words)
        if status or code:
            line = next((one for one in words.split("\n") if _STATUS.search(one) or _CODE.search(one)), "")
            return (status[1] if status else f"{code[1]}.0.0" if code else ""), line.strip(" <>:")[:1_000]
    first = next((line.strip(" <>:()") for line in behind.split("\n") if len(line.strip(" <>:()")) > 3), "")
    return "", first[:1_000]


def _returned_id(mail: Mail) -> str | None:
    for file in mail.attachments:
        if file.content_type in _RETURNED and (
            found := headers.ids(mime.split(file.content).field("message-id"))
        ):
            return found[0]
    quoted = _ID_LINE.search(mail.body_text[:1_048_576])
    if quoted:
        return quoted[1]
    return mail.in_reply_to or (mail.references[-1] if mail.references else None)
