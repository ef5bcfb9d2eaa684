"""Turns facts into pages: the Jinja environments, their filters, and what a page knows about who looks at it.

Knows nothing of the database; facts come in the wire's shape, as the REST API answers them.
"""

import gettext
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from polus.web import assets, channel_names, failures, places, tables

HOME = Path(__file__).parent
LOCALES = HOME / "locales"
LANGUAGES = ("en", *sorted(path.name for path in LOCALES.iterdir() if path.is_dir()))
"""The languages of the interface."""

SHOWN_TEXT = 20_000
"""Characters of one message shown in the thread; the whole is one click away."""

TURNING = frozenset(
    (
        "arrow-left", "arrow-right", "chevron-left", "chevron-right", "external-link", "forward", "list", "list-filter", "log-in",
        "log-out", "panel-right", "reply", "reply-all", "send", "undo-2",
    )
)  # fmt: skip
CHANNEL_ICONS = {
    "api": "code",
    "chat": "message-circle",
    "contact_form": "globe",
    "email": "mail",
    "help-center": "book-open",
    "internal-note": "sticky-note",
    "phone": "phone",
    "sms": "message-square",
    "whatsapp": "message-circle",
}
LINK = re.compile(r"""https?://[^\s<>"']+|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}""")
TAG = re.compile(r"<[^<>]*>")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Here:
    """Who looks, from where: handed to every template as `here`."""

    user: Wire
    account: Wire
    csrf: str
    now: datetime
    zone: ZoneInfo
    language: str = "en"
    theme: str = "system"
    rights: frozenset[str] = field(default_factory=frozenset)
    view: str = "open"
    """Key of the view the page belongs to; forms send it back so that the agent stays there."""
    beside: list[tuple[str, str]] = field(default_factory=list)
    """Name and address of the other helpdesks that the browser has logged in to."""

    @property
    def direction(self) -> str:
        """Which way the language is written: `ltr` or `rtl`."""
        return Locale.parse(self.language).text_direction


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The texts of a language, compiled when it is first asked for; English stands in the source and needs none."""
    path = LOCALES / language / "LC_MESSAGES" / "polus.po"
    if language not in LANGUAGES or not path.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def environment(language: str) -> Environment:
    """One environment per language: macros are compiled once with the catalogue of that language."""
    made = Environment(
        loader=FileSystemLoader(HOME / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
        auto_reload=False,
    )
    made.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"asset": assets.url, "icon": icon, "places": places.PLACES}
    made.filters |= FILTERS
    return made


def prepare(bytecode: Path | None = None) -> None:
    """Compile all templates now, 0.3 s, or take what an earlier start left in that folder: nobody waits later."""
    if bytecode is not None:
        bytecode.mkdir(mode=0o700, parents=True, exist_ok=True)
    for language in LANGUAGES:
        made = environment(language)
        if bytecode is not None:
            made.bytecode_cache = FileSystemBytecodeCache(str(bytecode))
        for name in made.list_templates():
            made.get_template(name)


def text(template: str, here: Here, **facts: Any) -> str:
    return environment(here.language).get_template(template).render(here=here, **facts)


@lru_cache(1024)
def icon(name: str, look: str = "") -> Markup:
    """A drawing from the sprite; it says nothing to screen readers, so a word stands beside it or in a label.

    What points along the line of reading is mirrored where that goes from right to left.
    """
    look = (look + " turns").lstrip() if name in TURNING else look
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        look, assets.url("icons.svg"), name
    )


# Times


def moment(value: str) -> datetime:
    """A wire datetime; without an offset it is UTC."""
    read = datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def ago(value: str | None, here: Here) -> Markup:
    """Short distance (`now`, `5m`, `3h`, `Tue`, `12 Mar`) with the full local time on hover."""
    if not value:
        return Markup()
    at = moment(value)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), long_time(at, here), distance(at, here)
    )


def distance(at: datetime, here: Here) -> str:
    seconds = (here.now - at).total_seconds()
    _ = catalogue(here.language).gettext
    if 0 <= seconds < 60:
        return _("now")
    if 0 <= seconds < 3600:
        return _("%(n)sm") % {"n": int(seconds // 60)}
    if 0 <= seconds < 86400:
        return _("%(n)sh") % {"n": int(seconds // 3600)}
    return day(at.astimezone(here.zone), here)


def day(local: datetime, here: Here) -> str:
    today = here.now.astimezone(here.zone).date()
    away = today - local.date()
    if timedelta(0) <= away < timedelta(days=7):
        return format_date(local, "EEE", here.language)
    return format_date(local, "d MMM" if local.year == today.year else "d MMM y", here.language)


def until(value: str, here: Here) -> Markup:
    """A time to come, exact to the minute: `17:30` today, `Tue 09:00` this week, else with the date."""
    at = moment(value)
    local = at.astimezone(here.zone)
    away = (local.date() - here.now.astimezone(here.zone).date()).days
    hour = format_time(local, "short", locale=here.language)
    if away == 0:
        said = hour
    elif 0 < away < 7:
        said = f"{format_date(local, 'EEE', here.language)} {hour}"
    else:
        said = f"{format_date(local, 'd MMM', here.language)} {hour}"
    return Markup('<time datetime="{}" title="{}" data-exact>{}</time>').format(
        at.isoformat(), long_time(at, here), said
    )


def long_time(at: datetime, here: Here) -> str:
    return whole_time(at, here.zone, here.language)


@lru_cache(8192)
def whole_time(at: datetime, zone: ZoneInfo, language: str) -> str:
    return format_datetime(at.astimezone(zone), "medium", locale=language)


def local_input(value: datetime, here: Here) -> str:
    """What `<input type=datetime-local>` wants: local, to the minute."""
    return value.astimezone(here.zone).strftime("%Y-%m-%dT%H:%M")


def bucket(begin: str, step: str, here: Here) -> str:
    """The name of a bucket of a chart: a day, or an hour of one; as `date` with its year."""
    local = datetime.fromisoformat(begin)
    said = format_date(local, "d MMM y" if step == "date" else "d MMM", here.language)
    return said + " " + format_time(local, "HH:mm", locale=here.language) if step == "hour" else said


def measured(value: float | None, kind: str, here: Here) -> str:
    """A figure of the statistics: seconds as hours and minutes, shares with their sign, nothing as a dash."""
    if value is None:
        return "–"
    if kind == "duration":
        return lasting(value)
    shown = format_decimal(value, locale=here.language)
    return shown + " %" if kind == "percent" else shown


def lasting(seconds: float) -> str:
    """`45s`, `12m`, `3h 05m`, `4d 02h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, hours = round(whole / 60), whole // 3600
    if minutes < 60:
        return f"{minutes}m"
    if hours < 48:
        return f"{hours}h {whole % 3600 // 60:02}m"
    return f"{hours // 24}d {hours % 24:02}h"


# Words


def called(person: Wire | None) -> str:
    """A name to show: name, else address, else nothing."""
    return (person or {}).get("name") or (person or {}).get("email") or ""


def apart(words: str) -> str:
    """Words of somebody else within a sentence: their direction, and marks that would turn it, end with them."""
    return f"\N{FIRST STRONG ISOLATE}{words}\N{POP DIRECTIONAL ISOLATE}"


def initials(name: str) -> str:
    words = [word for word in re.split(r"[\s@._-]+", name) if word[:1].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


def plain(html: str) -> str:
    """HTML from outside as one line of words; shown escaped like every other text."""
    return " ".join(unescape(TAG.sub(" ", html)).split())


def failure(sentence: str | None, here: Here) -> str:
    return failures.said(sentence or "", catalogue(here.language).gettext)


def linked(words: str) -> Markup:
    """Text with its web and mail addresses as links, everything else escaped."""
    made, end = [], 0
    for found in LINK.finditer(words):
        address = found[0].rstrip(".,;:!?)]}'\"")
        made += [escape(words[end : found.start()]), anchor(address)]
        end = found.start() + len(address)
    return Markup().join([*made, escape(words[end:])])


def marked(words: str | None, asked: str) -> Markup:
    """Text with the words that were asked for marked, everything else escaped."""
    parts = [re.escape(part) for part in re.split(r"[\s\"#-]+", asked) if len(part) > 1 or part.isdecimal()]
    if not words or not parts:
        return escape(words or "")
    made, end = [], 0
    for found in re.finditer("|".join(parts[:10]), words, re.IGNORECASE):
        made += [escape(words[end : found.start()]), Markup("<mark>{}</mark>").format(found[0])]
        end = found.end()
    return Markup().join([*made, escape(words[end:])])


def anchor(address: str) -> Markup:
    target = address if address.startswith("http") else f"mailto:{address}"
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(
        target, address
    )


def size(count: int | None) -> str:
    if count is None:
        return ""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def played(seconds: int) -> str:
    """The length of a call or recording, `2:05`."""
    return f"{seconds // 60}:{seconds % 60:02}"


def number(count: int, here: Here) -> str:
    return format_decimal(count, locale=here.language)


def decimal(value: float, here: Here) -> str:
    """A number of somebody else's, with its fraction."""
    return format_decimal(value, locale=here.language)


def money(node: Any, here: Here) -> str:
    """An amount with its currency, when that is known."""
    if not node.currency:
        return format_decimal(node.value, format="#,##0.00", locale=here.language)
    return format_currency(node.value, node.currency, locale=here.language)


def exact(value: str, here: Here) -> Markup:
    """A day and hour in the reader's zone."""
    at = moment(value)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), long_time(at, here))


def colour(decoration: Wire | None) -> str:
    """The colour of a tag when it is one (`#rrggbb`), else nothing: it is written into an attribute."""
    given = str((decoration or {}).get("color") or "")
    return given if COLOUR.fullmatch(given) else ""


def file_address(attachment: Wire) -> str:
    """Where a file may be opened: web addresses and our own paths; anything else (`javascript:`) leads nowhere."""
    address = str(attachment.get("url") or "")
    safe = address.startswith(("https://", "http://")) or (address[:1] == "/" and address[1:2] not in "/\\")
    return address if safe else "#"


def language_name(code: str, here: Here) -> str:
    try:
        return Locale.parse(code, sep="-").get_display_name(here.language) or code
    except (UnknownLocaleError, ValueError):
        return code


def own_name(code: str) -> str:
    """A language in itself: `français`."""
    return Locale.parse(code).get_display_name(code) or code


def clock_in(zone: str, here: Here) -> str:
    """What time it is there; nothing for a zone nobody knows."""
    try:
        return format_time(here.now.astimezone(ZoneInfo(zone)), "short", locale=here.language)
    except (ZoneInfoNotFoundError, ValueError):
        return ""


def channel_icon(channel: str | None) -> str:
    return CHANNEL_ICONS.get(channel or "", "share-2")


FILTERS = {
    "ago": ago,
    "until": until,
    "local_input": local_input,
    "called": called,
    "apart": apart,
    "initials": initials,
    "plain": plain,
    "failure": failure,
    "linked": linked,
    "marked": marked,
    "size": size,
    "played": played,
    "number": number,
    "decimal": decimal,
    "money": money,
    "exact": exact,
    "measured": measured,
    "colour": colour,
    "channel_icon": channel_icon,
    "channel_name": channel_names.name,
    "file_address": file_address,
    "language_name": language_name,
    "clock_in": clock_in,
    "headed": tables.headed,
}

NOBODY = Here({}, {"domain": ""}, "", datetime.fromtimestamp(0, UTC), ZoneInfo("UTC"))
"""For pages that are shown when it is not known to whom."""
