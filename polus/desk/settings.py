"""The account's settings: one row per type, each a JSON object. What they mean is left to who reads them.

Their shapes are checked by the doors; here only secrets are minded: shown as stars, kept when stars come back.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import changes
from polus.store.work import Work

BUSINESS_HOURS = {
    "timezone": "UTC",
    "business_hours": [{"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}],
}

SURVEY_TEXT = "Hi {{ticket.customer.firstname}},\n\nhow did we do? Please rate our answer:\n{{satisfaction_survey_url}}\n"
SURVEY_HTML = (
    "<p>Hi {{ticket.customer.firstname}},</p>"
    '<p>how did we do? <a href="{{satisfaction_survey_url}}">Please rate our answer</a>.</p>'
)

# What a new account starts with, in the reference's order.
FIRST: dict[str, dict[str, Any]] = {
    "satisfaction-surveys": {
        "send_survey_for_chat": True,
        "send_survey_for_email": True,
        "send_survey_for_contact_form": True,
        "send_survey_for_help_center": True,
        "survey_email_html": SURVEY_HTML,
        "survey_email_text": SURVEY_TEXT,
        "survey_interval": 2,
    },
    "ticket-assignment": {
        "unassign_on_reply": True,
        "auto_assign_to_teams": False,
        "assignment_channels": [
            "chat",
            "facebook-messenger",
            "instagram-direct-message",
            "sms",
            "twitter-direct-message",
            "whatsapp",
        ],
        "unassign_on_user_unavailability": ["chat"],
        "can_exceed_max_agent_capacity": False,
        "auto_assign_ticket_to_responding_agent": False,
        "max_user_chat_ticket": 3,
        "max_user_non_chat_ticket": 4,
    },
    "views-ordering": {"views": {}, "view_sections": {}, "views_top": {}, "views_bottom": {}},
    "business-hours": BUSINESS_HOURS,
    "access": {
        "signup_mode": "invite",
        "allowed_domains": [],
        "google_sso_enabled": True,
        "office365_sso_enabled": True,
        "two_fa_enforced_datetime": None,
        "skip_2fa_after_sso_datetime": None,
        "sso_enforced_datetime": None,
        "custom_sso_providers": {},
    },
    "views-visibility": {"hidden_views": []},
    "auto-merge": {"tickets": {"enabled": False, "merging_window_days": 5}},
    "default-integration": {},
}

STARS = "********"

# Client secrets of log-in providers are never shown.
WIRE = """
json_build_object('id', id, 'type', type, 'data', case when data ? 'custom_sso_providers'
  then data || jsonb_build_object('custom_sso_providers', (
    select coalesce(jsonb_object_agg(key, value || '{"client_secret": "********"}'), '{}')
    from jsonb_each(data->'custom_sso_providers')))
  else data end)
"""

# How to log in is the admins' business ($2: the caller is one).
LIST = (
    "select ("
    + WIRE
    + """)::text from account_settings
where account_id = $1 and ($2 or type <> 'access') and ($3::text is null or type = $3) order by id
"""
)
INSERT = (
    """
insert into account_settings (account_id, type, data) values ($1, $2, $3)
on conflict (account_id, type) do nothing returning id, ("""
    + WIRE
    + ")::text"
)
HOLDER = "select id from account_settings where account_id = $1 and type = $2"
GET = "select (" + WIRE + ")::text from account_settings where account_id = $1 and id = $2"
LOCK = "select type, data from account_settings where account_id = $1 and id = $2 for update"
UPDATE = (
    "update account_settings set data = $3 where account_id = $1 and id = $2 returning (" + WIRE + ")::text"
)


async def listed(work: Work, kind: str | None) -> list[str]:
    """The wire forms of all settings, or of those of one type; `access` only for admins."""
    rows = await work.db.fetch(LIST, work.account.id, work.actor.may("admin"), kind)
    return [row[0] for row in rows]


async def of(work: Work, kind: str) -> dict[str, Any]:
    """The data of the setting of that type, or what a new account starts with; secrets are stars."""
    found = await listed(work, kind)
    return msgspec.json.decode(found[0])["data"] if found else dict(FIRST.get(kind, {}))


async def put(work: Work, kind: str, data: Mapping[str, Any]) -> None:
    """Make this the data of the setting of that type, whether the account has one or not."""
    holder = await work.db.fetchval(HOLDER, work.account.id, kind)
    if holder is None:
        await create(work, kind, data)
    else:
        await update(work, holder, kind, data)


async def require(work: Work, setting_id: int) -> None:
    """404 unless the setting is there."""
    if await work.db.fetchval(GET, work.account.id, setting_id) is None:
        raise errors.NotFound


async def create(work: Work, kind: str, data: Mapping[str, Any]) -> str:
    """The first setting of its type; its wire form. 409 when the account has one, 400 for secrets it never had."""
    data = _with_secrets(work, data, {})
    row = await work.db.fetchrow(INSERT, work.account.id, kind, wire.encode(data))
    if row is None:
        holder = await work.db.fetchval(HOLDER, work.account.id, kind)
        raise errors.Conflict({"type": [errors.IN_USE], "id": holder})
    work.record("account-setting-created", "AccountSetting", row[0])
    work.ring("account", work.account.id)
    return row[1]  # type: ignore[no-any-return]


async def update(work: Work, setting_id: int, kind: str, data: Mapping[str, Any] | None) -> str:
    """Replace all of the setting's data; its wire form. 404; 400 when it is of another type."""
    before = await work.db.fetchrow(LOCK, work.account.id, setting_id)
    if before is None:
        raise errors.NotFound
    if before["type"] != kind:
        raise errors.one("type", "Must be " + before["type"] + ", the type of this setting.")
    old = msgspec.json.decode(before["data"])
    new = old if data is None else msgspec.json.decode(wire.encode(_with_secrets(work, data, old)))
    changed = _changed(old, new)
    if not changed:
        return await work.db.fetchval(GET, work.account.id, setting_id)  # type: ignore[no-any-return]
    work.record("account-setting-updated", "AccountSetting", setting_id, changed)
    work.ring("account", work.account.id)
    return await work.db.fetchval(  # type: ignore[no-any-return]
        UPDATE, work.account.id, setting_id, wire.encode(new)
    )


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = {**old, **new}
    nested = [key for key, value in both.items() if isinstance(value, (dict, list))]
    return changes.between(old, {**dict.fromkeys(both), **new}, nested)


def opened(work: Work, name: str, sealed: str) -> str:
    """The client secret of a log-in provider; empty when it was sealed with another secret key."""
    try:
        return work.database.vault.open(sealed, _place(work, name))
    except ValueError:
        return ""


def _with_secrets(work: Work, data: Mapping[str, Any], old: Mapping[str, Any]) -> Mapping[str, Any]:
    """`data` with the stored secret wherever stars were sent, and the others sealed.

    A secret goes to the provider: it is not kept for another one.
    """
    if "custom_sso_providers" not in data:
        return data
    known = old.get("custom_sso_providers", {})
    providers, problems = {}, {}
    for name, provider in data["custom_sso_providers"].items():
        providers[name] = dict(provider)
        if provider["client_secret"] == STARS:
            same = name in known and known[name]["server_metadata_url"] == provider["server_metadata_url"]
            if same:
                providers[name]["client_secret"] = known[name]["client_secret"]
            else:
                problems[name] = {"client_secret": [errors.REQUIRED]}
        else:
            sealed = work.database.vault.seal(provider["client_secret"], _place(work, name))
            providers[name]["client_secret"] = sealed
    if problems:
        raise errors.Invalid({"data": {"custom_sso_providers": problems}})
    return {**data, "custom_sso_providers": providers}


def _place(work: Work, name: str) -> str:
    return f"account_settings/{work.account.id}/access/{name}"
