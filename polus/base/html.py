"""HTML from outside made safe to show, and HTML made from plain text.

nh3 decides what is safe; `markup.balance` runs before it, so that hostile nesting costs linear time. Turning HTML
into plain text is `plain`'s work, reachable here as `to_text`.
"""

import html as entities
import re
from collections.abc import Mapping

import nh3

from polus.base import markup, plain, text

MAX_LENGTH = 4_194_304
"""Characters of HTML that are read; the rest of a longer one is cut off before anything else."""

TAGS = frozenset(
    """a abbr address b big blockquote br caption center cite code col colgroup dd del details div dl dt em
    font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub summary sup
    table tbody td tfoot th thead tr tt u ul wbr""".split()
)

# No `position`, `z-index`, `content`, `cursor`, nor anything that can fetch: a mail must not draw over the
# workspace or call home.
CSS = frozenset(
    """background background-color border border-bottom border-bottom-color border-bottom-style
    border-bottom-width border-collapse border-color border-left border-left-color border-left-style
    border-left-width border-radius border-right border-right-color border-right-style border-right-width
    border-spacing border-style border-top border-top-color border-top-style border-top-width border-width
    box-sizing clear color direction display float font font-family font-size font-style font-variant font-weight
    height letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right margin-top
    max-height max-width min-height min-width opacity overflow overflow-wrap padding padding-bottom padding-left
    padding-right padding-top table-layout text-align text-decoration text-indent text-transform unicode-bidi
    vertical-align visibility white-space width word-break word-spacing word-wrap""".split()
)

_ANYWHERE = frozenset({"style", "dir", "lang", "title", "align"})
_MARKS = frozenset({"class", "id"})
"""What mail programs mark quotations and signatures with; `safe` drops it."""

_CELL = frozenset({"width", "height", "valign", "bgcolor", "colspan", "rowspan", "nowrap"})
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt", "width", "height", "border", "hspace", "vspace"}),
    "font": frozenset({"color", "face", "size"}),
    "table": frozenset({"width", "height", "bgcolor", "border", "cellpadding", "cellspacing"}),
    "td": _CELL,
    "th": _CELL,
    "tr": frozenset({"valign", "bgcolor", "height"}),
    "col": frozenset({"width", "span"}),
    "ol": frozenset({"start", "type"}),
    "ul": frozenset({"type"}),
    "li": frozenset({"value"}),
    "div": frozenset({"bgcolor"}),
    "hr": frozenset({"width", "size", "color", "noshade"}),
}

_MAX_STYLE = 2_000

# nh3 0.3.8 writes `&` and no-break spaces in quadratic time of the text, or attribute, that holds them: four megabytes
# of them took five minutes. So longer texts are parted while it works, and no attribute holds more of them.
_MOST_ESCAPED = 2_000
_PART = 4_096
_BETWEEN = "<wbr>"

_LINK = re.compile(r"(?:https?|mailto|tel|sms):", re.IGNORECASE)
_IMAGE = re.compile(r"https?://|cid:|data:image/(?:png|jpe?g|gif|webp|bmp);base64,", re.IGNORECASE)
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20]+")
# What may fetch (any function but colours and sums), hide something in an escape, or pull the mail over its neighbours.
_BAD_STYLE = re.compile(
    r"[\\@<]|/\*|(?<!rgb)(?<!rgba)(?<!hsl)(?<!hsla)(?<!calc)\(|margin[^:]*:[^;]*-\s*[\d.]", re.IGNORECASE
)


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The last word on one attribute: None drops it."""
    if _escapes(value) > _MOST_ESCAPED:
        return None
    if name == "href":
        return value if _LINK.match(_IGNORED_IN_URLS.sub("", value[:100])) else None
    if name == "src":
        return value if _IMAGE.match(value) else None
    if name == "style":
        kept = (_harmless(declaration) for declaration in value[:_MAX_STYLE].split(";"))
        return ";".join(filter(None, kept)) or None
    return value


def _harmless(declaration: str) -> str:
    """`color:red`, or nothing. Names in small letters: nh3 knows `COLOR` of old mail programs not."""
    name, _, value = declaration.partition(":")
    name = name.strip().lower()
    return f"{name}:{value.strip()}" if name in CSS and not _BAD_STYLE.search(f"{name}:{value}") else ""


_CLEANER = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags=set(markup.OPAQUE),
    attributes={"*": _ANYWHERE, **_ATTRIBUTES},
    attribute_filter=_attribute,
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto", "tel", "sms", "cid", "data"},
    filter_style_properties=CSS,
    url_relative="deny",
)


def sanitise(html: str) -> str:
    """Safe to put into a page; idempotent; linear time.

    Tables, pictures (`http`, `https`, `cid`, `data`), links (new window, no opener) and the CSS of `CSS` stay.
    Scripts, forms, frames, style sheets, event handlers, comments, classes and ids go.
    """
    return safe(nested(html))


def nested(html: str) -> str:
    """Well-nested HTML of bounded depth, still with classes and ids. It is NOT safe yet: `safe` makes it so."""
    return markup.balance(text.clean(html[:MAX_LENGTH]), _start_tag)


def safe(well_nested: str) -> str:
    """What `nested` made, sanitised."""
    return _cleaned(_CLEANER, well_nested).strip()


def _escapes(text: str) -> int:
    return text.count("&") + text.count("\u00a0")


def _cleaned(cleaner: nh3.Cleaner, html: str) -> str:
    """Sanitised in linear time. Where its texts had to be parted, it has lost its own `<wbr>`."""
    if _escapes(html) <= _MOST_ESCAPED:
        return cleaner.clean(html)
    first, *tags = html.split("<")
    parted = [_parted(first)]
    for piece in tags:
        tag, end, following = piece.partition(">")
        parted.append("<" + tag + end + _parted(following))
    return cleaner.clean("".join(parted)).replace(_BETWEEN, "")


def _parted(text: str) -> str:
    """A text between tags, with a tag after each part of it; no entity is cut."""
    parts, begin = [], 0
    while len(text) - begin > _PART:
        end = begin + _PART
        entity = text.rfind("&", end - 40, end)
        end = entity if entity > begin else end
        parts.append(text[begin:end])
        begin = end
    return _BETWEEN.join([*parts, text[begin:]])


def _start_tag(tag: markup.Tag) -> str | None:
    name = tag.name
    if name == "body":
        # The background and colours of a mail sit on its body, which cannot live inside a page.
        body = {key: _attribute("div", key, value) for key, value in tag.attributes().items()}
        kept_body = {key: body[key] for key in ("style", "bgcolor") if body.get(key)}
        return _written("div", kept_body) if kept_body else None
    if name not in TAGS or name == "colgroup":  # nh3 writes it anew around its columns
        return None
    if not tag.source:
        return f"<{name}>"
    allowed = _ATTRIBUTES.get(name, frozenset())
    kept = {}
    for key, given in tag.attributes().items():
        value = _attribute(name, key, given) if key in allowed or key in _ANYWHERE or key in _MARKS else None
        if value is not None:
            kept[key] = value
    return _written(name, kept)


def _written(name: str, attributes: Mapping[str, str | None]) -> str:
    return (
        "<"
        + name
        + "".join(f' {key}="{entities.escape(value or "")}"' for key, value in attributes.items())
        + ">"
    )


_WRITTEN = nh3.Cleaner(
    tags=set("a b blockquote br code div em i li ol p pre strong u ul wbr".split()),
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
)
_FORMAT = re.compile(r"<(?!/?(?:br|div|p)\b)[a-z]", re.IGNORECASE)


def written(html: str) -> str:
    """HTML that people write in the workspace: bold, italic, lists, links, quotes and no look of its own."""
    return _cleaned(_WRITTEN, nested(html)).replace(_BETWEEN, "")


def is_formatted(html: str) -> bool:
    """Whether HTML says more than its words and lines do."""
    return _FORMAT.search(html) is not None


def to_text(html: str) -> str:
    """Readable plain text: paragraphs, lists, links, quotes as `> `; linear time. Hidden parts are left out."""
    return plain.read(text.clean(html[:MAX_LENGTH]))


_ADDRESS = re.compile(
    r"""(?<![\w@/.+-])(?:(?P<url>(?:https?://|www\.)[^\s<>"']{3,2000})"""
    r"""|(?P<mail>[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}))""",
    re.IGNORECASE,
)
_SPACES = re.compile(r" (?= )|(?<=\n) |^ ")


def from_text(plain_text: str) -> str:
    """The text as HTML that `sanitise` leaves as it is: escaped, links made, line breaks and indents kept."""
    source = text.unix_lines(text.clean(plain_text[:MAX_LENGTH]))
    out: list[str] = []
    position = 0
    for match in _ADDRESS.finditer(source):
        shown = _without_sentence_end(match[0])
        out += [_escaped(source[position : match.start()]), _link(shown, is_mail=bool(match["mail"]))]
        position = match.start() + len(shown)
    out.append(_escaped(source[position:]))
    return _cleaned(_CLEANER, "".join(out))


def _without_sentence_end(address: str) -> str:
    shown = address.rstrip(".,;:!?…*_")
    surplus = shown.count(")") + shown.count("]") - shown.count("(") - shown.count("[")
    while surplus > 0 and shown.endswith((")", "]")):
        shown = shown[:-1].rstrip(".,;:!?")
        surplus -= 1
    return shown


def _link(shown: str, is_mail: bool) -> str:
    target = (
        "mailto:" + shown if is_mail else shown if shown.lower().startswith("http") else "http://" + shown
    )
    return f'<a href="{entities.escape(target)}">{entities.escape(shown, quote=False)}</a>'


def _escaped(piece: str) -> str:
    return _SPACES.sub("\u00a0", entities.escape(piece, quote=False)).replace("\n", "<br>")


def block_remote(html: str) -> tuple[str, int]:
    """Sanitised HTML with the `src` of remote pictures as `data-remote-src`, and how many these are.

    Showing a remote picture tells its sender that, when and where the mail was read.
    """
    out: list[str] = []
    position = blocked = 0
    for token in markup.tokens(html):
        if isinstance(token, str) or token.name != "img" or token.closing:
            continue
        attributes = token.attributes()
        if attributes.get("src", "").lower().startswith(("http:", "https:")):
            renamed = {"data-remote-src" if key == "src" else key: value for key, value in attributes.items()}
            out += [html[position : token.start], _written("img", renamed)]
            position = token.end
            blocked += 1
    return "".join(out) + html[position:], blocked
