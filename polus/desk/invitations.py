"""Invitations: the link by which a new user chooses a password. It works for a week, and only until he has one.

Who came by one that was mailed is seen to read the mail of his address; one that was given by hand says nothing of that.
"""

from polus.base import errors
from polus.base.crypto import Signer
from polus.desk import sessions, users
from polus.desk.sessions import Candidate
from polus.store.database import Database
from polus.store.work import Actor, Work

DAYS = 7
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 128
PATH = "/login/welcome/"
BY_HAND = "hand"

# Two who open the same link at once: the second finds a password.
LOCK = "select password_hash from users where account_id = $1 and id = $2 for update"


def link(work: Work, user_id: int) -> str:
    """The address that is sent to the user."""
    return work.account.home + PATH + token(work.database, work.account.id, user_id)


def handed(work: Work, user_id: int) -> str:
    """The same for who gives it to the user himself."""
    signed = _signer(work.database).sign(f"{work.account.id} {user_id} {BY_HAND}", DAYS * 86400)
    return work.account.home + PATH + signed


def token(database: Database, account_id: int, user_id: int) -> str:
    """What makes the address nobody else's."""
    return _signer(database).sign(f"{account_id} {user_id}", DAYS * 86400)


def _signer(database: Database) -> Signer:
    return Signer(database.secret_key, "invitation")


async def invited(work: Work, given: str) -> Candidate | None:
    """Whom the token invites; None when it is none of ours, over, or used."""
    account, _, rest = (_signer(work.database).read(given) or "").partition(" ")
    if account != str(work.account.id):
        return None
    found = await sessions.candidate_by_id(work, int(rest.partition(" ")[0]))
    return found if found is not None and found.password_hash is None else None


def require_password(password: str) -> None:
    """400 on `password` when it is too short or too long to be one."""
    if len(password) < SHORTEST_PASSWORD:
        raise errors.one("password", errors.too_short(SHORTEST_PASSWORD))
    if len(password) > LONGEST_PASSWORD:
        raise errors.one("password", errors.too_long(LONGEST_PASSWORD))


async def accept(work: Work, given: str, found: Candidate, password: str) -> None:
    """Give the user whom the token invites the password he chose; 400 on `password`. Event user-password-changed."""
    require_password(password)
    if await work.db.fetchval(LOCK, work.account.id, found.user_id) is not None:
        raise errors.NotFound
    work.actor = Actor("user", found.user_id, found.role)
    await users.update(work, found.user_id, {"new_password": password})
    if not (_signer(work.database).read(given) or "").endswith(BY_HAND):
        await users.prove(work, found.user_id)
