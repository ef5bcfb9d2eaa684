"""A user who was invited is told so by mail."""

from polus.desk import invitations, notices
from polus.reactions.event import Event
from polus.store.work import Work

USER = """
select u.email, u.name, a.domain, i.name as inviter
from users u join accounts a on a.id = u.account_id
left join users i on i.account_id = u.account_id and i.id = $3
where u.account_id = $1 and u.id = $2 and u.deleted_datetime is null
"""

TEXT = """Hello {name},

{inviter} invited you to the helpdesk {domain}.

Choose your password here, within a week:
{link}

After that, log in at {url}/login with your e-mail address {email}.
"""


async def run(work: Work, event: Event) -> None:
    """Write the invitation."""
    row = await work.db.fetchrow(USER, work.account.id, event.object_id, event.user_id)
    if row is None:
        return
    text = TEXT.format(
        name=row["name"],
        inviter=row["inviter"] or "An administrator",
        domain=row["domain"],
        link=invitations.link(work, event.object_id),
        url=work.account.home,
        email=row["email"],
    )
    await notices.add(work, row["email"], "Invitation to the helpdesk " + row["domain"], text)
