"""Whether mail can leave, for pages that warn of it or would else promise a mail."""

from polus.desk import outlets
from polus.desk.outlets import Outlets
from polus.store.work import Work
from polus.web.places import N_
from polus.web.visits import Visit

NOTHING = N_("No mail was sent: no mail server is set up for sending.")


async def outlook(visit: Visit, work: Work) -> Outlets:
    """From which addresses mail can leave."""
    return await outlets.of(work, common=visit.house.relayed)


async def warning(visit: Visit, work: Work) -> Outlets | None:
    """What an administrator is to be warned of before an answer fails; None when there is nothing."""
    if visit.house.relayed or not visit.actor.may("admin"):
        return None
    found = await outlook(visit, work)
    return found if found.mute else None


async def promised(visit: Visit, said: str) -> tuple[str, bool]:
    """`said` of a mail of the helpdesk itself, or why none will come; and whether that is bad."""
    async with visit.reading() as work:
        found = await outlook(visit, work)
    if found.notices:
        return said, False
    return visit.gettext(NOTHING), True
