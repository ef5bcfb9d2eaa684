"""Settings: how people get in. A second factor for everybody, who may join uninvited, and by which providers one logs in."""

import re
from typing import Any

from starlette.responses import Response

from polus.base import addresses, errors
from polus.channels.openid import journeys, providers
from polus.channels.openid.providers import Failure
from polus.desk import admissions, registrations, settings
from polus.desk.admissions import Wanted
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell, sign_ons
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/access"
ROLE = "admin"
MOST_DOMAINS = 50
MOST_OWN = 10
OWN_FIELDS = ("name", "server_metadata_url", "client_id", "client_secret")
NOT_SLUG = re.compile(r"[^a-z0-9]+")


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        held = await settings.of(work, admissions.KIND)
    own = [
        {"key": key, **provider, "client_secret": ""}
        for key, provider in (held.get("custom_sso_providers") or {}).items()
    ]
    filled = {
        "signup_mode": held.get("signup_mode"),
        "allowed_domains": held.get("allowed_domains") or [],
        "factors": held.get("two_fa_enforced_datetime") is not None,
        "google": held.get("google_sso_enabled", True),
        "microsoft": held.get("office365_sso_enabled", True),
        "only_providers": held.get("sso_enforced_datetime") is not None,
        "spared": held.get("skip_2fa_after_sso_datetime") is not None,
        "own": own,
    }
    return await shown(visit, Form.of(visit, filled))


async def shown(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        people, with_factor = await admissions.factors(work)
        registered = await registrations.listed(work)
    facts: dict[str, Any] = {
        "people": people,
        "with_factor": with_factor,
        "registered": registered,
        "redirect": journeys.redirect_uri(visit.account.base_url),
        "modes": [
            (admissions.INVITE, _("Only who was invited")),
            (
                admissions.DOMAINS,
                _("Also who reads mail of these domains"),
                _("They ask at the log-in page, get a mail, and begin as observers."),
            ),
        ],
    }
    return await shell.settings(visit, PATH, "settings/access.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    mode = form.choice("signup_mode", (admissions.INVITE, admissions.DOMAINS))
    allowed = [domain.lower().removeprefix("@") for domain in form.many("allowed_domains")]
    if len(allowed) > MOST_DOMAINS or not all(addresses.is_email("a@" + domain) for domain in allowed):
        form.refuse("allowed_domains", visit.gettext("Write domains such as shop.example, at most 50."))
    elif mode == admissions.DOMAINS and not allowed:
        form.refuse("allowed_domains", visit.gettext("Write at least one domain."))
    async with visit.reading() as work:
        held = (await settings.of(work, admissions.KIND)).get("custom_sso_providers") or {}
    wanted = Wanted(
        factors=form.checked("factors"),
        mode=mode,
        allowed=allowed,
        google=form.checked("google"),
        microsoft=form.checked("microsoft"),
        only_providers=form.checked("only_providers"),
        spared=form.checked("spared"),
        own=await _own(visit, form, held),
    )

    async def change(work: Work) -> None:
        await admissions.change(work, wanted)

    if not await form.write(change):
        # Typed again rather than sent back.
        for name in [name for name in form.values if name.endswith(".client_secret")]:
            form.values[name] = [""]
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def _own(visit: Visit, form: Form, held: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The providers that were filled in, by key; notes what is wrong. Each document that is new is read."""
    found: dict[str, dict[str, str]] = {}
    rows = form.rows("own")
    if len(rows) > MOST_OWN:
        form.refuse("own", errors.too_big(MOST_OWN))
    for at, row in enumerate(rows[:MOST_OWN]):
        given = {name: row.get(name, "") for name in OWN_FIELDS}
        old = held.get(row.get("key", ""))
        same = old is not None and old["server_metadata_url"] == given["server_metadata_url"]
        if same and not given["client_secret"]:
            given["client_secret"] = settings.STARS
        for name, value in given.items():
            if not value:
                form.refuse(f"own.{at}.{name}", errors.REQUIRED)
        if not same and given["server_metadata_url"] and not form.edited:
            await _look(visit, form, at, given["server_metadata_url"])
        key = row["key"] if old is not None else NOT_SLUG.sub("-", given["name"].lower()).strip("-") or "own"
        while key in found or (old is None and key in held):
            key += "-2"
        found[key] = given
    return found


async def _look(visit: Visit, form: Form, at: int, url: str) -> None:
    try:
        await providers.discovered(url, visit.house.database.allowed)
    except Failure as failure:
        said = sign_ons.told(visit, failure.code, failure.host, failure.said)
        form.refuse(f"own.{at}.server_metadata_url", said)


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, save, ROLE))
