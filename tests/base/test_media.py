"""Types told from bytes, claims and names; what browsers may show inline."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from polus.base import media

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "ICO"])
def test_pictures(kind: str) -> None:
    written = io.BytesIO()
    Image.new("RGB", (32, 32)).save(written, kind)
    assert media.sniffed(written.getvalue()[: media.HEAD]) == Image.MIME[kind].replace(
        "x-icon", "vnd.microsoft.icon"
    )


@pytest.mark.parametrize(
    "head, claimed, name, kind",
    [
        (b"%PDF-1.7", "text/html", "a.html", "application/pdf"),
        (b"PK\x03\x04..", DOCX, "a.docx", DOCX),
        (b"PK\x03\x04..", None, "a.docx", DOCX),
        (b"PK\x03\x04..", "image/png", "a.png", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword", None, "application/msword"),
        (b"ID3\x04", "audio/mp3", "a.mp3", "audio/mp3"),
        (b"<!DOCTYPE html><html>", "image/png", "a.png", "text/html"),
        (b"\xef\xbb\xbf <svg onload='x'>", "image/png", "a.png", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg>", None, None, "image/svg+xml"),
        (b"<?xml version='1.0'?><feed>", "application/atom+xml", None, "application/atom+xml"),
        (b"just words", "image/png", "a.png", "text/plain"),
        (b"\x00\x01\x02", "image/png", "a.png", "application/octet-stream"),
        (b"\x00\x01\x02", "application/octet-stream", "a.bin", "application/octet-stream"),
        (b"a,b\n1,2", "text/csv; charset=utf-8", None, "text/csv"),
        (b"a,b\n1,2", None, "a.csv", "text/csv"),
        (b"a,b\n1,2", "TEXT/CSV", None, "text/csv"),
        (b"Hi", "no type", None, "text/plain"),
        (b"Hi", "text/html\r\nX: y", None, "text/plain"),
        ("Grüße".encode(), None, None, "text/plain"),
        (("x" * 511 + "ü").encode()[:512], None, None, "text/plain"),
        (b"Gr\xfc\xdfe", None, None, "application/octet-stream"),
        (b"", None, None, "application/octet-stream"),
        (b"", None, "a.txt", "text/plain"),
        (b"RIFF....AVI ", None, None, "video/x-msvideo"),
        (b"....WAVE", None, None, "text/plain"),
    ],
)  # fmt: skip
def test_witnesses(head: bytes, claimed: str | None, name: str | None, kind: str) -> None:
    assert media.content_type(head, claimed, name) == kind


@pytest.mark.parametrize("kind", ["image/png", "audio/mpeg", "video/mp4", "application/pdf"])
def test_shown_inline(kind: str) -> None:
    assert media.is_inline(kind)


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "text/plain", "application/zip", "text/xml"])
def test_never_shown_inline(kind: str) -> None:
    assert not media.is_inline(kind)


@pytest.mark.parametrize("more", [b"", b"<svg", b"<?xml ?><!--", b"<!doctype svg"])
def test_comments_that_nothing_follows_are_read_once(more: bytes) -> None:
    """Reading them each way there is would not end."""
    assert media.sniffed(b" <!----> \n" * 400 + more) == ("image/svg+xml" if more == b"<svg" else None)


@given(st.binary(max_size=600), st.none() | st.text(), st.none() | st.text())
def test_any_bytes_have_a_type_and_inline_ones_have_proved_it(
    head: bytes, claimed: str | None, name: str | None
) -> None:
    kind = media.content_type(head, claimed, name)
    assert kind.isascii()
    assert "\n" not in kind
    if media.is_inline(kind):
        assert media.sniffed(head) is not None
