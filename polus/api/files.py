"""Files: `/api/upload` and `/api/{file_type}/download/…`. The bytes themselves are answered by `api.downloads`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import incoming
from polus.api.fields import Upload
from polus.api.multipart import Part, Reader
from polus.api.operation import Arrival, Call, Reply, operation
from polus.base import errors, pictures
from polus.desk import files
from polus.desk.files import Kept
from polus.store.work import Work

# Room for the parts' own headers beside their bytes.
OVERHEAD = 1024 * 1024
# wire: who sends one of these field names means the part's own file name
FIELD_NAMES = ("file", "files", "upload")

NO_FILE = "No file was sent."


class TooManyFiles(errors.Refusal):
    """413, of the number of files."""

    status = 413

    def __init__(self) -> None:
        super().__init__("The request is too large.", {"files": files.MOST_FILES})


class File(msgspec.Struct):
    """A stored file."""

    content_type: str
    name: str
    size: int
    url: str


class UploadQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What the files are for."""

    type: Annotated[
        files.Type,
        Meta(
            description="`attachment` is fetched with credentials only; the others by whoever has the address."
        ),
    ] = "attachment"


class DownloadQuery(msgspec.Struct, forbid_unknown_fields=True):
    """In which size."""

    format: Annotated[
        str | UnsetType,
        Meta(description="Of a picture: a small version that fits into `WxH` pixels, such as `200x200`."),
    ] = UNSET


@asynccontextmanager
async def _intake(arrival: Arrival[UploadQuery]) -> AsyncIterator[list[Kept]]:
    """The uploaded bytes, in the store; taken out of it again when what follows fails."""
    arrival.actor.require(files.ROLES[arrival.query.type])
    if incoming.media_type(arrival.scope) != b"multipart/form-data":
        raise incoming.Unsupported
    kept: list[Kept] = []
    try:
        await _read(arrival, kept)
        yield kept
    except BaseException:
        for file in kept:
            await arrival.files.delete(file.key)
        raise


async def _read(arrival: Arrival[UploadQuery], kept: list[Kept]) -> None:
    store, account = arrival.files, arrival.account
    chunks = incoming.chunks(arrival.scope, arrival.receive, files.REQUEST_LIMIT, OVERHEAD)
    reader = Reader(incoming.header(arrival.scope, b"content-type"), chunks)
    async for part in reader.parts():
        if not part.is_file:
            continue
        if len(kept) == files.MOST_FILES:
            raise TooManyFiles
        name = _name(part)
        if arrival.query.type in files.PICTURES:
            kept.append(await files.keep_picture(store, account, name, reader.data()))
        else:
            kept.append(await files.keep(store, account, name, part.content_type, reader.data()))
        if sum(file.size for file in kept) > files.REQUEST_LIMIT:
            raise errors.TooLarge(files.REQUEST_LIMIT)
    if not kept:
        raise errors.one("file", NO_FILE)


def _name(part: Part) -> str:
    if not part.field or part.field.partition("[")[0] in FIELD_NAMES:
        return part.filename or part.field or "file"
    return part.field


@operation(
    "POST",
    "/api/upload",
    id="upload-files",
    scope="tickets:write",
    query=UploadQuery,
    body=Upload,
    request_content="multipart/form-data",
    intake=_intake,
    answer=list[File],
    status=201,
    failure="Failed to upload files",
    tag="Files",
)
async def upload(work: Work, call: Call[UploadQuery, list[Kept]]) -> bytes:
    """Upload files.

    One part for each file, at most 10 files of 20 MiB, 60 MiB together. A part's field name is the file's name; the
    field names `file`, `files` and `upload` take the part's own file name instead. Pictures are PNG, JPEG, GIF or
    WebP of at most 5 MiB. Uploading `public_attachment` needs the role Basic, `widget_picture` the role Admin.
    Attachments that nothing has used for 30 days are removed.
    """
    return b"[" + ",".join(await files.add(work, call.query.type, call.body)).encode() + b"]"


@operation(
    "GET",
    "/api/{file_type}/download/{domain_hash}/{resource_name}",
    id="download-file",
    scope="tickets:read",
    query=DownloadQuery,
    status=307,
    public=lambda found: found[0] in files.PUBLIC,
    tag="Files",
)
async def download(work: Work, call: Call[DownloadQuery, None]) -> Reply:
    """Fetch a file.

    The answer leads to an address that works for five minutes without credentials. Only the type `attachment` needs
    credentials here.
    """
    file_type, domain_hash, resource_name = call.ids
    if file_type not in files.TYPES or domain_hash != work.account.hash:
        raise errors.NotFound
    found = await files.get(work, file_type, resource_name)
    size = "" if call.query.format is UNSET else str(call.query.format)
    if size:
        try:
            pictures.wanted_size(size)
        except ValueError:
            raise errors.Invalid({"format": [errors.NOT_CHOICE]}, "Invalid query parameters") from None
    location = files.link(work, found, size)
    return Reply(headers=((b"location", location.encode()),))
