"""Debian's Dovecot and Postfix, started by the tests on loopback: mail servers that know nothing of us.

Both run with a folder of their own, so that what the machine has installed is not touched; Postfix needs root for that.
"""

import asyncio
import contextlib
import getpass
import grp
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests import certificates

PASSWORD = "open-sesame"
ROOT = os.geteuid() == 0
DOVECOT = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
POSTFIX = shutil.which("postfix") or shutil.which("postfix", path="/usr/sbin")
HAS_IMAP = Path("/usr/lib/dovecot/imap").exists()
NO_DOVECOT = "Dovecot is not installed: `make peers`, or apt-get install dovecot-imapd"
NO_POSTFIX = "Postfix is not installed, or this is not root, which it needs: `make peers`"

needs_dovecot = pytest.mark.skipif(not (DOVECOT and HAS_IMAP), reason=NO_DOVECOT)
needs_postfix = pytest.mark.skipif(not (POSTFIX and ROOT), reason=NO_POSTFIX)

DOVECOT_CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
default_internal_user = {inner}
default_internal_group = {group}
default_login_user = {inner}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
mailbox_idle_check_interval = 1 secs
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
service anvil {{
  chroot =
  # Else each wrong password makes the next login from this machine wait longer, up to 15 s.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {sasl}
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
"""
OAUTH2_CONF = """
tokeninfo_url = http://127.0.0.1:{tokens}/tokeninfo?access_token=
username_attribute = user
active_attribute = active
active_value = yes
"""

MAIN_CF = """
compatibility_level = 3.6
myhostname = mail.example
mydestination =
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
alias_database =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
smtpd_sasl_local_domain =
smtpd_tls_chain_files = {keys}/key.pem {keys}/cert.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sender_login_maps = regexp:{folder}/senders
smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
relayhost = [127.0.0.1]:{sink}
"""
MASTER_CF = """
127.0.0.1:{submission} inet n - n - - smtpd
127.0.0.1:{submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:{plain} inet n - n - - smtpd
  -o smtpd_tls_auth_only=no
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Open to the servers' own users, unlike pytest's."""
    made = Path(tempfile.mkdtemp(prefix="polus-peers-"))
    made.chmod(0o755)
    try:
        certificates.make(made, "localhost")
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def listening(port: int, log: Path) -> None:
    """Until somebody does; they start in a second."""
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise AssertionError(log.read_text() if log.exists() else "it did not start")


@dataclass
class Dovecot:
    """Any user name has a mailbox; the password is `PASSWORD`, tokens are asked for at port `tokens`."""

    folder: Path
    imap: int
    imaps: int
    sasl: int
    tokens: int

    def client(self, user: str) -> IMAPClient:
        """The mailbox as another program uses it."""
        client = IMAPClient("127.0.0.1", self.imap, ssl=False)
        client.login(user, PASSWORD)
        return client

    def put(self, user: str, *mails: bytes, into: str = "INBOX", dated: object = None) -> None:
        """Mails that arrive."""
        with self.client(user) as client:
            if not client.folder_exists(into):
                client.create_folder(into)
            for raw in mails:
                client.append(into, raw, msg_time=dated)


@contextlib.asynccontextmanager
async def dovecot() -> AsyncIterator[Dovecot]:
    """A running IMAP server."""
    assert DOVECOT is not None
    with folder() as place:
        imap, imaps, sasl, tokens = free_ports(4)
        owner = pwd.getpwnam("nobody") if ROOT else pwd.getpwnam(getpass.getuser())
        inner = "dovecot" if ROOT else owner.pw_name
        (place / "mail").mkdir()
        os.chown(place / "mail", owner.pw_uid, owner.pw_gid)
        (place / "oauth2.conf").write_text(OAUTH2_CONF.format(tokens=tokens))
        conf = place / "dovecot.conf"
        conf.write_text(
            DOVECOT_CONF.format(
                folder=place, inner=inner, group=grp.getgrgid(pwd.getpwnam(inner).pw_gid).gr_name,
                imap=imap, imaps=imaps, sasl=sasl, password=PASSWORD, uid=owner.pw_uid, gid=owner.pw_gid,
            )
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(DOVECOT, "-F", "-c", str(conf))
        try:
            await listening(imap, place / "log")
            yield Dovecot(place, imap, imaps, sasl, tokens)
        finally:
            process.terminate()
            await process.wait()


@dataclass
class Postfix:
    """Takes mail from whoever logs in at `dovecot`, from an address whose first part is the login; hands it to the sink.

    At port `plain` also who does not encrypt may log in.
    """

    folder: Path
    submission: int
    submissions: int
    plain: int


@contextlib.asynccontextmanager
async def postfix(dovecot: Dovecot, sink: int) -> AsyncIterator[Postfix]:
    """A running submission server, with the certificate of that Dovecot, which checks its logins."""
    assert POSTFIX is not None
    with folder() as place:
        submission, submissions, plain = free_ports(3)
        for name in ("queue", "data"):
            (place / name).mkdir()
        os.chown(place / "data", pwd.getpwnam("postfix").pw_uid, -1)
        (place / "senders").write_text("/^([^@+]+)@.*$/ ${1}\n")
        (place / "main.cf").write_text(
            MAIN_CF.format(folder=place, keys=dovecot.folder, sasl=dovecot.sasl, sink=sink)
        )
        master = MASTER_CF.format(submission=submission, submissions=submissions, plain=plain)
        (place / "master.cf").write_text(master)
        await run(POSTFIX, "-c", str(place), "start")
        try:
            await listening(submission, place / "log")
            yield Postfix(place, submission, submissions, plain)
        finally:
            await run(POSTFIX, "-c", str(place), "stop")
