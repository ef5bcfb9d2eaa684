"""Forgotten passwords: the mail with a link by which a new one is chosen. It works for an hour, and once."""

from polus.base import crypto, errors
from polus.base.crypto import Signer
from polus.desk import admissions, invitations, notices, sessions
from polus.desk.sessions import Candidate
from polus.store import buckets
from polus.store.work import Actor, Work

SECONDS = 3600
PATH = "/login/reset/"
MOST_MAILS = 3
MOST_FROM = 30

SUBJECT = "A new password for the helpdesk {domain}"
TEXT = """Hello {name},

somebody, probably you, asked for a new password for {email} at {url}.

Choose it here, within an hour:
{link}

If it was not you, do nothing: your password stays as it is.
"""
NAME = "select name from users where account_id = $1 and id = $2"
LOCK = "select password_hash from users where account_id = $1 and id = $2 for update"
SET = "update users set password_hash = $3, updated_datetime = $4, email_proven_datetime = $4 where account_id = $1 and id = $2"


async def ask(work: Work, email: str, origin: str) -> bool:
    """Send the link to the person of that address, if there is one; nobody learns whether there is. Event
    user-password-reset.

    Who has no password yet is invited again, and somebody new whose mail domain may join is invited. False, and nothing is sent, when it was asked for too often.
    """
    hashed = crypto.digest(email.lower()).hex()
    for key, most in (
        (f"reset {work.account.id} {hashed}", MOST_MAILS),
        ("reset from " + origin, MOST_FROM),
    ):
        if not await buckets.take(work.db, key, most, float(SECONDS)):
            return False
    found = await sessions.candidate(work, email)
    if found is None:
        await admissions.join(work, email)
        return True
    if found.password_hash is None:
        work.record("user-invited", "User", found.user_id)
        return True
    facts = {
        "name": await work.db.fetchval(NAME, work.account.id, found.user_id),
        "email": found.email,
        "url": work.account.home,
        "domain": work.account.domain,
        "link": work.account.home + PATH + token(work, found),
    }
    work.record("user-password-reset", "User", found.user_id)
    await notices.add(work, found.email, SUBJECT.format(**facts), TEXT.format(**facts))
    return True


def token(work: Work, found: Candidate) -> str:
    """What makes the address nobody else's. It speaks of the present password: with a new one it is over."""
    return _signer(work).sign(f"{work.account.id} {found.user_id} {_mark(found)}", SECONDS)


async def asked(work: Work, given: str) -> Candidate | None:
    """Whose token it is; None when it is none of ours, over, or used."""
    account, _, rest = (_signer(work).read(given) or "").partition(" ")
    user, _, mark = rest.partition(" ")
    if account != str(work.account.id):
        return None
    found = await sessions.candidate_by_id(work, int(user))
    return found if found is not None and crypto.equal(mark, _mark(found)) else None


async def choose(work: Work, found: Candidate, password: str) -> None:
    """Set the new password; all sessions end. 400 on `password`, 404 when the link was used meanwhile.

    Event user-password-changed.
    """
    invitations.require_password(password)
    if await work.db.fetchval(LOCK, work.account.id, found.user_id) != found.password_hash:
        raise errors.NotFound
    work.actor = Actor("user", found.user_id, found.role)
    hashed = await crypto.hash_password(password)
    await work.db.execute(SET, work.account.id, found.user_id, hashed, work.now)
    await sessions.close_others(work, found.user_id)
    work.record("user-password-changed", "User", found.user_id)
    work.ring("credentials", work.account.id)


def _mark(found: Candidate) -> str:
    return crypto.digest(found.password_hash or "").hex()[:24]


def _signer(work: Work) -> Signer:
    return Signer(work.database.secret_key, "password reset")
