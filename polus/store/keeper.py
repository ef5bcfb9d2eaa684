"""Keeps the embedded PostgreSQL alive while anybody uses it and stops it afterwards; run as a script.

`server.start` runs `python -I -S keeper.py USERS_LOCK KEEPER_LOCK UID GID COMMAND…`. Standard library only and
few imports, because the process stays: it is PostgreSQL's parent, so that kill -9 of any user harms nobody.
"""

import fcntl
import os
import select
import signal
import sys
import time

POLL = 0.5  # seconds between looks whether anybody is left
FAST = 5.0  # a PostgreSQL that ended sooner than this counts as failed
FAILURES = 5  # so many at the very first, and the keeper gives up; later it never does
PATIENCE = (60.0, 10.0, 10.0)  # seconds given to each of the ever ruder signals


def locked(path: str) -> int | None:
    """Descriptor that holds the exclusive lock, None when somebody else holds a lock."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def leaving(path: str) -> bool:
    """Whether the last user has taken the lock for himself: he has ended PostgreSQL and waits for us to end."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def spawn(uid: int, gid: int, command: list[str]) -> int:
    """Starts PostgreSQL as the given user; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.umask(0o077)
        os.execv(command[0], command)  # noqa: S606 - the point of this process
    finally:
        os._exit(127)


def ended(pid: int, wakeup: int, seconds: float) -> int | None:
    """Exit code once PostgreSQL has ended, None when it still runs after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        if select.select([wakeup], [], [], left)[0]:
            os.read(wakeup, 512)


def stop(pid: int, wakeup: int) -> None:
    """Ends PostgreSQL: clients are cut off and everything is written; the ruder ways are recovered from."""
    for number, seconds in zip((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), PATIENCE, strict=True):
        os.kill(pid, number)
        if ended(pid, wakeup, seconds) is not None:
            return


def watch(pid: int, users: str, wakeup: int) -> bool:
    """True when PostgreSQL was ended on purpose, by us because nobody is left or by somebody's signal."""
    while True:
        code = ended(pid, wakeup, POLL)
        if code is not None:
            return code == 0
        fd = locked(users)
        if fd is not None:
            stop(pid, wakeup)
            os.close(fd)
            return True


def keep(users: str, uid: int, gid: int, command: list[str]) -> None:
    """Starts PostgreSQL again as often as it dies."""
    wakeup, signalled = os.pipe()
    os.set_blocking(signalled, False)
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(signalled)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    failures, lived = 0, False
    while lived or failures < FAILURES:
        begun = time.monotonic()
        if watch(spawn(uid, gid, command), users, wakeup):
            return
        # A shutdown that fails (a full disk) looks like a crash, but nobody is there to start again for.
        if leaving(users):
            return
        if time.monotonic() - begun >= FAST:
            failures, lived = 0, True
        # A killed postmaster's children hold the shared memory for a moment; until then a start is refused.
        time.sleep(min(0.1 * 2**failures, 2.0))
        failures += 1
        if locked(users) is not None:
            return


def main() -> None:
    users, keeper, uid, gid, *command = sys.argv[1:]
    for _ in range(20):  # whoever asks whether a keeper lives holds the lock for a moment
        if locked(keeper) is not None:
            break
        time.sleep(0.05)
    else:
        return
    if os.fork():
        os._exit(0)  # who started us need not wait; the lock lives on in the child
    os.setsid()
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    keep(users, int(uid), int(gid), command)


if __name__ == "__main__":
    main()
