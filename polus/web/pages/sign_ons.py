"""Logging in by a provider: to its question and back, and what is said when it lets nobody in.

Who comes is recognised in `desk.identities`; the second factor, when it is owed, is asked for at the usual door.
"""

from collections.abc import Mapping

from starlette.responses import Response

from polus.base import crypto, errors
from polus.channels.openid import identities, journeys, providers
from polus.channels.openid.journeys import CALLBACK, Journey
from polus.channels.openid.providers import Failure
from polus.desk import consents, sessions, sign_ons
from polus.desk import identities as people
from polus.desk.identities import Unknown
from polus.desk.sessions import Candidate, TooManyGuesses
from polus.web import leaving, routes, session
from polus.web.pages import doors
from polus.web.pages.doors import Tried
from polus.web.places import N_
from polus.web.visits import Visit, see_other

PURPOSE = "login"
# Of the browser that left: the provider leads back from another site, so not a strict one.
COOKIE = "polus_way"

SILENT = N_("%(host)s could not be asked: %(said)s. Try again later.")
WORDS = {
    "provider-silent": SILENT,
    "grant-silent": SILENT,
    "provider-odd": N_("%(host)s is not set up as it should be: %(said)s. Tell your administrator."),
    "client-refused": N_("%(host)s does not know this helpdesk any more: %(said)s. Tell your administrator."),
    "not-registered": N_("Logging in by this provider is not offered any more."),
    "consent-denied": N_("You did not log in at %(host)s."),
    "grant-ended": N_("The answer of %(host)s came too late or was used already. Please begin again."),
    "grant-refused": N_("%(host)s does not let you in: %(said)s"),
    "token-odd": N_("What %(host)s says about you cannot be trusted: %(said)s. Tell your administrator."),
    "clock": N_(
        "The clocks of %(host)s and of this helpdesk do not agree (%(said)s). Tell your administrator."
    ),
    "no-address": N_("%(host)s does not say which e-mail address is yours."),
    "unproven": N_(
        "%(host)s does not vouch that %(said)s is your address. Your administrator finds in the manual why."
    ),
    "nobody": N_("Nobody in this helpdesk has the address %(said)s. An administrator can invite you."),
    "bound": N_(
        "%(said)s belongs to another person at %(host)s by now. An administrator can let you in, on the page of your user."
    ),
}


async def leave(visit: Visit) -> Response:
    """To the provider that was chosen."""
    await session.read_form(visit)
    tried = Tried(visit.field("next"), visit.field("email").strip()[: doors.LONGEST_EMAIL])
    try:
        session.check_door(visit)
        async with session.at_the_door(visit) as work:
            await sessions.knock(work, session.origin(visit))
            registration = await sign_ons.registration(work, visit.field("provider"))
        if registration is None:
            raise errors.NotFound
        provider = await providers.registered(registration, visit.house.database.allowed)
    except session.Forged as forged:
        tried.failure = visit.gettext(forged.msg)
        return await doors.form(visit, tried, 403)
    except TooManyGuesses:
        return await doors.braked(visit, tried)
    except Failure as failure:
        tried.failure = told(visit, failure.code, failure.host, failure.said)
        return await doors.form(visit, tried, 422)
    bearer = crypto.new_token()
    async with session.at_the_door(visit) as work:
        address = await journeys.begin(
            work,
            registration,
            provider,
            bearer,
            purpose=PURPOSE,
            scope=identities.SCOPE,
            goal={"next": session.inside(tried.next)},
        )
    answer = leaving.to(visit, address, provider.name)
    life = int(consents.LIFE.total_seconds())
    answer.set_cookie(
        COOKIE, bearer, max_age=life, path=CALLBACK, secure=visit.secure, httponly=True, samesite="lax"
    )
    return answer


async def arrive(visit: Visit, journey: Journey, answer: Mapping[str, str]) -> Response:
    """Back from the provider: in, or to the second factor, or to the door with what went wrong."""
    tried = Tried(str(journey.goal["next"]), provider=journey.provider.key)
    host = providers.host_of(journey.provider.authorization_endpoint)
    try:
        found, skips = await _recognised(visit, journey, answer)
    except Failure as failure:
        tried.failure = told(visit, failure.code, failure.host, failure.said)
        return await doors.form(visit, tried, 422)
    except Refused as refused:
        tried.failure = told(visit, refused.code, host, refused.email)
        return await doors.form(visit, tried, 422)
    if found.two_fa_secret and not skips:
        tried.email, tried.step = found.email, session.step_token(visit, found, tried.provider)
        return await doors.form(visit, tried)
    gone = see_other(session.inside(tried.next))
    session.keep(gone, visit, await session.log_in(visit, found, tried.provider))
    gone.delete_cookie(COOKIE, path=CALLBACK)
    return gone


class Refused(Exception):
    """Nobody is let in as the person of that address."""

    def __init__(self, code: str, email: str) -> None:
        super().__init__(code)
        self.code = code
        self.email = email


async def _recognised(visit: Visit, journey: Journey, answer: Mapping[str, str]) -> tuple[Candidate, bool]:
    """Who it is, and whether he is spared the second factor. Raises Failure, Refused."""
    allowed = visit.house.database.allowed
    async with session.at_the_door(visit) as work:
        registration = await sign_ons.registration(work, journey.provider.key)
    tokens = await journeys.finish(journey, registration, answer, allowed)
    identity = await identities.proven(tokens, journey, allowed)
    try:
        async with session.at_the_door(visit) as work:
            return await people.recognise(work, identity), await sign_ons.skips_factor(work)
    except Unknown as unknown:
        raise Refused(unknown.code, identity.email) from None


def told(visit: Visit, code: str, host: str, said: str) -> str:
    """What went wrong, in the reader's language."""
    return visit.gettext(WORDS[code]) % {"host": host, "said": said}


ROUTES = (routes.post("/login/with", leave, routes.ANYBODY),)
