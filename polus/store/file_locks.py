"""Locks between processes that the kernel gives back however their holder ends (flock)."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def descriptor(path: Path) -> int:
    """Opens a lock file. Made by root in somebody's folder, it must stay usable for that somebody."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor for the block; its lock ends with it."""
    fd = descriptor(path)
    try:
        yield fd
    finally:
        os.close(fd)


def share(fd: int) -> None:
    """Waits for a shared lock, in place of any other lock held through the descriptor."""
    fcntl.flock(fd, fcntl.LOCK_SH)


def own(fd: int) -> None:
    """Waits for the exclusive lock."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def try_share(fd: int) -> bool:
    """False when somebody else owns the lock."""
    return _try(fd, fcntl.LOCK_SH)


def try_own(fd: int) -> bool:
    """False when somebody else holds any lock; then the descriptor may have lost its own shared one."""
    return _try(fd, fcntl.LOCK_EX)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
