"""Where the signature of a mail begins: behind `-- `, at "Sent from my …", or at a closing phrase near the end."""

import re
from collections.abc import Sequence

MAX_LINES = 25
"""Longest signature behind a delimiter, in lines that are not blank."""

MAX_CLOSING_LINES = 9
MAX_WIDTH = 100

_DELIMITER = re.compile(r"\s*(?:--\s?|—|–)\s*")
# A drawn line also parts paragraphs: it needs more evidence behind it.
_RULE = re.compile(r"\s*(?:_{3,60}|-{3,60}|\*{3,60}|={3,60})\s*")
_EVIDENCE = re.compile(
    r"@|www\.|https?:|\btel|\bfon|phone|\+?\d[\d\s()/.-]{6,}\d|gmbh|\bltd|\binc\b|\bllc", re.IGNORECASE
)
_POSTSCRIPT = re.compile(r"\s*p\.?\s?s\.?[\s:.,]", re.IGNORECASE)

_DEVICE = re.compile(
    r"""\s*(?:sent\s(?:from|via|with|using)|get\soutlook\sfor|sent\sfrom\soutlook|von\smein\w+\s.{1,40}\sgesendet|gesendet\s(?:von|mit|aus)
    |diese\snachricht\swurde\svon\smeinem|outlook\sfür\s|holen\ssie\ssich\soutlook|envoyé\s(?:de|depuis|à\spartir)
    |télécharge[rz]\soutlook|obtenir\soutlook|enviado\s(?:desde|do|de|del|a\spartir)|obtener\soutlook|obter\so\soutlook
    |inviato\s(?:da|dal|con)|scarica\soutlook|ottieni\soutlook|verzonden\s(?:van|met|vanuit)|outlook\svoor\s
    |wysłan[aeoy]\sz|pobierz\s.{0,12}outlook|skickat\sfrån|skickades\sfrån|sendt\sfra|hent\soutlook|lähetetty\s|odesláno\sz
    |odoslané\sz|отправлено\s(?:с|из|с\sмоего)|надіслано\sз|iphone'?umdan\sgönderildi|trimis\sde\spe|发自我的|從我的.{1,20}傳送
    |iphoneから送信|나의\siphone에서)(?:\W.{0,80}|\w{0,30}.{0,80})?""",
    re.IGNORECASE | re.VERBOSE,
)

_CLOSINGS = r"""(?:(?:kind(?:est)?|best|warm(?:est)?|many|with\s(?:kind|best|warm)|my\sbest|all\sthe|all|very)\s)?
    (?:regards|wishes|best|greetings)|rgds|br|kr|sincerely(?:\syours)?|yours(?:\s(?:sincerely|faithfully|truly))?|cheers|thanks
    |thank\syou|thx|many\sthanks|thanks\s(?:again|so\smuch|a\slot|in\sadvance|and\s(?:kind|best)?\s?regards)|cordially|respectfully
    |thank\syou\s(?:so\smuch|very\smuch|in\sadvance)|take\scare|have\sa\s(?:nice|great|good)\s(?:day|weekend|evening)
    |(?:mit\s)?(?:freundlichen?|besten?|lieben?|herzlichen?|vielen?|schönen?|sonnigen?)\s(?:grü(?:ß|ss)en?|dank)
    |(?:viele|beste|liebe|schöne|herzliche|freundliche)\s(?:grü(?:ß|ss)e)|grü(?:ß|ss)e|gru(?:ß|ss)|mfg|lg|vg|hochachtungsvoll
    |danke(?:\s(?:schön|im\svoraus|und\s(?:viele|beste|liebe)?\s?grü(?:ß|ss)e))?
    |(?:bien\s)?(?:cordialement|amicalement|sincèrement)|cdlt|salutations(?:\sdistinguées)?|bonne\sjournée|merci(?:\sd'avance|\sbeaucoup)?
    |(?:un\s)?(?:cordial\s)?saludos?(?:\scordial(?:es)?)?|atentamente|atte|un\ssaludo|gracias|muchas\sgracias
    |(?:cordiali|distinti|i\smigliori)\ssaluti|saluti|cordialmente|grazie(?:\smille)?
    |atenciosamente|cumprimentos|(?:com\sos\s)?melhores\scumprimentos|obrigad[oa]|abraços?|att
    |(?:met\s)?(?:vriendelijke|hartelijke)\sgroet(?:en)?|groet(?:en|jes)?|mvg|bedankt|alvast\sbedankt|dank\su\swel
    |(?:z\s)?(?:poważaniem|pozdrowieniami)|pozdrawiam(?:\sserdecznie)?|dziękuję|(?:med\s)?(?:vänliga?|bästa)\shälsning(?:ar)?|mvh|hälsningar
    |(?:med\s)?(?:vennlig|venlig)\s(?:hilsen)|(?:de\s)?bedste\shilsner|hilsen|tack|takk|tak|(?:ystävällisin|parhain)\sterveisin|terveisin|kiitos
    |(?:s\s)?(?:pozdravem|přátelským\spozdravem|úctou)|děkuji|с\s(?:уважением|наилучшими\sпожеланиями)|спасибо|з\sповагою|дякую
    |(?:cu\s)?(?:stimă|drag)|mulțumesc|üdvözlettel|köszönöm|saygılarım(?:la|ızla)|teşekkürler|iyi\sçalışmalar|με\sεκτίμηση|ευχαριστώ"""
_CLOSING = re.compile(rf"\s*(?:{_CLOSINGS})\s*[,.!;:–-]*\s*", re.IGNORECASE | re.VERBOSE)


def find(lines: Sequence[str]) -> int:
    """The index of the signature's first line; `len(lines)` without one. Something always stays above it."""
    filled = [place for place, line in enumerate(lines) if line.strip()]
    for rule in (_delimited, _closed, _from_device):
        start = rule(lines, filled)
        if start is not None and filled and start > filled[0]:
            return start
    return len(lines)


def _delimited(lines: Sequence[str], filled: list[int]) -> int | None:
    for place in filled[-MAX_LINES - 1 :]:
        line = lines[place][: MAX_WIDTH + 1]
        rest = [later for later in lines[place + 1 :] if later.strip()]
        if _DELIMITER.fullmatch(line) and _looks_like_one(rest):
            return place
        if _RULE.fullmatch(line) and _looks_like_one(rest) and _EVIDENCE.search(" ".join(rest)):
            return place
    return None


def _closed(lines: Sequence[str], filled: list[int]) -> int | None:
    window = filled[-MAX_CLOSING_LINES - 1 :]
    for index, place in enumerate(window[:-1]):
        rest = [lines[later] for later in window[index + 1 :]]
        is_closing = len(lines[place]) <= MAX_WIDTH and _CLOSING.fullmatch(lines[place])
        if is_closing and _looks_like_a_name(rest[0]) and _looks_like_one(rest):
            return place
    return None


def _from_device(lines: Sequence[str], filled: list[int]) -> int | None:
    last = filled[-3:]
    return next((p for p in last if len(lines[p]) <= MAX_WIDTH and _DEVICE.fullmatch(lines[p])), None)


def _looks_like_a_name(line: str) -> bool:
    """Behind "Thanks" many people go on writing."""
    bare = line.strip()
    return (
        len(bare) <= 50 and len(bare.split()) <= 6 and not re.search(r"\d|[.?!:;]$", bare.removesuffix("."))
    )


def _looks_like_one(lines: list[str]) -> bool:
    """Not too long, no question, no postscript: people say things there."""
    return bool(lines) and not any(
        len(line) > 5 * MAX_WIDTH or line.rstrip().endswith("?") or _POSTSCRIPT.match(line) for line in lines
    )
