"""Pictures: broken and hostile ones are refused within bounded memory, good ones shrink."""

import io
import struct
import zlib

import pytest
from PIL import Image

from polus.base import pictures
from polus.base.pictures import NotAPicture


def drawn(kind: str, size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: object) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, (200, 10, 10, 128)[: len(mode)]).save(written, kind, **options)
    return written.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes whose header announces any number of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", pictures.FORMATS)
async def test_pictures_are_recognised(kind: str) -> None:
    picture = await pictures.checked(drawn(kind))
    assert (picture.content_type, picture.width, picture.height) == (Image.MIME[kind], 300, 200)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        drawn("BMP"),
        drawn("TIFF"),
        drawn("PNG")[:-40],
        drawn("JPEG", (3000, 3000))[:1000],
        png_claiming(10_000, 10_000),
        png_claiming(100_000, 100_000),
        png_claiming(0, 10),
    ],
    ids=["empty", "cut", "svg", "bmp", "tiff", "cut png", "cut jpeg", "large", "bomb", "flat"],
)
async def test_others_are_refused(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        await pictures.checked(data)
    with pytest.raises(NotAPicture):
        await pictures.thumbnail(data, 10, 10)


async def test_a_thumbnail_fits_and_keeps_its_shape() -> None:
    small = await pictures.thumbnail(drawn("JPEG", (3000, 2000)), 100, 100)
    assert (small.content_type, small.width, small.height) == ("image/jpeg", 100, 67)
    with Image.open(io.BytesIO(small.data)) as image:
        assert image.size == (100, 67)


async def test_it_is_never_enlarged() -> None:
    small = await pictures.thumbnail(drawn("PNG"), 2000, 2000)
    assert (small.width, small.height) == (300, 200)


async def test_transparency_stays() -> None:
    small = await pictures.thumbnail(drawn("WEBP", mode="RGBA"), 50, 50)
    assert small.content_type == "image/png"


async def test_it_is_upright_and_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "taken at home"
    small = await pictures.thumbnail(drawn("JPEG", exif=exif), 30, 30)
    assert (small.width, small.height) == (20, 30)
    assert b"taken at home" not in small.data
    with Image.open(io.BytesIO(small.data)) as image:
        assert not image.getexif()


def test_sizes() -> None:
    assert pictures.wanted_size("200x100") == (200, 100)


@pytest.mark.parametrize(
    "text", ["", "200", "0x10", "-1x5", "2001x10", "10x99999", "1e3x10", "10x10x10", "١x٢"]
)
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        pictures.wanted_size(text)
