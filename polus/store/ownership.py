"""As whom the embedded PostgreSQL runs: it refuses root, so root lends its data folder to another user.

Only folders on the way to the data and to the binaries are opened, only for passing through, and where the
file system has access lists only for that one user. Nothing is opened for reading.
"""

import os
import pwd
import shutil
import stat
import struct
import subprocess
from pathlib import Path

import msgspec
import structlog

from polus.base.settings import Misconfigured

USER = "polus"
_LOG = structlog.get_logger(__name__)

_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")  # tag, permissions, id; see acl(5) and the kernel's posix_acl_xattr.h
_OWNER, _NAMED_USER, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


class Runner(msgspec.Struct, frozen=True):
    """The system user that PostgreSQL runs as."""

    uid: int
    gid: int

    def arguments(self) -> dict[str, object]:
        """For subprocess.run: become this user, unless we are it already."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def runner(data: Path) -> Runner:
    """Ourselves; for root the owner of the data when that is another user, else the system user `polus`."""
    if os.geteuid() != 0:
        return Runner(os.geteuid(), os.getegid())
    for folder in (data / "postgres", data):
        if folder.exists() and folder.stat().st_uid != 0:
            owner = folder.stat()
            return Runner(owner.st_uid, owner.st_gid)
    entry = _entry(USER) or _added() or _entry("nobody")
    if entry is None:
        raise Misconfigured(
            "no-database-user",
            "PostgreSQL must not run as root and no other user could be found or made.",
            f"Run polus as an ordinary user, or add one: useradd --system {USER}.",
        )
    return Runner(entry.pw_uid, entry.pw_gid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _added() -> pwd.struct_passwd | None:
    """Makes the system user; another process may have been faster."""
    useradd = shutil.which("useradd")
    if useradd:
        command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run([*command, USER], capture_output=True, check=False, timeout=30)  # noqa: S603
    return _entry(USER)


def open_way(runner: Runner, target: Path) -> None:
    """Lets the runner pass through every folder above the target."""
    if os.geteuid() != 0:
        return
    for folder in reversed(target.resolve().parents):
        if not _may_pass(runner, folder):
            _let_pass(runner, folder)


def _may_pass(runner: Runner, folder: Path) -> bool:
    found = folder.stat()
    mode = found.st_mode
    if found.st_uid == runner.uid:
        return bool(mode & stat.S_IXUSR)
    for tag, allowed, who in _entries(folder):
        if tag == _NAMED_USER and who == runner.uid:
            return bool(allowed & 1) and bool(mode & stat.S_IXGRP)
    return bool(mode & (stat.S_IXGRP if found.st_gid == runner.gid else stat.S_IXOTH))


def _let_pass(runner: Runner, folder: Path) -> None:
    try:
        os.setxattr(folder, _ACL, _with_passage(runner.uid, _entries(folder)))
    except (OSError, AttributeError):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
        _LOG.warning("folder opened to all for passing through", folder=str(folder), for_uid=runner.uid)


def _entries(folder: Path) -> list[tuple[int, int, int]]:
    """The folder's access list; without one, what its mode means."""
    try:
        packed = os.getxattr(folder, _ACL)
    except (OSError, AttributeError):
        mode = folder.stat().st_mode
        return [
            (_OWNER, mode >> 6 & 7, _NO_ID),
            (_GROUP, mode >> 3 & 7, _NO_ID),
            (_OTHERS, mode & 7, _NO_ID),
        ]
    return [(tag, allowed, who) for tag, allowed, who in _ACL_ENTRY.iter_unpack(packed[len(_ACL_VERSION) :])]


def _with_passage(uid: int, entries: list[tuple[int, int, int]]) -> bytes:
    """The list with the right of passage for one user; the kernel wants it sorted and with a mask."""
    rights = {(tag, who): allowed for tag, allowed, who in entries}
    mask = rights.get((_MASK, _NO_ID), rights[_GROUP, _NO_ID])
    rights[_MASK, _NO_ID] = mask | 1
    rights[_NAMED_USER, uid] = rights.get((_NAMED_USER, uid), 0) | 1
    packed = [_ACL_ENTRY.pack(tag, allowed, who) for (tag, who), allowed in sorted(rights.items())]
    return _ACL_VERSION + b"".join(packed)
