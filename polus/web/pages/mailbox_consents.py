"""A mailbox, or the server that sends, is connected by its owner's consent at a provider, and disconnected again."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from polus.base import errors
from polus.channels.email import grants, troubles
from polus.channels.openid import grants as endpoints
from polus.channels.openid import journeys, providers
from polus.channels.openid.journeys import Journey
from polus.channels.openid.providers import Failure
from polus.desk import mail_servers, registrations
from polus.desk.mail_servers import Consent, Wanted
from polus.store.work import Work
from polus.web import leaving, routes, session
from polus.web.pages import forms
from polus.web.pages.forms import Form
from polus.web.visits import Visit

MENU = "/settings/channels"
ROLE = "admin"
PURPOSE = "mailbox"
PLACES = {"in": "mailbox", "out": "sending"}


async def offers(work: Work) -> dict[str, str]:
    """The providers that one may connect with: those that the account is registered at, by name."""
    return {key: row["name"] for key, row in (await registrations.listed(work)).items()}


async def leave(
    visit: Visit, form: Form, channel: int, way: str, key: str, wanted: Wanted
) -> Response | None:
    """To the provider's question; None when something is wrong with what was filled in, which the form then says."""
    async with visit.reading() as work:
        registration = await registrations.get(work, key)
    if registration is None:
        raise errors.NotFound
    if form.wrong:
        return None
    try:
        provider = await providers.registered(registration, visit.house.database.allowed)
    except Failure as failure:
        form.refuse("connect", _told(visit, failure))
        return None
    wanted = msgspec.structs.replace(
        wanted, auth="oauth2", secret={}, token_url=provider.token_endpoint, scope=provider.mail_scope
    )

    async def change(work: Work) -> str:
        await mail_servers.check(work, channel, way, wanted)
        return await journeys.begin(
            work,
            registration,
            provider,
            session.token(visit),
            purpose=PURPOSE,
            scope=provider.mail_scope,
            goal={"channel": channel, "way": way, "wanted": msgspec.to_builtins(wanted)},
            login_hint=wanted.username,
            **provider.lasting,
        )

    return leaving.to(visit, form.result, provider.name) if await form.write(change) else None


async def arrive(visit: Visit, journey: Journey, answer: Mapping[str, str]) -> Response:
    """Back from the provider: its tokens are kept, and the mailbox is tried at once."""
    visit.actor.require(ROLE)
    channel, way = int(journey.goal["channel"]), str(journey.goal["way"])
    back, host = _page(channel, way), providers.host_of(journey.provider.token_endpoint)
    async with visit.reading() as work:
        registration = await registrations.get(work, journey.provider.key)
    try:
        tokens = await journeys.finish(journey, registration, answer, visit.house.database.allowed)
        lacking = endpoints.lacking(journey.scope, tokens)
        if lacking:
            raise Failure("grant-scope", host, lacking)
        if not tokens.refresh_token:
            raise Failure("grant-brief", host)
    except Failure as failure:
        return forms.done(visit, back, _told(visit, failure), bad=True)
    wanted = msgspec.convert(journey.goal["wanted"], Wanted)
    provider = journey.provider
    consent = Consent(
        provider.key, tokens.refresh_token, provider.method, tokens.access_token, grants.until(tokens)
    )

    async def change(work: Work) -> None:
        await mail_servers.connect(work, channel, way, wanted, consent)

    said = visit.gettext("Connected with %(name)s. Press Test to see whether it works.")
    return await forms.ended(Form(visit, {}, was_sent=True), change, back, said % {"name": provider.name})


async def disconnect(visit: Visit) -> Response:
    """Have the provider end its consent, where it can be asked, and forget it in any case."""
    form, channel = Form.sent(visit), visit.request.path_params["channel"]
    way = "out" if "/sending" in visit.request.url.path else "in"
    revoked = await _revoked(visit, channel, way)

    async def change(work: Work) -> None:
        await mail_servers.disconnect(work, channel, way)

    _ = visit.gettext
    said = (
        _("Disconnected. The consent has ended at the provider, too.")
        if revoked
        else _("Disconnected. At the provider the consent is still listed; you can take it away there.")
    )
    return await forms.ended(form, change, _page(channel, way), said)


async def _revoked(visit: Visit, channel: int, way: str) -> bool:
    async with visit.reading() as work:
        server = await mail_servers.get(work, channel, way)
        if server is None or not server.login.provider:
            raise errors.NotFound
        registration = await registrations.get(work, server.login.provider)
    token = server.login.secret.get("refresh_token")
    if registration is None or not token:
        return False
    allowed = visit.house.database.allowed
    try:
        provider = await providers.registered(registration, allowed)
        if not provider.revocation_endpoint:
            return False
        client = journeys.client_of(registration, provider)
        await endpoints.revoke(provider.revocation_endpoint, client, token, allowed)
    except Failure:
        return False
    return True


def _told(visit: Visit, failure: Failure) -> str:
    trouble = grants.trouble(failure)
    return troubles.told(trouble.code, trouble.facts, visit.gettext)


def _page(channel: int, way: str) -> str:
    return f"{MENU}/{channel}/{PLACES[way]}"


ROUTES = tuple(
    routes.post(f"{MENU}/{{channel:int}}/{place}/disconnect", disconnect, ROLE) for place in PLACES.values()
)
