"""Card numbers in texts: found by issuer's prefix, length and check digit, and blotted out but for the last four digits.

Pure. What merely passes the check digit (one number in ten does) is left alone: prefixes nobody issues, barcodes, order
and telephone numbers. Where the account wants it is for the callers to know.
"""

import bisect
import re
from collections.abc import Iterator

MARK = "*"
KEPT = 4
SHORTEST, LONGEST = 13, 19
"""Digits of a card number (ISO/IEC 7812)."""

# The first digits that issuers use, from and to, and the lengths of their numbers.
_ISSUERS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("3095", "3095", (14, 16)),
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("6011", "6011", (16, 17, 18, 19)),  # Discover
    ("644", "649", (16, 17, 18, 19)),
    ("65", "65", (16, 17, 18, 19)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("5018", "5018", (16, 18, 19)),  # Maestro and the debit cards of countries
    ("5019", "5020", (16, 18, 19)),
    ("5038", "5038", (16, 18, 19)),
    ("5893", "5893", (16, 18, 19)),
    ("6304", "6304", (16, 18, 19)),
    ("6759", "6763", (16, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("508", "508", (16,)),  # RuPay
    ("60", "60", (16,)),
    ("81", "82", (16,)),
    ("636", "636", (16, 17, 18, 19)),  # InterPayment
    ("9792", "9792", (16,)),  # Troy
)
# By first digit: the prefixes that begin with it.
_BY_DIGIT = {digit: [row for row in _ISSUERS if row[0][0] <= digit <= row[1][0]] for digit in "0123456789"}
# Barcodes and the numbers of orders have so many digits, and cards of that length are gone but for a few.
_DOUBTFUL = frozenset((13, 14, 17, 18))

_BETWEEN = "[ \t\xa0\u2000-\u200b\u202f\u2010-\u2015\u2212.\\-]"
_CHAIN = re.compile(
    rf"(?<![0-9])[0-9](?:{_BETWEEN}{{0,3}}+[0-9]){{{SHORTEST - 1},}}+(?![0-9])", re.ASCII | re.DOTALL
)
_GROUP = re.compile("[0-9]+", re.ASCII)
_GLUED = re.compile(r"[A-Za-z_][-_.]?\Z", re.ASCII)

_FOR = re.compile(
    r"""\bcards?\b|credit|debit|\bvisa\b|master\s?card|maestro|amex|american\sexpress|diners|discover\b|\bjcb\b|unionpay
    |karte|carte\b|\bcb\b|tarjeta|cart[aã]o|\bcarta\b|kaart|\bkort|karta|карт|кредит|\bcv[vc]2?\b|\bcsc\b|\bpan\b|expir|\bexp\b|g[uü]ltig
    |卡|カード|카드""",
    re.IGNORECASE | re.VERBOSE,
)
_AGAINST = re.compile(
    r"""(?:order|bestell\w*|auftrag\w*|commande|pedido|ordine|ordre|zamówieni\w*|tracking|track|sendung\w*|parcel|paket\w*|colis|suivi|shipment
    |invoice|rechnung\w*|facture|factura|fattura|ref|reference|referenz|référence|sku|ean|gtin|upc|isbn|imei|serial|seriennummer|barcode
    |phone|tel|telefon\w*|mobile|handy|mobil|fax|whatsapp|ticket|customer|kunden\w*|id|iban|account|konto\w*|transaction)
    [\s.:_-]{0,3}(?:id|no|nr|num|number|nummer|numéro|número|code|\#|№|n°)?[\s.:#=_-]{0,4}\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_BEFORE, _AROUND = 40, 60
MOST_WEIGHED = 200
"""Numbers of one text whose surroundings are looked at; with more of them, whatever has the form of one is blotted."""

_DOUBLED = {str(digit): digit * 2 - (9 if digit > 4 else 0) for digit in range(10)}
_ADDRESS = re.compile(r"(?:https?://|www\.)\S*\Z", re.IGNORECASE)


def find(text: str) -> list[tuple[int, int]]:
    """Where card numbers stand, from the first digit to behind the last one, in order. Linear in the text's length."""
    found: list[tuple[int, int]] = []
    for chain in _CHAIN.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, chain.start(), chain.end())]
        at = 0
        while at < len(groups):
            last = _from(text, groups, at, weigh=len(found) < MOST_WEIGHED)
            if last is not None:
                found.append((groups[at][0], groups[last][1]))
                at = last
            at += 1
    return found


def _from(text: str, groups: list[tuple[int, int]], first: int, *, weigh: bool) -> int | None:
    """The last group of the card number that begins with this one; the longest that there is."""
    begin, stop = groups[first]
    issuers = _BY_DIGIT[text[begin]]
    # Digits in ones and twos are a number only when nothing else is around them; so the work stays bounded.
    if not issuers or (stop - begin < 3 and (first or len(groups) > LONGEST)):
        return None
    digits, best = "", None
    for last in range(first, min(len(groups), first + LONGEST)):
        digits += text[groups[last][0] : groups[last][1]]
        if len(digits) > LONGEST:
            break
        if (
            len(digits) >= SHORTEST
            and _issued(digits, issuers)
            and _luhn(digits)
            and (not weigh or _means(text, groups, first, last))
        ):
            best = last
    return best


def _issued(digits: str, issuers: list[tuple[str, str, tuple[int, ...]]]) -> bool:
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in issuers)


def _luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[digit] for digit in digits[-2::-2])
    return total % 10 == 0 and len(set(digits)) > 1


def _means(text: str, groups: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether what has the form of a card number is meant as one, by its look and the words around it."""
    begin, end = groups[first][0], groups[last][1]
    sizes = [stop - start for start, stop in groups[first : last + 1]]
    before, behind = text[max(0, begin - _AROUND) : begin], text[end : end + _AROUND]
    if re.match(r"[A-Za-z_]", behind) or (before[-1:] in (".", ",") and before[-2:-1].isdigit()):
        return False  # part of a word or of a figure
    if _FOR.search(before) or _FOR.search(behind):
        return True
    if before.endswith(("+", "#")) or _GLUED.search(before) or _ADDRESS.search(before):
        return False
    if len(groups) > last + 1 and text[end : end + 1] in ("-", ".") and len(sizes) == 1:
        return False
    return (
        (sum(sizes) not in _DOUBTFUL or sizes == [4, 6, 4])
        and _looks(sizes)
        and not _AGAINST.search(before[-_BEFORE:])
    )


def _looks(sizes: list[int]) -> bool:
    """Written as on a card: in one, in fours, or as American Express and Diners Club print it."""
    if len(sizes) == 1 or sizes in ([4, 6, 5], [4, 6, 4], [6, 10], [6, 13]):
        return True
    return all(size == sizes[0] for size in sizes[:-1]) and 1 <= sizes[-1] <= sizes[0]


def redact(text: str) -> str:
    """The text with every card number's digits but the last four as stars."""
    return _blotted(text, [place for span in find(text) for place in _digits(text, *span)])


def _digits(text: str, begin: int, end: int) -> list[int]:
    return [place for place in range(begin, end) if text[place].isdigit()][:-KEPT]


def _blotted(text: str, places: list[int]) -> str:
    if not places:
        return text
    out, at = [], 0
    for place in places:
        out += [text[at:place], MARK]
        at = place + 1
    return "".join([*out, text[at:]])


_ENTITY = re.compile(r"&(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z]{2,31});", re.IGNORECASE)
_ENTITIES = {"nbsp": "\xa0", "ensp": " ", "emsp": " ", "thinsp": " ", "ndash": "-", "mdash": "-", "minus": "-",
             "hyphen": "-", "period": "."}  # fmt: skip
_BLOCK = re.compile(
    r"</?(?:p|div|br|hr|td|th|tr|table|li|ul|ol|h[1-6]|blockquote|pre|section|article|dt|dd)\b", re.I
)
# Only where a name begins: a long word that nothing follows would be read anew from each of its letters.
_ATTRIBUTE = re.compile(
    r"""(?<![\w:-])([\w:-]++)\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s>"']++)""", re.IGNORECASE | re.DOTALL
)
_DIALS = re.compile(r"[\"']?\s*(?:tel|sms|callto):", re.IGNORECASE)
_PLACES = frozenset(
    ("src", "srcset", "cite", "action", "background", "id", "class", "name", "style", "poster")
)


def redact_html(page: str) -> str:
    """The same of HTML: also where tags and entities part the digits, and in attributes that people read or that
    dial. Addresses of links and pictures stay, they would lead nowhere."""
    said = _Said(page)
    cuts: list[tuple[int, int, str]] = []
    at = 0
    for begin, end in _tags(page):
        said.take(at, begin)
        at = end
        if page.startswith("<!--", begin):
            cuts.append((begin, end, redact(page[begin:end])))
        elif end - begin > SHORTEST:
            cuts += _attributes(page, begin, end)
        if _BLOCK.match(page, begin):
            said.put("\n", end, end)
    said.take(at, len(page))
    text = said.text()
    cuts += [(*said.place(n), MARK) for span in find(text) for n in _digits(text, *span)]
    out, at = [], 0
    for begin, end, put in sorted(cuts):
        out += [page[at:begin], put]
        at = end
    return "".join([*out, page[at:]])


class _Said:
    """What a page says without its tags, and where each character of that stands in the page."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._parts: list[str] = []
        self._starts: list[int] = []
        self._spans: list[tuple[int, int]] = []
        self._length = 0

    def take(self, begin: int, end: int) -> None:
        """A stretch between tags, its entities resolved."""
        for entity in _ENTITY.finditer(self._page, begin, end):
            self.put(self._page[begin : entity.start()], begin, entity.start())
            self.put(_character(entity[0]), *entity.span())
            begin = entity.end()
        self.put(self._page[begin:end], begin, end)

    def put(self, text: str, begin: int, end: int) -> None:
        if text:
            self._parts.append(text)
            self._starts.append(self._length)
            self._spans.append((begin, end))
            self._length += len(text)

    def text(self) -> str:
        return "".join(self._parts)

    def place(self, at: int) -> tuple[int, int]:
        """Where the character of the text stands in the page: one character, or a whole entity."""
        part = bisect.bisect_right(self._starts, at) - 1
        begin, end = self._spans[part]
        if len(self._parts[part]) != end - begin:
            return begin, end
        return begin + at - self._starts[part], begin + at - self._starts[part] + 1


def _tags(page: str) -> Iterator[tuple[int, int]]:
    """Tags and comments; one that does not end is text."""
    begin = page.find("<")
    while begin >= 0:
        ends = "-->" if page.startswith("<!--", begin) else ">"
        end = page.find(ends, begin)
        if end < 0:
            return
        yield begin, end + len(ends)
        begin = page.find("<", end)


def _character(entity: str) -> str:
    name = entity[1:-1]
    if name[0] != "#":
        return _ENTITIES.get(name.lower(), "\n")
    number = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return chr(number) if 32 <= number < 0x11_0000 else "\n"


def _attributes(page: str, begin: int, end: int) -> Iterator[tuple[int, int, str]]:
    for found in _ATTRIBUTE.finditer(page, begin, end):
        name, value = found[1].lower(), found[2]
        dials = _DIALS.match(value)
        if name in _PLACES or (name == "href" and not dials):
            continue
        kept = dials.end() if dials else 0
        blotted = value[:kept] + redact(value[kept:])
        if blotted != value:
            yield found.start(2), found.end(2), blotted
