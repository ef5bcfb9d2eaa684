"""The words of a mail and its files, gathered from the tree of its parts."""

import re

import msgspec

from polus.base import html, text
from polus.channels.email import charsets, files, headers, mime, winmail
from polus.channels.email.mails import Attachment

MAX_FILES = 500
MAX_WORDS = 8_388_608
"""Bytes of text parts that are read as text; further ones are files."""

MAX_WINMAILS = 3

_ROUGH_TEXT = frozenset({"text/enriched", "text/richtext"})
_DROPPED = frozenset({"text/x-amp-html", "text/watch-html", "application/applefile"})
_DATA_IMAGE = re.compile(
    r"data:image/(png|jpe?g|gif|webp|bmp);base64,([A-Za-z0-9+/=\s]{1000,}+)", re.IGNORECASE
)


class Body(msgspec.Struct, frozen=True):
    """Plain text and well-nested HTML (see `html.nested`); None when the mail has none of that form."""

    text: str | None = None
    nested: str | None = None


def read(root: mime.Part) -> tuple[Body, tuple[Attachment, ...]]:
    """What a mail says and carries."""
    reader = _Reader()
    body = reader.body(root)
    return body, tuple(reader.files[:MAX_FILES])


class _Reader:
    def __init__(self) -> None:
        self.files: list[Attachment] = []
        self.has_body = False
        self.words = self.winmails = 0

    def body(self, part: mime.Part) -> Body:
        if part.children:
            bodies = [self.body(child) for child in part.children]
            return _alternatives(bodies) if part.kind == "multipart/alternative" else _joined(bodies)
        if part.kind.startswith("multipart/"):
            return Body(_plain(part)) if mime.is_text_after_all(part) else Body()
        return self._leaf(part)

    def _leaf(self, part: mime.Part) -> Body:
        kind = part.kind
        disposition, _ = headers.parameters(part.raw_field("content-disposition"))
        named = files.filename(part)
        if kind in _DROPPED:
            return Body()
        if kind.startswith("text/"):
            self.words += len(part.raw_body())
        if (
            kind.startswith("text/")
            and self.words <= MAX_WORDS
            and disposition != "attachment"
            and not (named and self.has_body)
        ):
            body = self._text_leaf(part)
            if body is not None:
                self.has_body = self.has_body or bool((body.text or body.nested or "").strip())
                return body
        if winmail.is_one(kind, named):
            return self._winmail(part)
        inline = (
            bool(part.raw_field("content-id")) and disposition != "attachment" and kind.startswith("image/")
        )
        self.files.append(files.read(part, len(self.files) + 1, inline))
        return Body()

    def _text_leaf(self, part: mime.Part) -> Body | None:
        if part.kind == "text/html":
            return Body(nested=html.nested(self._without_data_images(part.text())))
        if part.kind == "text/plain":
            return Body(self._without_uuencoded(part))
        return Body(html.to_text(part.text())) if part.kind in _ROUGH_TEXT else None

    def _without_uuencoded(self, part: mime.Part) -> str:
        content = part.body()
        if b"\nbegin " not in content and not content.startswith(b"begin "):
            return _plain(part)
        kept: list[bytes] = []
        position = 0
        for name, data, start, end in mime.uuencoded(content):
            kept.append(content[position:start])
            position = end
            safe = files.safe_name(charsets.decode(name), "application/octet-stream", len(self.files) + 1)
            self.files.append(Attachment(safe, "application/octet-stream", data))
        return _shaped(part, charsets.decode(b"".join(kept) + content[position:], _charset(part)))

    def _without_data_images(self, source: str) -> str:
        """Pictures that are spelled out in the HTML become inline files: they would fill the body's size."""

        def replaced(match: re.Match[str]) -> str:
            number = len(self.files) + 1
            kind = "image/" + match[1].lower().replace("jpg", "jpeg")
            content_id = f"picture-{number}@data.invalid"
            data = mime.from_base64(match[2].encode("ascii"))
            self.files.append(
                Attachment(files.safe_name("", kind, number), kind, data, content_id, inline=True)
            )
            return "cid:" + content_id

        return _DATA_IMAGE.sub(replaced, source) if "data:image/" in source else source

    def _winmail(self, part: mime.Part) -> Body:
        self.winmails += 1
        opened = winmail.read(part.body()) if self.winmails <= MAX_WINMAILS else None
        if opened is None:
            self.files.append(files.read(part, len(self.files) + 1))
            return Body()
        for file in opened.files:
            kind = files.believable(file.content_type, file.name)
            name = files.safe_name(file.name, kind, len(self.files) + 1)
            inline = file.content_id is not None and kind.startswith("image/")
            self.files.append(Attachment(name, kind, file.content, file.content_id, inline))
        if self.has_body:
            return Body()
        return Body(opened.text, html.nested(opened.html) if opened.html else None)


def _plain(part: mime.Part) -> str:
    return _shaped(part, part.text())


def _charset(part: mime.Part) -> str:
    return part.params.get("charset", b"").decode("ascii", "replace")


def _shaped(part: mime.Part, content: str) -> str:
    content = text.unix_lines(content)
    if part.params.get("format", b"").lower() == b"flowed":
        return flowed(content, part.params.get("delsp", b"").lower() == b"yes")
    return content


def flowed(content: str, delete_space: bool = False) -> str:
    """`format=flowed` (RFC 3676) with its paragraphs in one line each; quoted lines keep their marks."""
    out: list[str] = []
    open_depth = -1
    for line in content.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        words = line[depth:].removeprefix(" ")
        is_flowed = words.endswith(" ") and words != "-- "
        joined = words[:-1] if is_flowed and delete_space else words
        if depth == open_depth and words != "-- ":
            out.append(joined)
        else:
            out += ["\n", ">" * depth + " " if depth else "", joined]
        open_depth = depth if is_flowed else -1
    return "".join(out[1:])


def _alternatives(bodies: list[Body]) -> Body:
    texts = [body.text for body in bodies if body.text is not None and body.text.strip()]
    pages = [body.nested for body in bodies if body.nested is not None]
    return Body(texts[0] if texts else None, pages[-1] if pages else None)


def _joined(bodies: list[Body]) -> Body:
    filled = [body for body in bodies if (body.text or "").strip() or body.nested]
    if len(filled) <= 1:
        return filled[0] if filled else Body()
    # One of them in HTML alone: the text of all is made from HTML later, nothing is said twice.
    texts = [body.text if body.text is not None else html.to_text(body.nested or "") for body in filled]
    if all(body.nested is None for body in filled):
        return Body("\n\n".join(texts))
    pages = [body.nested if body.nested is not None else html.from_text(body.text or "") for body in filled]
    return Body("\n\n".join(texts), "<br>".join(pages))
