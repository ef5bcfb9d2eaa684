"""What kind of file some bytes are: told by their beginning, since names and senders lie."""

import mimetypes
import re

HEAD = 512  # bytes that suffice
UNKNOWN = "application/octet-stream"

# offset, bytes, type; the first match counts. From the formats' own specifications.
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"#!AMR", "audio/amr"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-executable"),
)
_RIFF = {"image/webp", "audio/wav", "video/x-msvideo"}
# Whatever was matched stays matched (`*+`): of comments that nothing follows each way to read them would be tried, and
# a file of thirty took longer than anybody lives.
_BEFORE = rb"(?:<!--(?>.*?-->)\s*+)*+"
_MARKUP = (
    (re.compile(rb"\s*+(?:<\?xml[^>]*+>\s*+)?+" + _BEFORE + rb"(?:<!doctype svg[^>]*+>\s*+)?+<svg\b", re.I | re.S), "image/svg+xml"),
    (re.compile(rb"\s*+" + _BEFORE + rb"<(?:!doctype html|html|head|body|script|iframe|title)\b", re.I | re.S), "text/html"),
    (re.compile(rb"\s*<\?xml\b"), "application/xml"),
    (re.compile(rb"BEGIN:VCARD\b", re.I), "text/vcard"),
    (re.compile(rb"BEGIN:VCALENDAR\b", re.I), "text/calendar"),
)  # fmt: skip

# Containers whose content only the sender's word or the name tells: believed within these bounds.
_MAY_BE = {
    "application/zip": re.compile(
        r"application/(?:vnd\.openxmlformats-officedocument\.[\w.]+|vnd\.oasis\.opendocument\.[\w.-]+|epub\+zip"
        r"|vnd\.apple\.(?:pages|numbers|keynote)|java-archive|x-zip-compressed)"
    ),
    "application/x-ole-storage": re.compile(
        r"application/(?:msword|vnd\.ms-(?:excel|powerpoint|outlook|project|works)|vnd\.visio)"
    ),
    "application/gzip": re.compile(r"application/(?:x-gzip|x-tar|x-gtar|x-compressed-tar)"),
    "application/xml": re.compile(r"text/xml|application/[\w.-]+\+xml"),
    "audio/ogg": re.compile(r"(?:audio|video|application)/(?:ogg|opus)"),
    "audio/mpeg": re.compile(r"audio/(?:mp3|mpeg3|x-mp3)"),
    "audio/wav": re.compile(r"audio/(?:x-wav|wave|vnd\.wave)"),
    "video/mp4": re.compile(r"(?:audio|video)/(?:mp4|3gpp2?|x-m4[av])"),
    "video/webm": re.compile(r"(?:audio|video)/(?:webm|x-matroska)"),
}
# Kinds with a mark of their own: bytes without the mark are not of the kind, whatever the sender says.
_MARKED = re.compile(r"image/|audio/|video/|application/pdf$|application/zip$|text/html|application/xhtml")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
# What browsers may show beside our pages: nothing in which scripts run.
_INLINE = re.compile(r"image/(?!svg)|audio/|video/|application/pdf$")

# Python's own table, not the machine's; it lacks some that people send every day.
_NAMES = mimetypes.MimeTypes(filenames=())
_OFFICE = "application/vnd.openxmlformats-officedocument."
for _kind, _ending in (
    (_OFFICE + "wordprocessingml.document", ".docx"),
    (_OFFICE + "spreadsheetml.sheet", ".xlsx"),
    (_OFFICE + "presentationml.presentation", ".pptx"),
    ("application/vnd.oasis.opendocument.text", ".odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", ".ods"),
    ("application/vnd.oasis.opendocument.presentation", ".odp"),
    ("application/vnd.ms-outlook", ".msg"),
    ("application/epub+zip", ".epub"),
    ("text/markdown", ".md"),
    ("text/calendar", ".ics"),
):
    _NAMES.add_type(_kind, _ending)


def sniffed(head: bytes) -> str | None:
    """The type that the first bytes prove; None for plain text and everything unknown."""
    for at, mark, kind in _MAGIC:
        if head.startswith(mark, at) and (kind not in _RIFF or head.startswith(b"RIFF")):
            return kind
    text = head.removeprefix(b"\xef\xbb\xbf")
    for pattern, kind in _MARKUP:
        if pattern.match(text):
            return kind
    return None


def content_type(head: bytes, claimed: str | None, name: str | None) -> str:
    """The type to store for bytes, with the sender's claim and the file's name as lesser witnesses."""
    proven = sniffed(head)
    witnesses = [kind for kind in (_claim(claimed), _by_name(name)) if kind]
    if proven:
        may_be = _MAY_BE.get(proven)
        return next((kind for kind in witnesses if may_be and may_be.fullmatch(kind)), proven)
    believable = [kind for kind in witnesses if not _MARKED.match(kind) and kind != UNKNOWN]
    if believable:
        return believable[0]
    return "text/plain" if _is_text(head) else UNKNOWN


def is_inline(kind: str) -> bool:
    """Whether a browser may show it instead of saving it."""
    return bool(_INLINE.match(kind))


def _claim(claimed: str | None) -> str | None:
    kind = (claimed or "").partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else None


def _by_name(name: str | None) -> str | None:
    return _NAMES.guess_type(f"file:{name}")[0] if name else None


def _is_text(head: bytes) -> bool:
    if not head or any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) >= HEAD  # a character cut by the end of the sample
    return True
