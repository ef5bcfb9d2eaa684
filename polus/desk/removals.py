"""Taking away, merging and renaming what others name, in one transaction with what becomes of those others."""

from collections.abc import Mapping, Sequence
from typing import Any

from polus.base import errors
from polus.desk import integrations, mentions, tags, teams, users
from polus.desk.views import views
from polus.store.work import Work


async def remove_tags(work: Work, tag_ids: Sequence[int]) -> int:
    """Delete tags; how many there were. 409 when a rule or macro speaks of one; views that do are switched off."""
    names = await tags.names(work, tag_ids)
    await mentions.require_unused(work, tag_ids, names)
    await views.deactivate(work, "Tag", [*tag_ids, *names])
    return await tags.delete(work, tag_ids)


async def remove_tag(work: Work, tag_id: int) -> None:
    """The same for one; 404."""
    if not await remove_tags(work, [tag_id]):
        raise errors.NotFound


async def merge_tags(work: Work, source_ids: Sequence[int], into: int) -> str:
    """Make tags part of another one; macros, rules and views that name a source name it from now on. 404, 400."""
    sources = await tags.names(work, source_ids)
    answer = await tags.merge(work, source_ids, into)
    [target] = await tags.names(work, [into])
    await mentions.rename(work, dict.fromkeys(sources, target))
    await views.deactivate(work, "Tag", source_ids)
    return answer


async def update_tag(work: Work, tag_id: int, given: Mapping[str, Any]) -> str:
    """Change a tag; a new name is written into all macros, rules and views. 404, 400, 409."""
    before = await tags.names(work, [tag_id])
    answer = await tags.update(work, tag_id, given)
    [after] = await tags.names(work, [tag_id])
    if before != [after]:
        await mentions.rename(work, dict.fromkeys(before, after))
    return answer


async def remove_team(work: Work, team_id: int) -> None:
    """Delete a team; 404."""
    await views.deactivate(work, "Team", [team_id])
    await teams.delete(work, team_id)


async def remove_user(work: Work, user_id: int) -> None:
    """Delete a user and his private views; 404, 403."""
    await users.delete(work, user_id)
    await views.deactivate(work, "User", [user_id])
    await views.delete_private(work, user_id)


async def remove_integration(work: Work, integration_id: int) -> None:
    """Delete an integration; 404, 409."""
    await integrations.delete(work, integration_id)
    await views.deactivate(work, "Integration", [integration_id])
