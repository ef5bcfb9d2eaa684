"""Fills `{{ path | filter(argument) }}` templates from plain JSON. No statements, no calls, no attributes of objects.

What is missing becomes empty text, never an error; inserted text is never read as a template again. Which values a
context holds is described at `context`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from polus.base import html
from polus.base.text import BODY_BYTES, truncate
from polus.lang import lookup, placing, template_filters
from polus.lang.paths import Step
from polus.lang.refused import Refused
from polus.lang.template_filters import Argument, percent_encoded, show

LONGEST = 1_048_576  # characters of a template
MOST_VARIABLES = 1_000
MOST_SEGMENTS = 20
MOST_FILTERS = 20
DEEPEST_FORM = 100
# Characters that one rendering may produce on the way, before anything is cut.
MOST_WORK = 32 * LONGEST

_STRING = r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'"""
_NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?"
_ARGUMENT = rf"(?:{_STRING}|{_NUMBER}|true|false)"
_SEGMENT = rf"(?:\.(?:[A-Za-z_$][\w$-]*+|[0-9]{{1,15}})|\[\s*+(?:-?[0-9]{{1,15}}|{_STRING})\s*+\])"
_FILTER = rf"[A-Za-z_]\w*+\s*+(?:\(\s*+(?:{_ARGUMENT}\s*+(?:,\s*+{_ARGUMENT}\s*+)*+)?+\))?+"
_VARIABLE = re.compile(
    rf"\{{\{{\s*+(?P<path>[A-Za-z_$][\w$]*+{_SEGMENT}*+)\s*+(?P<filters>(?:\|\s*+{_FILTER}\s*+)*+)\}}\}}",
    re.ASCII | re.DOTALL,
)
_OPENING = re.compile(r"\\\{\{|\{\{")
_STEP = re.compile(rf"(?:^|\.)([\w$-]+)|\[\s*+(-?[0-9]+|{_STRING})\s*+\]", re.ASCII | re.DOTALL)
_ONE_FILTER = re.compile(
    rf"\|\s*+([A-Za-z_]\w*+)\s*+(?:\(((?:{_STRING}|[^)\"'])*+)\))?+", re.ASCII | re.DOTALL
)
_ONE_ARGUMENT = re.compile(_ARGUMENT, re.ASCII | re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
# Half of a pair is no character and cannot be sent.
_SURROGATES = re.compile("[\ud800-\udfff]")
_AS_HTML = frozenset(["body_html", "stripped_html"])


class Target(StrEnum):
    """What the result becomes part of, and so how values are escaped."""

    HTML = "html"  # a body: markup stays out
    TEXT = "text"  # a plain body
    LINE = "line"  # subjects, names, addresses, header values
    URL = "url"
    LEAF = "leaf"  # a text inside JSON or a form, quoted by whoever writes that


_BODIES = (Target.HTML, Target.TEXT)


@dataclass(frozen=True, slots=True)
class Variable:
    """One `{{ … }}`: its text, the steps of its path, its filters with their arguments."""

    source: str
    path: str
    steps: tuple[Step, ...]
    filters: tuple[tuple[str, tuple[Argument, ...]], ...]


class Filled(NamedTuple):
    """What one variable gave. `found`: the value before filters, `text`: what was put in."""

    source: str
    path: str
    found: Any
    text: str
    unknown_filters: tuple[str, ...]


Template = tuple[str | Variable, ...]


def parse(source: str) -> Template:
    """Literal texts and variables in turn. What is no variable is literal. Raises Refused beyond the limits."""
    if len(source) > LONGEST:
        raise Refused(["Template too long."])
    source = _SURROGATES.sub("\ufffd", source)
    parts: list[str | Variable] = []
    at = begin = variables = 0
    while opening := _OPENING.search(source, at):
        at = opening.end()
        found = _VARIABLE.match(source, opening.start())
        if opening[0] == "\\{{":
            parts += [source[begin : opening.start()], "{{"]
            begin = at
        elif found:
            variables += 1
            parts += [source[begin : opening.start()], _variable(found)]
            begin = at = found.end()
    parts.append(source[begin:])
    if variables > MOST_VARIABLES:
        raise Refused(["Template has too many variables."])
    return tuple(part for part in parts if part != "")


def _variable(found: re.Match[str]) -> Variable:
    steps = tuple(_step(one) for one in _STEP.finditer(found["path"]))
    filters = tuple((one[1], _arguments(one[2] or "")) for one in _ONE_FILTER.finditer(found["filters"]))
    if len(steps) > MOST_SEGMENTS or len(filters) > MOST_FILTERS:
        raise Refused(["Template has a variable that is too long."])
    return Variable(found[0], found["path"], steps, filters)


def _step(found: re.Match[str]) -> Step:
    written: str = found[1] or found[2]
    if written[0] in "\"'":
        return _ESCAPED.sub(r"\1", written[1:-1])
    return int(written) if written.lstrip("-").isdigit() else written


def _arguments(written: str) -> tuple[Argument, ...]:
    return tuple(_argument(one[0]) for one in _ONE_ARGUMENT.finditer(written))


def _argument(written: str) -> Argument:
    if written[0] in "\"'":
        return _ESCAPED.sub(r"\1", written[1:-1])
    if written in ("true", "false"):
        return written == "true"
    return float(written) if "." in written else int(written)


class _Rendering:
    """One filling of one template."""

    def __init__(self, context: Mapping[str, Any], target: Target, zone: str) -> None:
        self._context, self._target, self._zone = context, target, zone
        self._known: dict[tuple[Step, ...], Any] = {}
        self._shown: dict[Any, str] = {}
        self._work = 0
        self.filled: list[Filled] = []

    def run(self, parts: Template) -> str:
        page = placing.Page() if self._target is Target.HTML else None
        out: list[str] = []
        size = 0
        for part in parts:
            if isinstance(part, str):
                put = part
                if page:
                    page.literal(part)
            else:
                put = self._fill(part, page)
            out.append(put)
            size += len(put)
            if size > LONGEST:
                break
        return self._cut(page.done() if page else "".join(out))

    def _cut(self, text: str) -> str:
        cut = truncate(text, BODY_BYTES)
        if len(cut) == len(text):
            return text
        if self._target not in _BODIES:
            raise Refused(["Result too long."])
        # The cut may lie inside a tag.
        return html.sanitise(truncate(text, BODY_BYTES * 3 // 4)) if self._target is Target.HTML else cut

    def _fill(self, variable: Variable, page: placing.Page | None) -> str:
        found = self._found(variable.steps)
        value, last = self._plain(variable, found), ""
        for name, arguments in variable.filters:
            value, last = template_filters.apply(name, value, arguments, self._zone), name
            self._spend(len(value) if isinstance(value, str) else 0)
        text = self._show(variable, value)
        if page:
            put = page.value(text, self._markup(variable, value))
        else:
            put = self._escaped(text, encoded=last == "urlencode")
        unknown = tuple(name for name, _ in variable.filters if name not in template_filters.FILTERS)
        self.filled.append(Filled(variable.source, variable.path, found, put, unknown))
        return put

    def _found(self, steps: tuple[Step, ...]) -> Any:
        if steps not in self._known:
            self._known[steps] = lookup.find(self._context, steps)
        return self._known[steps]

    def _plain(self, variable: Variable, found: Any) -> Any:
        """Tags are their names to all filters but `json`."""
        as_json = variable.filters and variable.filters[0][0] == "json"
        return lookup.names(found) if lookup.is_tags(variable.steps) and not as_json else found

    def _show(self, variable: Variable, value: Any) -> str:
        """The value as text; what was shown once is not written again."""
        key = variable.steps if not variable.filters else None
        text = self._shown.get(key) if key else None
        if text is None:
            tags = lookup.is_tags(variable.steps)
            text = show(value, joined=tags or self._target in _BODIES)
            if key:
                self._shown[key] = text
        self._spend(len(text))
        return text[: LONGEST + 1]

    def _markup(self, variable: Variable, value: Any) -> str | None:
        """Bodies go into bodies as HTML, sanitised; whatever a filter has changed goes in as text."""
        changed = any(name not in ("fallback", "default") for name, _ in variable.filters)
        if variable.steps[-1] not in _AS_HTML or changed or value is not self._found(variable.steps):
            return None
        if not isinstance(value, str):
            return None
        key = ("html", variable.steps)
        if key not in self._shown:
            self._spend(len(value))
            self._shown[key] = html.sanitise(value)
        return self._shown[key]

    def _escaped(self, text: str, encoded: bool) -> str:
        if self._target is Target.LINE:
            return _CONTROLS.sub(" ", text)
        if self._target is Target.URL and not encoded:
            return percent_encoded(text)
        return text

    def _spend(self, characters: int) -> None:
        self._work += characters
        if self._work > MOST_WORK:
            raise Refused(["Template takes too much work."])


def render(source: str, context: Mapping[str, Any], target: Target = Target.TEXT, zone: str = "UTC") -> str:
    """The template filled. Bodies are cut at 1 MiB; a longer result of another kind raises Refused.

    `zone`: the account's time zone, for `datetime_format`.
    """
    return _Rendering(context, target, zone).run(parse(source))


def explain(
    source: str, context: Mapping[str, Any], target: Target = Target.TEXT, zone: str = "UTC"
) -> tuple[str, list[Filled]]:
    """The template filled, and what each of its variables gave, in order."""
    rendering = _Rendering(context, target, zone)
    return rendering.run(parse(source)), rendering.filled


def leaves(form: Any, context: Mapping[str, Any], zone: str = "UTC") -> Any:
    """JSON with every text in it filled; keys and all else stay as they are. Raises Refused."""
    return _leaf(form, _Rendering(context, Target.LEAF, zone), 0)


def _leaf(form: Any, rendering: _Rendering, depth: int) -> Any:
    if depth > DEEPEST_FORM:
        raise Refused(["Form too deep."])
    if isinstance(form, str):
        return rendering.run(parse(form))
    if isinstance(form, list):
        return [_leaf(item, rendering, depth + 1) for item in form]
    if isinstance(form, dict):
        return {key: _leaf(value, rendering, depth + 1) for key, value in form.items()}
    return form
