"""The attachments of a mail: safe names, believable types."""

import re

from polus.base import text
from polus.channels.email import headers, mime
from polus.channels.email.charsets import decode
from polus.channels.email.mails import Attachment

MAX_NAME = 200

_EXTENSIONS = {
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/pgp-signature": "asc",
    "application/pgp-encrypted": "asc",
    "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s",
    "application/pkcs7-mime": "p7m",
    "application/x-pkcs7-mime": "p7m",
    "application/json": "json",
    "application/ics": "ics",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/heic": "heic",
    "image/svg+xml": "svg",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/mp4": "m4a",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "text/plain": "txt",
    "text/html": "html",
    "text/csv": "csv",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "text/xml": "xml",
    "text/rfc822-headers": "txt",
    "message/rfc822": "eml",
    "message/delivery-status": "txt",
    "message/disposition-notification": "txt",
    "message/feedback-report": "txt",
}
_TYPES = {"jpeg": "image/jpeg", "xml": "text/xml"} | {
    extension: kind for kind, extension in reversed(_EXTENSIONS.items())
}
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]')


def read(part: mime.Part, number: int, inline: bool = False) -> Attachment:
    """A part as a file; `number` names the nameless."""
    named = filename(part)
    if part.kind == "message/rfc822" and not named:
        named = mime.split(part.body()).field("subject")[:80].replace("/", "-") + ".eml"
    kind = believable(part.kind, named)
    content_id = headers.words(part.field("content-id")).strip("<> ")[:255]
    return Attachment(safe_name(named, kind, number), kind, part.body(), content_id or None, inline)


def believable(kind: str, name: str) -> str:
    """The type that the name shows where the sender named none."""
    if kind not in ("application/octet-stream", "text/plain"):
        return kind
    return _TYPES.get(name.rpartition(".")[2].lower(), kind) if "." in name else kind


def filename(part: mime.Part) -> str:
    """The name that the sender gave, undecoded oddities decoded; `""` without one."""
    for field, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        _, parameters = headers.parameters(part.raw_field(field))
        if named := parameters.get(parameter):
            return headers.words(decode(named))
    return headers.words(part.field("content-description"))[:80] if part.kind == "message/rfc822" else ""


def safe_name(name: str, kind: str, number: int) -> str:
    """A name without a path, bounded, with an extension; `attachment-2.pdf` for none."""
    bare = re.split(r"[/\\]", text.one_line(name))[-1]
    bare = _UNSAFE.sub("_", bare).strip(" .")
    extension = _EXTENSIONS.get(kind, "bin")
    if not bare or bare == extension:
        return f"attachment-{number}.{extension}"
    stem, dot, ending = bare.rpartition(".")
    if dot and len(ending) <= 10:
        return stem[: MAX_NAME - len(ending) - 1] + "." + ending
    return bare[:MAX_NAME] if kind not in _EXTENSIONS else bare[: MAX_NAME - 5] + "." + extension
