"""Decodes bodies and queries by their types: fast when right; when wrong, once more with all errors by field."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from polus.api import fields, incoming
from polus.base import errors

T = TypeVar("T")
Problems = dict[str, Any] | list[str]

INVALID_QUERY = "Invalid query parameters"
MOST_PARAMETERS = 1000
# One comma-separated value is taken for the list in these, besides repeated keys.
COMMA_LISTS = frozenset(
    ("languages", "tags", "types", "roles", "user_ids", "ticket_ids", "relationships", "ids", "include")
)
BRACKET = re.compile(r"([a-z_]+)\[([a-z]*)\]")
NUL = b"\\u0000"


class Form(Generic[T]):
    """How one type of body or query is read. `ignored` keys are dropped unread, so that a GET body can be PUT."""

    def __init__(self, kind: Any, ignored: Collection[str] = (), *, lenient: bool = False) -> None:
        self.kind = kind
        self.ignored = frozenset(ignored)
        self.lenient = lenient
        self._decode = msgspec.json.Decoder(kind, strict=False, dec_hook=fields.read).decode
        self._info = inspect.type_info(kind)
        self._lists, self._objects, self._names, self._nullable = _shape(self._info)

    def takes_list(self, name: str) -> bool:
        """Whether the field is a list."""
        return name in self._lists

    def takes_object(self, name: str) -> bool:
        """Whether the field is an object."""
        return name in self._objects

    def body(self, raw: bytes) -> T:
        """Decode JSON; 400 `Invalid` with every field's messages."""
        if NUL not in raw:
            try:
                return self._decode(raw)  # type: ignore[no-any-return]
            except (msgspec.ValidationError, RecursionError):
                pass
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise errors.Invalid({}, incoming.NOT_JSON) from None
        try:
            given = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise errors.Invalid({}, incoming.NOT_JSON) from None
        return self.value(given)

    def value(self, given: Any) -> T:
        """Convert decoded JSON."""
        if isinstance(given, dict) and (self.ignored or self.lenient):
            known = {key: item for key, item in given.items() if key not in self.ignored}
            given = (
                {key: item for key, item in known.items() if key in self._names} if self.lenient else known
            )
        problems = check(self._info, given)
        if problems:
            raise errors.Invalid(
                problems if isinstance(problems, dict) else {"body": problems},
            )
        try:
            return msgspec.convert(given, self.kind, strict=False, dec_hook=fields.read)  # type: ignore[no-any-return]
        except msgspec.ValidationError as error:
            raise errors.Invalid({"body": [str(error)]}) from None

    def query(self, text: str, tolerated: Collection[str] = ()) -> T:
        """Read a query string; 400 `Invalid query parameters` for unknown keys and wrong values."""
        given: dict[str, Any] = {}
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
        except ValueError:
            raise errors.Invalid({}, "Too many query parameters.") from None
        for key, value in pairs:
            self._place(given, key, value)
        for key in tolerated:
            if key not in self._names:
                given.pop(key, None)
        problems = check(self._info, given)
        if problems:
            raise errors.Invalid(problems if isinstance(problems, dict) else {}, INVALID_QUERY)
        try:
            return msgspec.convert(given, self.kind, strict=False, dec_hook=fields.read)  # type: ignore[no-any-return]
        except msgspec.ValidationError as error:
            raise errors.Invalid({"query": [str(error)]}, INVALID_QUERY) from None

    def _place(self, given: dict[str, Any], key: str, value: str) -> None:
        bracket = BRACKET.fullmatch(key)
        name = bracket[1] if bracket else key
        if name in self._lists and (not bracket or not bracket[2]):
            items = value.split(",") if name in COMMA_LISTS and "," in value else [value]
            given.setdefault(name, []).extend(items)
        elif bracket and name in self._objects:
            # `a=1&a[gte]=2`: the first makes it no object, and is told so.
            if isinstance(known := given.setdefault(name, {}), dict):
                known[bracket[2]] = value
        else:
            # wire: `archived=null` is neither true nor false
            given[key] = None if value == "null" and name in self._nullable else value


def _shape(info: Any) -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """The names of the fields that are lists, that are objects, of all, and of those that are true, false or null."""
    if not isinstance(info, inspect.StructType):
        return frozenset(), frozenset(), frozenset(), frozenset()
    lists = {field.encode_name for field in info.fields if _has(field.type, inspect.ListType)}
    objects = {field.encode_name for field in info.fields if _has(field.type, inspect.StructType)}
    nullable = {
        field.encode_name
        for field in info.fields
        if _has(field.type, inspect.BoolType) and _has(field.type, inspect.NoneType)
    }
    names = frozenset(field.encode_name for field in info.fields)
    return frozenset(lists), frozenset(objects), names, frozenset(nullable)


def _has(info: Any, kind: type) -> bool:
    if isinstance(info, inspect.Metadata):
        return _has(info.type, kind)
    if isinstance(info, inspect.UnionType):
        return any(_has(item, kind) for item in info.types)
    return isinstance(info, kind)


def check(info: Any, given: Any) -> Problems | None:
    """What is wrong with `given`: messages, or messages by key; None when nothing is."""
    if isinstance(info, inspect.Metadata):
        return check(info.type, given)
    if isinstance(info, inspect.UnionType):
        return _union(info, given)
    if given is None and not isinstance(info, (inspect.NoneType, inspect.AnyType)):
        return [errors.NULL]
    checker = CHECKERS.get(type(info))
    return checker(info, given) if checker else None


def _union(info: inspect.UnionType, given: Any) -> Problems | None:
    if given is None:
        return None if info.includes_none else [errors.NULL]
    kinds = [kind for kind in info.types if not isinstance(kind, inspect.NoneType)]
    found: Problems | None = None
    for kind in kinds:
        problems = check(kind, given)
        if not problems:
            return None
        # Of several kinds the one that fits the JSON type best tells most.
        if found is None or isinstance(problems, dict):
            found = problems
    return found


def _struct(info: inspect.StructType, given: Any) -> Problems | None:
    if not isinstance(given, Mapping):
        return [errors.WRONG_TYPE]
    problems: dict[str, Any] = {}
    known = {field.encode_name: field for field in info.fields}
    if info.forbid_unknown_fields:
        problems.update({str(key): [errors.UNKNOWN] for key in given if key not in known})
    for name, field in known.items():
        if name in given:
            found = check(field.type, given[name])
            if found:
                problems[name] = found
        elif field.required:
            problems[name] = [errors.REQUIRED]
    return problems or None


def _list(info: inspect.ListType, given: Any) -> Problems | None:
    if not isinstance(given, Sequence) or isinstance(given, str):
        return [errors.WRONG_TYPE]
    if info.max_length is not None and len(given) > info.max_length:
        return [errors.too_long(info.max_length)]
    if info.min_length is not None and len(given) < info.min_length:
        return [errors.too_short(info.min_length)]
    problems = {str(index): check(info.item_type, item) for index, item in enumerate(given)}
    return {index: found for index, found in problems.items() if found} or None


def _dict(info: inspect.DictType, given: Any) -> Problems | None:
    if not isinstance(given, Mapping):
        return [errors.WRONG_TYPE]
    problems = {str(key): check(info.value_type, item) for key, item in given.items()}
    return {key: found for key, found in problems.items() if found} or None


def _int(info: inspect.IntType, given: Any) -> Problems | None:
    if isinstance(given, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,30}\s*", given):
        # Only what msgspec reads too.
        given = int(given) if given.strip() == given and not given.startswith("+") else given
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        return [errors.NOT_INTEGER]
    return _bounds(info, given)


def _float(info: inspect.FloatType, given: Any) -> Problems | None:
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            return [errors.NOT_NUMBER]
    if not isinstance(given, (int, float)) or isinstance(given, bool) or given != given:
        return [errors.NOT_NUMBER]
    return _bounds(info, given)


def _bounds(info: inspect.IntType | inspect.FloatType, given: float) -> Problems | None:
    if info.ge is not None and given < info.ge:
        return [errors.too_small(info.ge)]
    if info.le is not None and given > info.le:
        return [errors.too_big(info.le)]
    return None


def _bool(_info: Any, given: Any) -> Problems | None:
    right = isinstance(given, bool) or (
        isinstance(given, str) and given.lower() in ("true", "false", "1", "0")
    )
    return None if right or (type(given) is int and given in (0, 1)) else [errors.NOT_BOOLEAN]


def _str(info: inspect.StrType, given: Any) -> Problems | None:
    if not isinstance(given, str) or "\0" in given:
        return [errors.NOT_STRING]
    if info.max_length is not None and len(given) > info.max_length:
        return [errors.too_long(info.max_length)]
    if info.min_length is not None and len(given) < info.min_length:
        return [errors.too_short(info.min_length)]
    if info.pattern is not None and not re.search(info.pattern, given):
        return [errors.NOT_CHOICE]
    return None


def _literal(info: inspect.LiteralType, given: Any) -> Problems | None:
    try:
        return None if given in info.values else [errors.NOT_CHOICE]
    except TypeError:
        return [errors.NOT_CHOICE]


def _custom(info: inspect.CustomType, given: Any) -> Problems | None:
    try:
        fields.read(info.cls, given)
    except fields.Fault as fault:
        return [str(fault)]
    return None


CHECKERS: dict[type, Any] = {
    inspect.StructType: _struct,
    inspect.ListType: _list,
    inspect.DictType: _dict,
    inspect.IntType: _int,
    inspect.FloatType: _float,
    inspect.BoolType: _bool,
    inspect.StrType: _str,
    inspect.LiteralType: _literal,
    inspect.CustomType: _custom,
}
