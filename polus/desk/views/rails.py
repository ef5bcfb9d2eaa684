"""What an agent's rail offers: the inbox's own views, and those that people made, in sections and with live counts.

Which views there are and what they mean is in `views`, what they show in `items`, their counts in `counting`; here they
are put in their places.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import inbox
from polus.desk.views import items, views
from polus.store.work import Work

LIST = (
    """
select v.id, v.name, v.slug, v.decoration, v.visibility, v.filters, v.search, s.id as section_id, s.name as section,
  s.decoration as section_decoration
from views v
left join view_sections s on s.account_id = v.account_id and s.id = v.section_id
  and (s.owner_id is null or s.owner_id = $2)
left join account_settings o on o.account_id = v.account_id and o.type = 'views-ordering'
left join account_settings h on h.account_id = v.account_id and h.type = 'views-visibility'
where v.account_id = $1 and v.category = 'user' and v.type = 'ticket-list' and v.deactivated_datetime is null
  and coalesce(not h.data->'hidden_views' @> to_jsonb(v.id), true) and """
    + views.VISIBLE
    + """
order by (o.data->'view_sections'->v.section_id::text->>'display_order')::numeric nulls last, lower(s.name), s.id,
  (o.data->'views'->v.id::text->>'display_order')::numeric nulls last, lower(v.name), v.id
"""
)


class View(msgspec.Struct, frozen=True):
    """A view in the rail."""

    id: int
    name: str
    emoji: str


class Section(msgspec.Struct):
    """Views under one heading. `kind`: section (with a name of its own), shared, private."""

    kind: str
    name: str
    emoji: str
    views: list[View]


def emoji(decoration: Any) -> str:
    """The character of a decoration: as it is, or of the older form with its parts; `""` without one."""
    given = decoration.get("emoji") if isinstance(decoration, Mapping) else None
    if isinstance(given, Mapping):
        given = given.get("native")
    return given[:8] if isinstance(given, str) else ""


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


async def _rows(work: Work) -> Sequence[Any]:
    # What is shared with others only is nobody's to work through, though a lead agent may change it.
    return await work.db.fetch(LIST, work.account.id, work.actor.user_id, False)  # type: ignore[no-any-return]


async def sections(work: Work) -> list[Section]:
    """The views that people made for who looks, under their headings: sections first, then shared, then private."""
    named: dict[int, Section] = {}
    shared, private = Section("shared", "", "", []), Section("private", "", "", [])
    for row in await _rows(work):
        view = View(row["id"], row["name"] or row["slug"], emoji(_decoded(row["decoration"])))
        if row["section_id"] is not None:
            look = emoji(_decoded(row["section_decoration"]))
            place = named.setdefault(row["section_id"], Section("section", row["section"], look, []))
        else:
            place = private if row["visibility"] == "private" else shared
        place.views.append(view)
    return [place for place in (*named.values(), shared, private) if place.views]


async def named(work: Work, view_id: int) -> View:
    """Name and emoji of a view that shows tickets; 404 when there is none, or it is switched off."""
    view = await views.read(work, view_id)
    if view["type"] != "ticket-list" or view["deactivated_datetime"] is not None:
        raise errors.NotFound
    return View(view_id, view["name"] or view["slug"], emoji(view["decoration"]))


async def page(work: Work, key: str, cursor: str | None, limit: int) -> inbox.Page:
    """One page of a view: `key` is one of `inbox.VIEWS` or the id of a view that somebody made. 404; 400 for a cursor."""
    if not key.isdecimal():
        return await inbox.page(work, key, inbox.place(cursor) if cursor else None, limit)
    view = await views.read(work, identifier(key))
    if view["type"] != "ticket-list" or view["deactivated_datetime"] is not None:
        raise errors.NotFound
    found = await items.page(
        work,
        items.overlaid(view, {}),
        cursor=cursor or "",
        direction=None,
        ignored=None,
        limit=min(max(limit, 1), inbox.MOST),
        order=None,
    )
    return inbox.Page(found.items, found.next_cursor)


def identifier(key: str) -> int:
    """The id that a key is; 404 for one that nothing can have."""
    if len(key) > 18:
        raise errors.NotFound
    return int(key)


def is_key(key: str) -> bool:
    """Whether a text can be the key of a view."""
    return key in inbox.VIEWS or (key.isascii() and key.isdecimal() and len(key) <= 18)
