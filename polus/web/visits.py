"""One request of a browser: whose helpdesk, who looks, with which rights, and the transactions opened for it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from polus.base import clock
from polus.base.crypto import Signer
from polus.desk.sessions import Session
from polus.store.database import Database
from polus.store.work import Account, Actor, Work, reading, writing
from polus.web import beside, render
from polus.web.render import Here, Wire

THEMES = ("system", "light", "dark")
LANGUAGES = render.LANGUAGES
PARTIAL = "hx-request"


Examine = Callable[[], Awaitable[dict[str, bool]]]


class House(Protocol):
    """What the site lends to every visit."""

    database: Database
    door_signer: Signer
    step_signer: Signer
    examine: Examine | None
    relayed: bool


@dataclass(slots=True)
class Visit:
    """Handed to every page. `form` is there once a post was read and its token checked."""

    house: House
    request: Request
    account: Account
    session: Session | None = None
    form: FormData | None = None

    @property
    def person(self) -> Session:
        """Who is logged in; pages behind the login may rely on it."""
        assert self.session is not None
        return self.session

    @property
    def actor(self) -> Actor:
        return Actor("user", self.person.user_id, self.person.role)

    @property
    def gettext(self) -> Callable[[str], str]:
        """Translates for who looks."""
        return render.catalogue(self.language).gettext

    @property
    def language(self) -> str:
        """What the page is written in: who looks has chosen, else his browser."""
        if self.session is None:
            return preferred(self.request)
        return self.session.language if self.session.language in LANGUAGES else LANGUAGES[0]

    @property
    def partial(self) -> bool:
        """Whether a script asks for a fragment; without script every answer is a whole page."""
        return PARTIAL in self.request.headers

    @property
    def secure(self) -> bool:
        """Whether the browser speaks HTTPS, to us or to a proxy before us."""
        return self.account.base_url.startswith("https://")

    def reading(self) -> AbstractAsyncContextManager[Work]:
        return reading(self.house.database, self.account, self.actor)

    def writing(self) -> AbstractAsyncContextManager[Work]:
        return writing(self.house.database, self.account, self.actor)

    async def rewind(self) -> None:
        """Have the files that came with the form read from their beginning."""
        for _, value in self.form.multi_items() if self.form is not None else ():
            if isinstance(value, UploadFile):
                await value.seek(0)

    async def close(self) -> None:
        """Let go of the files that came with the form."""
        if self.form is not None:
            await self.form.close()

    def field(self, name: str) -> str:
        """The last text field of that name in the form; `""` when absent."""
        given = [value for value in self.form.getlist(name) if isinstance(value, str)] if self.form else []
        return given[-1].replace("\0", "") if given else ""

    def fields(self, name: str) -> list[str]:
        """All text fields of that name."""
        given = self.form.getlist(name) if self.form else []
        return [value.replace("\0", "") for value in given if isinstance(value, str)]

    def uploads(self, name: str) -> list[UploadFile]:
        """The files of that field; a field left empty sends one without a name."""
        given = self.form.getlist(name) if self.form else []
        return [value for value in given if isinstance(value, UploadFile) and value.filename]

    def here(self, csrf: str = "", view: str = "open") -> Here:
        person = self.session
        theme = self.request.cookies.get("theme", "system")
        return Here(
            user=known(person) if person else {},
            account={"domain": self.account.domain},
            csrf=person.csrf if person else csrf,
            now=clock.now(),
            zone=zone(person.timezone if person else "UTC"),
            language=self.language,
            theme=theme if theme in THEMES else "system",
            rights=rights(self.actor) if person else frozenset(),
            view=view,
            beside=beside.others(self.request, self.account) if person else [],
        )

    def page(self, template: str, here: Here, status: int = 200, **facts: Any) -> Response:
        return HTMLResponse(render.text(template, here, **facts), status)


def refused(answer: Response) -> Response:
    """Marks a fragment that says why nothing was changed. Its status is 200: a browser would report any other in its
    console, as if the page were broken."""
    answer.headers["polus-refused"] = "1"
    return answer


def preferred(request: Request) -> str:
    """The first of the browser's languages that we have, by its header; else English."""
    header = request.headers.get("accept-language", "")[:200]
    wanted = [part.partition(";")[0].strip().lower().partition("-")[0] for part in header.split(",")]
    return next((language for language in wanted if language in LANGUAGES), LANGUAGES[0])


def known(person: Session) -> Wire:
    """Who looks, for the templates."""
    return {
        "id": person.user_id,
        "name": person.name,
        "email": person.email,
        "available": person.available,
    }


def rights(actor: Actor) -> frozenset[str]:
    """What the templates offer; the verbs check again."""
    least = {
        "note": "observer-agent",
        "write": "lite-agent",
        "join": "basic-agent",
        "hears": "agent",
        "admin": "admin",
    }
    return frozenset(right for right, role in least.items() if actor.may(role))


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def see_other(address: str) -> Response:
    return RedirectResponse(address, 303)


def go(visit: Visit, address: str) -> Response:
    """Another page comes next: a browser is sent there, a script is told where to go."""
    return told_to_go(address) if visit.partial else see_other(address)


def told_to_go(address: str) -> Response:
    """What a script that sent a form is answered; it leaves the page for that address."""
    return Response(status_code=204, headers={"hx-redirect": address})
