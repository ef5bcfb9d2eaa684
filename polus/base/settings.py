"""Everything a person may set: read from flags, `POLUS_…` variables and `POLUS_…_FILE` files, checked once.

The `Settings` class is the one table: names, types, defaults and meanings. `docs/reference/settings.md` is
written from it. What the values are used for is left to the modules that receive them.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Meta

from polus.base import crypto

PREFIX = "POLUS_"
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - the name of a file


class Misconfigured(Exception):
    """A setting that cannot work: a stable code, one sentence on what is wrong, one on how to cure it."""

    def __init__(self, code: str, sentence: str, cure: str) -> None:
        super().__init__(f"{sentence} {cure} [{code}]")
        self.code = code
        self.sentence = sentence
        self.cure = cure


class Relay(msgspec.Struct, frozen=True):
    """The outgoing mail server. `implicit_tls` is true for smtps://; otherwise STARTTLS is used when offered."""

    host: str
    port: int
    user: str | None
    password: str | None
    implicit_tls: bool

    def __repr__(self) -> str:
        return f"Relay(host={self.host!r}, port={self.port}, user={self.user!r})"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One running installation's settings, complete and checked. Its repr never shows a secret."""

    data: Annotated[
        Path,
        Meta(description="Folder of the database, the stored files and the secret key. Made when absent."),
    ] = Path("data")
    database_url: Annotated[
        str,
        Meta(
            description="Another PostgreSQL (16 or newer), `postgresql://user:password@host:port/name`. "
            "Empty: the embedded PostgreSQL in the data folder.",
            extra={"secret": True},
        ),
    ] = ""
    host: Annotated[str, Meta(description="Address on which HTTP and SMTP listen.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of HTTP. 0: any free one.")] = 8000
    smtp_port: Annotated[int, Meta(ge=0, le=65535, description="Port of SMTP. 0: any free one.")] = 8025
    smtp_url: Annotated[
        str,
        Meta(
            description="Relay for outgoing mail, `smtp://user:password@host:587` (STARTTLS when offered) or "
            "`smtps://user:password@host:465`. Empty: nothing can be sent.",
            extra={"secret": True},
        ),
    ] = ""
    base_url: Annotated[
        str,
        Meta(
            description="The address under which people reach this installation, for links in mails and "
            "answers. Empty: `http://` with host and port."
        ),
    ] = ""
    secret_key: Annotated[
        str,
        Meta(
            description="Signs sessions and links; at least 32 characters. Empty: made once and kept in "
            f"`{SECRET_KEY_FILE}` in the data folder, readable by its owner only.",
            extra={"secret": True},
        ),
    ] = ""
    rate_limit: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="Requests one credential may make per 20 seconds; 0: no limit. "
            "Empty: 40 for API keys, 80 for apps.",
        ),
    ] = None
    outbound_allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Private hosts and networks that outgoing HTTP, and mail servers of addresses, may be at, "
            "separated by commas: "
            "`shop.internal, 10.1.0.0/16`. Empty: only public addresses."
        ),
    ] = ()
    dns_servers: Annotated[
        tuple[str, ...],
        Meta(
            description="DNS servers that are asked about senders of mails (SPF, DKIM, DMARC), separated by commas: "
            "`192.0.2.53, 127.0.0.1:5353`. Empty: those of the machine."
        ),
    ] = ()
    files_url: Annotated[
        str,
        Meta(
            description="Where uploaded files are kept: `file:///folder`, `s3://bucket/prefix`, "
            "`gs://bucket/prefix` or `az://container/prefix`, with the provider's own variables for access. "
            "Empty: folder `files` in the data folder."
        ),
    ] = ""
    processes: Annotated[int, Meta(ge=1, le=64, description="HTTP server processes.")] = 1
    tls_cert: Annotated[
        Path | None, Meta(description="Certificate chain (PEM) for HTTPS and STARTTLS. Empty: plain text.")
    ] = None
    tls_key: Annotated[Path | None, Meta(description="Private key (PEM) of the certificate.")] = None
    account: Annotated[str, Meta(description="Domain of the first account.")] = "helpdesk"
    address: Annotated[
        str, Meta(description="First account's e-mail address. Empty: `support@` and the base URL's host.")
    ] = ""
    admin_email: Annotated[
        str, Meta(description="First user's e-mail. Empty: `admin@` and the same host.")
    ] = ""
    admin_name: Annotated[str, Meta(description="First user's name.")] = "Admin"
    admin_password: Annotated[
        str, Meta(description="First user's password. Empty: made, printed once.", extra={"secret": True})
    ] = ""
    admin_key: Annotated[
        str, Meta(description="First user's API key. Empty: made, printed once.", extra={"secret": True})
    ] = ""

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        parts = (f"{n}={'***' if v and is_secret(n) else repr(v)}" for n, v in shown.items())
        return f"Settings({', '.join(parts)})"

    def relay(self) -> Relay | None:
        """The relay named by `smtp_url`, None when there is none."""
        return _relay(self.smtp_url) if self.smtp_url else None


class Row(msgspec.Struct, frozen=True):
    """One line of the table of settings, as documentation shows it."""

    variable: str
    field: str
    default: str
    meaning: str


_HINTS = get_type_hints(Settings, include_extras=True)


def _meta(field: str) -> Meta:
    meta: Meta = _HINTS[field].__metadata__[0]
    return meta


def is_secret(field: str) -> bool:
    """Whether the value must never be shown or logged."""
    return bool((_meta(field).extra or {}).get("secret"))


def table() -> list[Row]:
    """All settings in the order in which they are declared."""
    return [
        Row(PREFIX + f.name.upper(), f.name, _shown(f.default), _meta(f.name).description or "")
        for f in msgspec.structs.fields(Settings)
    ]


def _shown(default: object) -> str:
    return "" if default in (None, "", ()) else str(default)


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Names in the environment that look like ours but mean nothing: mostly misspelt."""
    known = {row.variable for row in table()}
    return sorted(
        name for name in environ if name.startswith(PREFIX) and name.removesuffix("_FILE") not in known
    )


def load(environ: Mapping[str, str], **flags: object) -> Settings:
    """Flags (None: not given) beat the environment, which beats the default. Raises Misconfigured.

    Makes the data folder and the secret key when they are absent, so that all processes share one key.
    """
    given: dict[str, Any] = {}
    for field in Settings.__struct_fields__:
        value = flags.pop(field, None)
        if value is None:
            value = _from_environment(environ, PREFIX + field.upper())
        if value is not None:
            given[field] = _read(field, value)
    if flags:
        raise TypeError(f"no such setting: {', '.join(sorted(flags))}")
    try:
        settings = msgspec.convert(given, Settings, dec_hook=_keep)
    except msgspec.ValidationError as error:
        raise _out_of_bounds(str(error)) from error
    return _completed(settings)


def _from_environment(environ: Mapping[str, str], variable: str) -> str | None:
    direct, path = environ.get(variable), environ.get(variable + "_FILE")
    if direct and path:
        raise Misconfigured(
            "setting-given-twice",
            f"Both {variable} and {variable}_FILE are set.",
            "Keep one of them.",
        )
    if not path:
        return direct or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            "setting-file-unreadable",
            f"{variable}_FILE names {path}, which cannot be read: {type(error).__name__}.",
            "Name a readable text file.",
        ) from error


def _keep(kind: type, value: object) -> object:
    """Paths pass through msgspec unchanged; `_read` has made them."""
    return value


def _out_of_bounds(complaint: str) -> Misconfigured:
    """msgspec says e.g. "Expected `int` <= 65535 - at `$.port`"; people know the variable, not the field."""
    what, _, where = complaint.partition(" - at `$.")
    variable = PREFIX + where.rstrip("`").upper()
    return Misconfigured("setting-out-of-bounds", f"{variable}: {what}.", "Give a value within the bounds.")


def _read(field: str, value: object) -> object:
    reader = _READERS.get(field)
    if reader is None or not isinstance(value, str):
        return value
    try:
        return reader(value.strip())
    except ValueError as error:
        shown = "its value" if is_secret(field) else repr(value)
        raise Misconfigured(
            "setting-invalid",
            f"{PREFIX}{field.upper()}: {shown} is not usable: {error}.",
            "See docs/reference/settings.md for the form.",
        ) from error


def _int(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("not a whole number")
    return int(text)


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes:
            raise ValueError(f"it must start with {' or '.join(s + '://' for s in schemes)}")
        _ = parts.port  # raises ValueError when it is no port
        return text

    return read


def _database_url(text: str) -> str:
    """Both names of the scheme are common; inside there is one."""
    return "postgresql" + _url("postgresql", "postgres")(text).removeprefix("postgresql").removeprefix(
        "postgres"
    )


def _base_url(text: str) -> str:
    _url("http", "https")(text)
    if not urlsplit(text).hostname:
        raise ValueError("there is no host in it")
    return text.rstrip("/")


def _smtp_url(text: str) -> str:
    _url("smtp", "smtps")(text)
    _relay(text)
    return text


def _relay(url: str) -> Relay:
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("there is no host in it")
    implicit = parts.scheme == "smtps"
    return Relay(
        host=parts.hostname,
        port=parts.port or (465 if implicit else 25),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        implicit_tls=implicit,
    )


def _secret_key(text: str) -> str:
    if len(text) < 32:
        raise ValueError("it has fewer than 32 characters")
    return text


_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


def _hosts(text: str) -> tuple[str, ...]:
    names = [name for name in re.split(r"[,\s]+", text.lower()) if name]
    for name in names:
        if name[0].isdigit() or ":" in name or "/" in name:
            ipaddress.ip_network(name, strict=False)
        elif not _HOST.fullmatch(name):
            raise ValueError(f"{name} is neither a host nor a network")
    return tuple(names)


def _servers(text: str) -> tuple[str, ...]:
    servers = tuple(one for one in re.split(r"[,\s]+", text) if one)
    for one in servers:
        host, colon, port = one.rpartition(":")
        ipaddress.ip_address(host if colon and ":" not in host else one)
        if colon and ":" not in host and not 0 < _int(port) < 65_536:
            raise ValueError(f"{one} has no port that there is")
    return servers


_READERS: dict[str, Callable[[str], object]] = {
    "data": _path,
    "database_url": _database_url,
    "port": _int,
    "smtp_port": _int,
    "smtp_url": _smtp_url,
    "base_url": _base_url,
    "secret_key": _secret_key,
    "rate_limit": _int,
    "outbound_allow": _hosts,
    "dns_servers": _servers,
    "files_url": _url("file", "s3", "gs", "az"),
    "processes": _int,
    "tls_cert": _path,
    "tls_key": _path,
}


def _completed(settings: Settings) -> Settings:
    """Fills what follows from other settings; from here on nothing is empty that has a value."""
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise Misconfigured(
            "tls-incomplete", "TLS needs a certificate and its key; only one is given.", "Give both or none."
        )
    data = settings.data.absolute()
    return msgspec.structs.replace(
        settings,
        data=data,
        base_url=settings.base_url or _own_address(settings),
        files_url=settings.files_url or (data / "files").as_uri(),
        secret_key=settings.secret_key or _kept_secret_key(data),
    )


def _own_address(settings: Settings) -> str:
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(settings.host, settings.host)  # noqa: S104
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _kept_secret_key(data: Path) -> str:
    """Reads the installation's key, making it at the first start; of two racing starts one key wins."""
    path = data / SECRET_KEY_FILE
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            crypto.make_secret_key(path)
        return _secret_key(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise Misconfigured(
            "secret-key-unusable",
            f"The secret key in {path} can be neither read nor made: {error}.",
            "Make the data folder writable for this user, or set POLUS_SECRET_KEY.",
        ) from error
