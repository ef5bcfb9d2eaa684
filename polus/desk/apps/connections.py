"""What apps were let do in an account: consent given, shown, taken back. How they then act is in `tokens`."""

from collections.abc import Iterable
from typing import Any

from polus.base import errors
from polus.desk.apps import apps
from polus.store.work import Work

GRANTED = "select scopes from app_connections where account_id = $1 and app_id = $2 and user_id = $3"
# Scopes only ever come in addition: what was granted once is not asked again.
GRANT = """
insert into app_connections as c (account_id, app_id, user_id, scopes, created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $5)
on conflict (account_id, app_id, user_id) do update set updated_datetime = $5,
  scopes = (select array_agg(distinct s order by s) from unnest(c.scopes || excluded.scopes) s)
returning scopes
"""
# An app keeps its name here also when it may be connected no more.
LIST = """
select a.id, v.name, v.tagline, v.app_url, v.icon is not null as has_icon, c.created_datetime, c.scopes, c.people,
  (select max(u.used_datetime) from api_usage u where u.account_id = $1 and u.credential = 'app:' || a.id)
    as used_datetime,
  (select count(*) from integrations i where i.account_id = $1 and i.application_id = a.id
    and i.deactivated_datetime is null) as integrations
from (
  select app_id, min(c.created_datetime) as created_datetime, array_agg(distinct u.name order by u.name) as people,
    (select array_agg(distinct s order by s) from app_connections o, unnest(o.scopes) s
      where o.account_id = $1 and o.app_id = c.app_id) as scopes
  from app_connections c join users u on u.account_id = c.account_id and u.id = c.user_id
  where c.account_id = $1 group by app_id
) c join apps a on a.id = c.app_id cross join lateral (
  select * from app_versions o where o.app_id = a.id
  order by (a.account_id = $1 or o.status = 'approved') desc, o.number desc limit 1) v
order by v.name, a.id
"""
DISCONNECT = "delete from app_connections where account_id = $1 and app_id = $2 returning user_id"
APP = """
select name from app_versions where app_id = $1 order by number desc limit 1
"""
# What the app set up here stops with it; the widgets of its integrations count as its own.
INTEGRATIONS = """
update integrations set deactivated_datetime = $3, updated_datetime = $3
where account_id = $1 and application_id = $2 and deactivated_datetime is null returning id, name
"""
WIDGETS = """
update widgets w set deactivated_datetime = $3, updated_datetime = $3
where w.account_id = $1 and w.deactivated_datetime is null and (w.app_id = $2 or w.integration_id in (
  select id from integrations where account_id = $1 and application_id = $2)) returning w.id
"""


async def granted(work: Work, app_id: str) -> frozenset[str]:
    """The scopes that whoever acts has granted the app already."""
    found = await work.db.fetchval(GRANTED, work.account.id, app_id, work.actor.user_id)
    return frozenset(found or ())


async def grant(work: Work, app_id: str, scopes: Iterable[str]) -> None:
    """Let the app do what the scopes say, in the name of whoever acts. Event app-connected when that is new. 403, 404.

    The actor's session decides who grants; an app cannot let in another one.
    """
    work.actor.require("admin")
    app = await apps.visible(work, app_id)
    if app is None or work.actor.user_id is None:
        raise errors.NotFound
    wanted, before = frozenset(scopes), await granted(work, app_id)
    if before and wanted <= before:
        return
    now = await work.db.fetchval(GRANT, work.account.id, app_id, work.actor.user_id, sorted(wanted), work.now)
    # Tokens carry their own scopes, but whoever remembers this connection shall look anew.
    work.ring("credentials", work.account.id)
    apps.tell(work, "app-connected", {"app_id": app_id, "name": app["name"], "scopes": list(now)})


async def listing(work: Work) -> list[Any]:
    """The connected apps: what they may see, who let them in, when they were last used."""
    work.actor.require("admin")
    return list(await work.db.fetch(LIST, work.account.id))


async def disconnect(work: Work, app_id: str) -> None:
    """Take back all that anybody here granted the app: its codes and tokens end, its integrations and widgets are
    switched off. 403, 404. Events app-disconnected, integration-deactivated, widget-updated.
    """
    work.actor.require("admin")
    # An exchange of a code that is under way holds the row, and is over when it is gone.
    if not await work.db.fetch(DISCONNECT, work.account.id, app_id):
        raise errors.NotFound
    await switch_off(work, app_id)
    name = await work.db.fetchval(APP, app_id)
    work.ring("credentials", work.account.id)
    apps.tell(work, "app-disconnected", {"app_id": app_id, "name": name})


async def switch_off(work: Work, app_id: str) -> None:
    """Deactivate what the app set up in this account."""
    for widget_id, *_ in await work.db.fetch(WIDGETS, work.account.id, app_id, work.now):
        work.record("widget-updated", "Widget", widget_id, {"deactivated_datetime": [None, work.now]})
    for integration_id, name in await work.db.fetch(INTEGRATIONS, work.account.id, app_id, work.now):
        work.record("integration-deactivated", "Integration", integration_id, {"name": name})
