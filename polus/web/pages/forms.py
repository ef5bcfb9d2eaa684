"""Forms of full pages: what was typed, what is wrong with it beside which field, and the notice after success.

A page makes a `Form` of what is stored (`of`) or of what was sent (`sent`), hands it to the macros of
`parts/forms.html`, and lets `write` carry out the verb: a refusal of the desk lands beside the field that it names.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from starlette.responses import Response

from polus.base import errors
from polus.base.crypto import Signer
from polus.store.work import Work
from polus.web import refusals
from polus.web.visits import Visit, go, refused

NOTICE = "polus_notice"
NOTICE_SECONDS = 60
MOST_ROWS = 60
ROW = re.compile(r"([a-z_]+)\.(\d{1,4})((?:\.[a-z_]+)?)", re.ASCII)
Change = Callable[[Work], Awaitable[Any]]


class Form:
    """The fields of a form by name; rows of a list are `filters.0.field`, as the desk's refusals write it.

    `wrong` maps names to sentences in the reader's language. `edited` is set when a row was added or removed by a
    button of the form: nothing is to be saved then, the form is to be shown again.
    """

    def __init__(self, visit: Visit, values: dict[str, list[str]], *, was_sent: bool) -> None:
        self.visit = visit
        self.values = values
        self.was_sent = was_sent
        self.wrong: dict[str, str] = {}
        self.result: Any = None
        self.edited = False
        self._told: set[str] = set()
        self._counts: dict[str, int] = {}

    @classmethod
    def of(cls, visit: Visit, stored: Mapping[str, Any] | None = None) -> "Form":
        """A form filled with a wire object, nested as it is; empty for something new."""
        return cls(visit, flat(stored or {}), was_sent=False)

    @classmethod
    def sent(cls, visit: Visit) -> "Form":
        """The form as it was sent, its rows numbered anew without gaps, after the row buttons did their work."""
        given = visit.form.multi_items() if visit.form else []
        values: dict[str, list[str]] = {}
        for name, value in given:
            if isinstance(value, str):
                values.setdefault(name, []).append(value.replace("\0", "").replace("\r\n", "\n"))
        form = cls(visit, values, was_sent=True)
        gone = form.text("form-remove")
        form.values = numbered(values, gone)
        added = form.text("form-add")
        if added:
            form.values[added + "." + str(form.count(added)) + ".new"] = [""]
        form.edited = bool(gone or added)
        return form

    # What was typed

    def value(self, name: str) -> str:
        """For the field's `value`."""
        return self.values.get(name, [""])[-1]

    def chosen(self, name: str, value: str) -> bool:
        """Whether that choice of a group of boxes or of a list is taken."""
        return value in self.values.get(name, [])

    def checked(self, name: str) -> bool:
        """A box or switch: browsers send nothing for one that is off."""
        return self.value(name) not in ("", "0", "false")

    def count(self, rows: str) -> int:
        """How many rows of that list there are."""
        return len({found[2] for name in self.values if (found := ROW.fullmatch(name)) and found[1] == rows})

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a list with their fields as text; a row of one field has it under `""`."""
        found: list[dict[str, str]] = [{} for _ in range(self.count(name))]
        for key, values in self.values.items():
            if (place := ROW.fullmatch(key)) and place[1] == name and place[3] != ".new":
                found[int(place[2])][place[3][1:]] = values[-1].strip()
        return found

    def text(self, name: str, *, required: bool = False, longest: int = 0) -> str:
        """Without blanks around it; notes when it is missing or too long."""
        given = self.value(name).strip()
        if required and not given:
            self.refuse(name, errors.REQUIRED)
        elif longest and len(given) > longest:
            self.refuse(name, errors.too_long(longest))
        return given

    def number(
        self, name: str, *, required: bool = False, least: int | None = None, most: int | None = None
    ) -> int | None:
        """A whole number, None for an empty field; notes what is none or out of bounds."""
        given = self.text(name, required=required)
        if not given:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", given):
            self.refuse(name, errors.NOT_INTEGER)
            return None
        if least is not None and int(given) < least:
            self.refuse(name, errors.too_small(least))
        if most is not None and int(given) > most:
            self.refuse(name, errors.too_big(most))
        return int(given)

    def choice(self, name: str, among: Sequence[str], *, required: bool = True) -> str:
        """One of `among`; notes anything else."""
        given = self.text(name, required=required)
        if given and given not in among:
            self.refuse(name, errors.NOT_CHOICE)
        return given

    def many(self, name: str) -> list[str]:
        """All values of a group of boxes, or the words of a field of chips, which are written with commas."""
        parts = [part.strip() for value in self.values.get(name, []) for part in value.split(",")]
        return list(dict.fromkeys(part for part in parts if part))

    def ids(self, name: str) -> list[int]:
        """The same where the values are ids; anything else is passed over."""
        return [int(value) for value in self.many(name) if value.isdecimal() and len(value) < 19]

    # What is wrong with it

    def refuse(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field; the first sentence stays. While rows are added or removed nothing is.

        Sentences of the desk are put into people's words.
        """
        if self.edited:
            return
        self.wrong.setdefault(name, refusals.said(sentence, self.visit.gettext))

    def error(self, name: str) -> str:
        """The sentence beside that field. What no field asks for is told beside the button (`rest`)."""
        self._told.add(name)
        return self.wrong.get(name, "")

    def within(self, prefix: str) -> list[tuple[str, str]]:
        """Names and sentences of the fields of one row: they stand below it."""
        found = [
            (name, text)
            for name, text in self.wrong.items()
            if name == prefix or name.startswith(prefix + ".")
        ]
        self._told.update(name for name, _text in found)
        return found

    def rest(self) -> list[str]:
        """Sentences about what has no field of its own in the form."""
        told = [text for name, text in self.wrong.items() if name not in self._told]
        return list(dict.fromkeys(told))

    def take(self, refusal: errors.Refusal) -> None:
        """Note all that a refusal says, by the path of each field."""
        for path, sentence in sentences(refusal.data or {}):
            self.refuse(path, sentence)
        if not self.wrong:
            self.refuse("", refusal.msg or errors.WRONG_TYPE)

    async def write(self, change: Change) -> bool:
        """Carry out a change in one transaction of its own; its answer is `result`.

        False, and nothing is changed, when a field was noted wrong, a row button was pressed or the desk refuses
        (400, 409). Not allowed and not there (403, 404) go up: they are pages of their own.
        """
        if self.wrong or self.edited:
            return False
        try:
            async with self.visit.writing() as work:
                self.result = await change(work)
        except (errors.Invalid, errors.Conflict) as refusal:
            self.take(refusal)
            return False
        return True

    def shown(self, answer: Response) -> Response:
        """The page that shows the form: 422 when something is wrong, but 200 and marked for a script, because
        browsers tell of any other status in their console."""
        if self.wrong and self.visit.partial:
            return refused(answer)
        if self.wrong:
            answer.status_code = 422
        return answer


def flat(value: Any, path: str = "") -> dict[str, list[str]]:
    """`{"a": {"b": 1}, "c": [{"d": 2}], "e": ["x", "y"]}` → `a.b`, `c.0.d` and the two values of `e`."""
    if isinstance(value, Mapping):
        parts = [flat(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()]
        return {name: texts for part in parts for name, texts in part.items()}
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, Mapping) for item in value):
            return flat({str(at): item for at, item in enumerate(value)}, path)
        return {path: [written(item) for item in value]}
    return {path: [written(value)]}


def written(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)


def numbered(values: Mapping[str, list[str]], gone: str = "") -> dict[str, list[str]]:
    """Rows without gaps, in their order, and without the row `gone` (`filters.2`)."""
    rows: dict[str, list[int]] = {}
    for name in values:
        if found := ROW.fullmatch(name):
            rows.setdefault(found[1], []).append(int(found[2]))
    places = {
        (group, old): new
        for group, all_ in rows.items()
        for new, old in enumerate(sorted(one for one in set(all_) if f"{group}.{one}" != gone)[:MOST_ROWS])
    }
    made = {}
    for name, texts in values.items():
        found = ROW.fullmatch(name)
        if found is None:
            made[name] = texts
        elif (place := places.get((found[1], int(found[2])))) is not None:
            made[f"{found[1]}.{place}{found[3]}"] = texts
    return made


def sentences(data: Any, path: str = "") -> list[tuple[str, str]]:
    """The paths and sentences of a refusal's nested `data`."""
    if isinstance(data, Mapping):
        return [
            pair
            for key, item in data.items()
            for pair in sentences(item, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(data, (list, tuple)):
        return [(path, str(item)) for item in data if isinstance(item, str)] + [
            pair for item in data if not isinstance(item, str) for pair in sentences(item, path)
        ]
    return [(path, str(data))]


# The notice after a redirect


def done(visit: Visit, address: str, text: str, *, bad: bool = False) -> Response:
    """Go to a page and say there once what happened. A script is told where to go."""
    answer = go(visit, address)
    answer.set_cookie(
        NOTICE,
        _signer(visit).sign(("-" if bad else "+") + quote(text[:300]), NOTICE_SECONDS),
        max_age=NOTICE_SECONDS,
        path="/",
        secure=visit.secure,
        httponly=True,
        samesite="lax",
    )
    return answer


async def ended(form: Form, change: Change, address: str, text: str, *, back: str = "") -> Response:
    """For a form of one button: carry out the change and say so at `address`; or say at `back` (the same) why not."""
    if not await form.write(change):
        return done(form.visit, back or address, " ".join(form.rest()), bad=True)
    return done(form.visit, address, text)


def notice(visit: Visit) -> dict[str, Any] | None:
    """What a page before this one left to say; `forget` it in the answer."""
    read = _signer(visit).read(visit.request.cookies.get(NOTICE, ""))
    return {"bad": read[0] == "-", "text": unquote(read[1:])} if read else None


def forget(answer: Response, visit: Visit) -> Response:
    """Said once."""
    if NOTICE in visit.request.cookies:
        answer.delete_cookie(NOTICE, path="/")
    return answer


def _signer(visit: Visit) -> Signer:
    return Signer(visit.house.database.secret_key, f"notice of {visit.account.id}")
