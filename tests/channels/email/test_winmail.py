"""winmail.dat is opened: the words and files inside are the mail's."""

import struct

import pytest

from polus.channels.email import parse, rtf, winmail
from tests.channels.email.samples import encoded, multipart, packed_rtf, part, properties, tnef

UNICODE, STRING, BINARY, NUMBER = 0x1F, 0x1E, 0x102, 0x03
UTF8 = (NUMBER, 0x3FDE, struct.pack("<I", 65001))


def file(name: str, content: bytes, *values: tuple[int, int, bytes]) -> tuple[tuple[int, bytes], ...]:
    described = properties((UNICODE, 0x3707, name.encode("utf-16-le") + b"\0\0"), *values)
    return (0x9002, b"\0" * 14), (0x8010, b"SHORT~1.PDF\0"), (0x800F, content), (0x9005, described)


def letter(*attributes: tuple[int, bytes], name: str = "winmail.dat") -> bytes:
    return multipart(
        "mixed",
        part("text/plain", ""),
        encoded(
            f'application/ms-tnef; name="{name}"', tnef((0x9007, struct.pack("<II", 1252, 0)), *attributes)
        ),
    )


def test_files_keep_their_long_names_types_and_ids() -> None:
    picture = file(
        "bild.png", b"\x89PNG", (UNICODE, 0x370E, "image/png".encode("utf-16-le")), (STRING, 0x3712, b"i@x\0")
    )
    mail = parse.read(letter((0x800C, b"Gr\xfc\xdfe\0"), *file("Rechnung ü.pdf", b"%PDF"), *picture))
    assert mail.body_text == "Grüße"
    assert [
        (one.name, one.content_type, one.content, one.content_id, one.inline) for one in mail.attachments
    ] == [
        ("Rechnung ü.pdf", "application/pdf", b"%PDF", None, False),
        ("bild.png", "image/png", b"\x89PNG", "i@x", True),
    ]


def test_a_body_beside_it_is_not_said_twice() -> None:
    raw = multipart(
        "mixed",
        part("text/plain", "Hi"),
        encoded("application/ms-tnef", tnef((0x800C, b"Hi\0"), *file("a.txt", b"x"))),
    )
    mail = parse.read(raw)
    assert mail.body_text == "Hi"
    assert [one.name for one in mail.attachments] == ["a.txt"]


def test_html_inside() -> None:
    page = "<p>Grüße <script>x</script></p>".encode()
    mail = parse.read(letter((0x9003, properties(UTF8, (BINARY, 0x1013, page)))))
    assert (mail.body_html, mail.body_text) == ("<p>Grüße </p>", "Grüße")


RTF = rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}\pard Gr\'fc\u223?e \{x\}\par {\*\hidden no}\b two\b0\tab end\u8364?}"
HTML_RTF = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0 Arial;}}{\*\htmltag19 <html>}{\*\htmltag50 <p>}\htmlrtf \par \htmlrtf0 "
    rb"{\*\mhtmltag84 <a>}Gr\'fc\'dfe < {\htmlrtf \b hidden\htmlrtf0 }{\*\htmltag84 <b>}bold{\*\htmltag92 </b>}{\*\htmltag58 </p>}}"
)


def test_rtf_inside_is_read_as_text() -> None:
    mail = parse.read(letter((0x9003, properties((BINARY, 0x1009, packed_rtf(RTF))))))
    assert (mail.body_text, mail.body_html) == ("Grüße {x}\ntwo\tend€", None)


def test_html_wrapped_in_rtf_is_unwrapped() -> None:
    mail = parse.read(letter((0x9003, properties((BINARY, 0x1009, packed_rtf(HTML_RTF))))))
    assert (mail.body_html, mail.body_text) == ("<p>Grüße &lt; <b>bold</b></p>", "Grüße < bold")


def test_unpacked_and_damaged_rtf() -> None:
    assert rtf.decompressed(struct.pack("<II4sI", 20, 8, b"MELA", 0) + b"{\\rtf1 }") == b"{\\rtf1 }"
    assert rtf.decompressed(b"x" * 20) == b""
    assert rtf.decompressed(b"") == b""
    assert rtf.decompressed(packed_rtf(RTF)) == RTF
    assert RTF.startswith(rtf.decompressed(packed_rtf(RTF)[:60]))
    assert rtf.read(b"no rtf") == (None, None)
    assert rtf.read(b"{\\rtf1 a\\'e4{{{ \\u-10179?\\u-8704?") == ("aä 😀", None)


def test_named_and_multiple_properties_are_passed_over() -> None:
    guid = b"\1" * 16
    values = struct.pack("<I", 4)
    values += struct.pack("<HH", UNICODE, 0x8001) + guid + struct.pack("<II", 1, 6) + b"N\0a\0\0\0\0\0"
    values += struct.pack("<II", 1, 4) + b"x\0\0\0"
    values += struct.pack("<HH", NUMBER, 0x8002) + guid + struct.pack("<III", 0, 7, 99)
    values += struct.pack("<HH", 0x1003, 0x1234) + struct.pack("<III", 2, 1, 2)
    values += struct.pack("<HHII", STRING, 0x1000, 1, 3) + b"Hi\0\0"
    assert parse.read(letter((0x9003, values))).body_text == "Hi"


def test_what_is_no_tnef_stays_a_file() -> None:
    mail = parse.read(
        multipart(
            "mixed", part("text/plain", "Hi"), encoded("application/octet-stream; name=winmail.dat", b"junk")
        )
    )
    assert [(one.name, one.content) for one in mail.attachments] == [("winmail.dat", b"junk")]


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_damaged_ones_never_raise(cut: int) -> None:
    whole = tnef((0x9003, properties(UTF8, (BINARY, 0x1009, packed_rtf(RTF)))), *file("a.pdf", b"%PDF"))
    opened = winmail.read(whole[:cut])
    assert opened is None or opened.files is not None
    winmail.read(whole[:cut] + b"\xff" * 40 + whole[cut + 40 :])
