"""`polus stats rebuild`: all facts of an account's statistics anew, beside a running helpdesk or alone."""

from polus import commands, founding, screen
from polus.base.settings import Settings
from polus.desk.statistics import rebuilding
from polus.store.work import SYSTEM, reading, writing


async def run(settings: Settings, domain: str, as_json: bool) -> None:
    """Some tickets per transaction, so that nobody waits for long; a run that was cut off may be begun again."""
    async with founding.current(settings) as database:
        account = await commands.only_account(database, domain)
        async with reading(database, account, SYSTEM) as work:
            total = await rebuilding.count(work)
        made = after = 0
        with screen.progress("Tickets", total, shown=not as_json) as told:
            done = 1
            while done:
                async with writing(database, account, SYSTEM) as work:
                    done, after = await rebuilding.step(work, after)
                made += done
                told(made)
        async with database.pool.acquire() as db:
            await db.execute(rebuilding.TIDY)
    if as_json:
        screen.say_json({"account": account.domain, "tickets": made})
    else:
        screen.say(f"The statistics of {made} tickets of {account.domain} were made anew.")
