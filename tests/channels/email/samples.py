"""Builders of raw mails, honest and hostile, and the mails that others wrote."""

import base64
import struct
from pathlib import Path

MAILS = Path(__file__).parents[2] / "data" / "mails"


def raw(*lines: str | bytes, newline: bytes = b"\r\n") -> bytes:
    return newline.join(line if isinstance(line, bytes) else line.encode() for line in lines)


def plain(body: str | bytes = "Hello", *fields: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = ["From: Jo <jo@x.example>", "To: shop@y.example", "Subject: Order", "Message-ID: <1@x.example>"]
    return raw(*head, *fields, f"Content-Type: {kind}", "", body)


def multipart(
    kind: str, *parts: str | bytes, head: str = "From: Jo <jo@x.example>", boundary: str = "b1"
) -> bytes:
    lines: list[str | bytes] = [head] if head else []
    lines += [f"Content-Type: multipart/{kind}; boundary={boundary}", "", "preamble"]
    for part in parts:
        lines += [f"--{boundary}", part]
    return raw(*lines, f"--{boundary}--", "epilogue")


def part(kind: str, body: str | bytes = "", *fields: str) -> bytes:
    return raw(f"Content-Type: {kind}", *fields, "", body)


def encoded(kind: str, content: bytes, *fields: str) -> bytes:
    return part(kind, base64.encodebytes(content), "Content-Transfer-Encoding: base64", *fields)


def all_paths() -> list[Path]:
    return sorted(
        path for path in MAILS.glob("*/*") if path.is_file() and path.suffix not in (".md", ".json")
    )


# TNEF, as Outlook writes it.


def tnef(*attributes: tuple[int, bytes]) -> bytes:
    out = b"\x78\x9f\x3e\x22\x01\x00"
    for name, content in attributes:
        level = 2 if name in (0x9002, 0x8010, 0x800F, 0x9005) else 1
        out += struct.pack("<BHHI", level, name, 6, len(content)) + content
        out += struct.pack("<H", sum(content) & 0xFFFF)
    return out


def properties(*values: tuple[int, int, bytes]) -> bytes:
    """(type, number, value); strings and binaries are counted, measured and padded."""
    out = struct.pack("<I", len(values))
    for kind, number, value in values:
        out += struct.pack("<HH", kind, number)
        if kind in (0x1E, 0x1F, 0x102, 0x0D):
            out += struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4)
        else:
            out += value
    return out


def packed_rtf(content: bytes) -> bytes:
    """LZFu with literals only, and one reference to what was preloaded ("{\\rtf1\\ansi")."""
    assert content.startswith(b"{\\rtf1\\ansi")
    end = struct.pack(">H", 0)
    pieces = [struct.pack(">H", 0 << 4 | 9), *(bytes([byte]) for byte in content[11:])]
    out = b""
    write = 207 + len(content)
    pieces.append(struct.pack(">H", (write % 4096) << 4))
    for start in range(0, len(pieces), 8):
        group = pieces[start : start + 8]
        out += bytes([sum(1 << bit for bit, piece in enumerate(group) if len(piece) == 2)]) + b"".join(group)
    return struct.pack("<II4sI", len(out) + len(end) + 12, len(content), b"LZFu", 0) + out + end
