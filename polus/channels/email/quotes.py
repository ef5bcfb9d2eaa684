"""Which lines of an answer repeat the mail that it answers, in the languages that customers write.

Works on lines alone; `stripping` brings text and HTML into that form.
"""

import re
from collections.abc import Sequence

import quotequail

MAX_LINES = 2_000
"""Lines that are looked at; nobody writes more above a quotation."""

_WIDTH = 400
"""Characters of a line that are looked at."""

_FORWARDED = """Forwarded message|Begin forwarded message|Forwarded by|Weitergeleitete (?:Nachricht|E-Mail)
|Anfang der weitergeleiteten (?:Nachricht|E-Mail)|Message transf[ée]r[ée]|Début du message (?:transféré|réexpédié)
|Mensaje reenviado|Inicio del mensaje reenviado|Messaggio inoltrato|Inizio messaggio inoltrato
|Mensagem (?:re)?encaminhada|Início da mensagem (?:re)?encaminhada|Doorgestuurd bericht|Begin doorgestuurd bericht
|Przekazan[ae] wiadomość|Wiadomość przekazana|Vidarebefordrat meddelande|Videresendt (?:melding|meddelelse|besked)
|Välitetty viesti|Přeposlaná zpráva|Пересыла?е?мое сообщение|Пересланное сообщение|Пересылаемое сообщение
|Переслане повідомлення|Továbbított üzenet|İletilen (?:ileti|mesaj)|转发的邮件|轉寄郵件|転送されたメッセージ|전달된 메시지"""

_ORIGINAL = """Original Message|Original E-?Mail|Original-Nachricht|Originalnachricht|Ursprüngliche (?:Nachricht|E-?Mail)
|Message d['’]origine|Message original|Mensaje original|Messaggio originale|Mensagem original|Reply message
|Oorspronkelijk bericht|Origineel bericht|(?:Wiadomość oryginalna|Oryginalna wiadomość|Wiadomość źródłowa)
|Ursprungligt meddelande|Originalmeddelande|Opprinnelig melding|Oprindelig (?:meddelelse|besked)
|Alkuperäinen viesti|Původní (?:zpráva|e-mail)|Pôvodná správa|Исходное сообщение|Оригинальное сообщение
|Eredeti üzenet|(?:Orijinal|Özgün) (?:mesaj|ileti)|Mesaj original|原始邮件|原始郵件|元のメッセージ|원본 메시지"""

_FORWARD = re.compile(rf"[\s>*_-]*(?:{_FORWARDED}).{{0,40}}".replace("\n", ""), re.IGNORECASE)
_DIVIDER = re.compile(rf"[\s>*]*-{{2,}}\s*(?:{_ORIGINAL})\s*-{{2,}}\s*".replace("\n", ""), re.IGNORECASE)
_FORWARD_SUBJECT = re.compile(
    r"\s*(?:re:\s*)?\[?(?:fwd?|wg|tr|rv|enc|i|fs|vs|vb|doorst|pd|přep|továbbítás|ilt|转发|轉寄|転送)\s*[:：]",
    re.IGNORECASE,
)

_OPENS = r"(?:On|Am|Le|El|Il|In data|Em|No dia|Op|Den|På|W dniu|Dnia|Dne|Dňa|Pe|La data|În|Στις|Vào|Pada|בתאריך|في|Dana|U)"
_WROTE = r"""wrote|writes|said|schrieb|schreibt|geschrieben|a écrit|escribió|ha escrito|ha scritto|scrive|escreveu
|schreef|geschreven|napisał(?:\(a\)|a|/a)?|pisze|skrev|kirjoitti|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?
|написал[аи]?(?:\(а\))?|писал[а]?(?:\(а\))?|пишет|пише|написав|yazdı|a scris|írta|έγραψε|写道|寫道|đã viết
|menulis|작성|كتب|כתב(?:/ה)?|je napisao(?:/la)?|napisao|написа"""
# English and most others end with the verb: On Mon, 1 Jan 2024 Jo <jo@x.example> wrote.
_WROTE_AT_END = re.compile(
    rf".{{2,350}}?(?:{_WROTE}).{{0,60}}[:：]\W{{0,5}}".replace("\n", ""), re.IGNORECASE
)
# German and Dutch have it inside: Am 01.01.2024 schrieb Jo <jo@x.example>.
_WROTE_INSIDE = re.compile(
    rf"[\s>]*{_OPENS}\b.{{3,200}}?(?:{_WROTE}).{{0,150}}[:：]\W{{0,5}}".replace("\n", "")
)
_OPENING = re.compile(rf"[\s>]*(?:{_OPENS}\b|\d{{1,4}}[./-]\d)")
# Gmail in Japanese, Yandex and Mail.ru have none: 2024年1月1日(月) 10:00 Jo <jo@x.example>.
_DATE_AND_ADDRESS = re.compile(
    r"[\s>]*\d{4}[-/年.]\s?\d{1,2}[-/月.]\s?\d{1,2}.{0,150}<[^<>@]{1,90}@[^<>]{1,90}>\s?[:：]?\s*"
    r"|.{0,60}\d{1,2}:\d{2}\b.{0,150}<[^<>@]{1,90}@[^<>]{1,90}>\s?[:：]\s*"
)
_DATED = re.compile(r"\d{1,4}[./:年-]\s?\d{1,2}|\d{4}|[\w.+-]{1,64}@")
# "On 3 March your colleague wrote:" may be the customer's own words; with an address, or to the minute, it is a
# program's.
_SURE = re.compile(r"@|\d{4}.{0,40}\d{1,2}[:.h]\d{2}|\d{1,2}[:.h]\d{2}.{0,40}\d{4}")

_ROLES = {
    "from": """From|Von|De|Da|Van|Från|Fra|Od|Lähettäjä|От|От кого|Від|Kimden|Gönderen|Feladó|De la|Από
        |发件人|寄件者|寄件人|差出人|보낸 사람|מאת|من""",
    "date": """Sent|Date|Gesendet|Datum|Envoyé|Envoyé le|Enviado|Enviado el|Enviada em|Enviado em|Fecha|Data|Inviato
        |Data invio|Verzonden|Skickat|Sendt|Dato|Wysłano|Wysłane|Odesláno|Odoslané|Дата|Отправлено|Надіслано|Lähetetty
        |Päivämäärä|Gönderildi|Tarih|Elküldve|Dátum|Trimis|发送时间|日期|寄件日期|送信日時|日付|보낸 날짜|날짜|נשלח""",
    "to": "To|An|À|A|Para|Aan|Till|Til|Do|Komu|Vastaanottaja|Кому|Kime|Címzett|Către|收件人|收件者|宛先|받는 사람|אל",
    "subject": """Subject|Betreff|Objet|Asunto|Oggetto|Assunto|Onderwerp|Ämne|Emne|Temat|Předmět|Predmet|Aihe|Тема
        |Konu|Tárgy|Subiect|主题|主旨|件名|제목|נושא""",
}
_ROLE_OF = {
    re.sub(r"\s+", " ", n).strip().lower(): role for role, names in _ROLES.items() for n in names.split("|")
}
_HEADER = re.compile(r"[\s>*_]*([^\W\d_][^:：*<>\"]{0,19}?)\s?[*_]*\s?[:：][*_]*(?:\s|$)")
_MAX_HEADER_LINES = 8


def is_forward(subject: str) -> bool:
    """Whether a subject says that what follows is passed on: then the "quotation" is what the mail is about."""
    return bool(_FORWARD_SUBJECT.match(subject))


def find(lines: Sequence[str], forwarded: bool = False) -> list[bool]:
    """For each line whether it is quotation, introduction included. A forwarded mail is none.

    Answers between quoted lines stay. Linear time.
    """
    quoted = [False] * len(lines)
    seen = [line[:_WIDTH] for line in lines[:MAX_LINES]]
    n = 0
    while n < len(seen):
        if not seen[n].strip():
            n += 1
            continue
        if _FORWARD.fullmatch(seen[n]) or (forwarded and _is_header_block(seen, n)):
            break
        if _DIVIDER.fullmatch(seen[n]) or _is_header_block(seen, n):
            start = n - 1 if n and re.fullmatch(r"[\s>]*_{10,}\s*", seen[n - 1]) else n
            _mark(quoted, lines, start, len(lines))
            break
        intro = _introduction(seen, n)
        end = _quoted_until(lines, intro[1] if intro else n)
        if intro and end == intro[1] and _SURE.search(" ".join(seen[intro[0] : intro[1]])):
            _mark(quoted, lines, intro[0], len(lines))  # a quotation without marks
            break
        if end > (intro[1] if intro else n):
            _mark(quoted, lines, n, end)
        n = max(end, n + 1)
    return quoted


def _mark(quoted: list[bool], lines: Sequence[str], start: int, end: int) -> None:
    while start and not lines[start - 1].strip():
        start -= 1
    quoted[start:end] = [True] * (end - start)


def _quoted_until(lines: Sequence[str], start: int) -> int:
    """Behind the last line of a run of `>` lines from `start` on (blank ones may lead and stand between)."""
    end = start
    for place in range(start, len(lines)):
        line = lines[place].lstrip()
        if line.startswith(">"):
            end = place + 1
        elif line:
            break
    return end


def _introduction(lines: Sequence[str], n: int) -> tuple[int, int] | None:
    """First line and line behind the last of "On …, … wrote:", which often wraps, when it starts at `n`."""
    for count in (1, 2, 3):
        piece = lines[n : n + count]
        if len(piece) < count or not piece[-1].strip():
            return None
        joined = " ".join(line.strip(" >\t") for line in piece)
        if _introduces(joined) and (count == 1 or _OPENING.match(joined)):
            return n, n + count
    return None


def _introduces(line: str) -> bool:
    bare = line.rstrip(" \u200e\u200f\u202a-\u202e\xa0")
    if not bare.endswith((":", "：", ">")) or not _DATED.search(bare):
        return False
    if _DATE_AND_ADDRESS.fullmatch(bare):
        return True
    if bare.endswith(">"):
        return False
    return bool(_WROTE_AT_END.fullmatch(bare) or _WROTE_INSIDE.fullmatch(bare)) or _known_to_quotequail(bare)


def _known_to_quotequail(line: str) -> bool:
    return len(quotequail.quote(line, quote_intro_line=True)) == 2


def _is_header_block(lines: Sequence[str], n: int) -> bool:
    """Whether "From: … Sent: … To: … Subject: …" starts here, as Outlook writes it."""
    if _role(lines[n]) not in ("from", "date"):
        return False
    roles = {_role(line) for line in lines[n : n + _MAX_HEADER_LINES]} - {""}
    return "from" in roles and len(roles) >= 3


def _role(line: str) -> str:
    found = _HEADER.match(line)
    return _ROLE_OF.get(found[1].strip().lower(), "") if found else ""
