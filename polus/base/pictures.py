"""Uploaded pictures: whether they are some, and small versions of them. Hostile ones cost bounded memory."""

import asyncio
import io
import re
import struct
from concurrent.futures import ThreadPoolExecutor

import msgspec
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
LARGEST_SIDE = 2000  # pixels of a thumbnail

# JPEG is decoded at the size that is needed, the others as a whole with 4 bytes for each pixel.
_MOST_PIXELS = {"JPEG": 85_000_000}
_MOST_PIXELS_OTHERS = 24_000_000
_SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", re.ASCII)

# One at a time: that is what bounds the memory.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")

# What Pillow raises for broken and for malicious files.
_REFUSALS = (
    OSError,
    ValueError,
    SyntaxError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class NotAPicture(ValueError):
    """The bytes are no picture in one of FORMATS, are broken, or would need too much memory."""


class Picture(msgspec.Struct, frozen=True):
    """Bytes of a picture with what is known about them."""

    content_type: str
    width: int
    height: int
    data: bytes


def wanted_size(text: str) -> tuple[int, int]:
    """Reads `WxH`. ValueError for anything else and for sides over LARGEST_SIDE."""
    match = _SIZE.fullmatch(text)
    if not match or max(int(match[1]), int(match[2])) > LARGEST_SIDE:
        raise ValueError("not a size")
    return int(match[1]), int(match[2])


async def checked(data: bytes) -> Picture:
    """The picture, after it was decoded. Raises NotAPicture."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, _checked, data)


async def thumbnail(data: bytes, width: int, height: int) -> Picture:
    """A version that fits into the size, upright, without metadata, never enlarged. Raises NotAPicture."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, _thumbnail, data, width, height)


def _checked(data: bytes) -> Picture:
    try:
        with _opened(data) as image:
            kind, width, height = image.format or "", image.width, image.height
            image.draft("RGB", (64, 64))
            image.load()
    except _REFUSALS as error:
        raise NotAPicture("not a picture") from error
    return Picture(content_type=Image.MIME[kind], width=width, height=height, data=data)


def _thumbnail(data: bytes, width: int, height: int) -> Picture:
    try:
        with _opened(data) as image:
            image.draft("RGB", (width, height))
            upright = ImageOps.exif_transpose(image)
            has_alpha = upright.has_transparency_data
            small = upright.convert("RGBA" if has_alpha else "RGB")
            small.thumbnail((width, height))
    except _REFUSALS as error:
        raise NotAPicture("not a picture") from error
    kind = "PNG" if has_alpha else "JPEG"
    written = io.BytesIO()
    small.info.clear()
    small.save(written, kind, quality=85, optimize=True)
    return Picture(
        content_type=Image.MIME[kind], width=small.width, height=small.height, data=written.getvalue()
    )


def _opened(data: bytes) -> Image.Image:
    """Only the header is read here."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > _MOST_PIXELS.get(image.format or "", _MOST_PIXELS_OTHERS):
        image.close()
        raise ValueError("too many pixels")
    return image
