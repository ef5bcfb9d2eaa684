"""The two buttons of whatever is connected and has a page of its own, each an integration: off and on again, and away."""

from typing import Protocol

from starlette.responses import Response

from polus.desk import integrations, removals
from polus.store.work import Work
from polus.web.pages import forms
from polus.web.pages.forms import Form
from polus.web.visits import Visit


class Connected(Protocol):
    """The integration's id, and whether it is off."""

    @property
    def id(self) -> int: ...

    @property
    def off(self) -> bool: ...


async def switch(visit: Visit, one: Connected, path: str, said: str) -> Response:
    """Off, or on again as before; `said` on its page below `path`."""

    async def change(work: Work) -> None:
        await integrations.update(work, one.id, {"deactivated_datetime": None if one.off else work.now})

    return await forms.ended(Form.sent(visit), change, f"{path}/{one.id}", said)


async def remove(visit: Visit, one: Connected, path: str, said: str) -> Response:
    """Away; `said` on the list at `path`."""

    async def change(work: Work) -> None:
        await removals.remove_integration(work, one.id)

    return await forms.ended(Form.sent(visit), change, path, said, back=f"{path}/{one.id}")
