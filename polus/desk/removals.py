"""Taking away what others name: views whose filters speak of it are switched off in the same transaction."""

from collections.abc import Sequence

from polus.base import errors
from polus.desk import tags, teams, users
from polus.desk.views import views
from polus.store.work import Work


async def remove_tags(work: Work, tag_ids: Sequence[int]) -> int:
    """Delete tags; how many there were. Views that name one, by id or by name, are switched off."""
    names = await tags.names(work, tag_ids)
    await views.deactivate(work, "Tag", [*tag_ids, *names])
    return await tags.delete(work, tag_ids)


async def remove_tag(work: Work, tag_id: int) -> None:
    """The same for one; 404."""
    if not await remove_tags(work, [tag_id]):
        raise errors.NotFound


async def remove_team(work: Work, team_id: int) -> None:
    """Delete a team; 404."""
    await views.deactivate(work, "Team", [team_id])
    await teams.delete(work, team_id)


async def remove_user(work: Work, user_id: int) -> None:
    """Delete a user and his private views; 404, 403."""
    await users.delete(work, user_id)
    await views.deactivate(work, "User", [user_id])
    await views.delete_private(work, user_id)
