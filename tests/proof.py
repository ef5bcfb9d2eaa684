"""Every answer that any test gets is held against our own OpenAPI document, and against the contract beside us.

The contract is a folder next to the repository on the machines where Polus is made; elsewhere that half is left out.
"""

import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs

from polus.api import openapi
from polus.api.operation import Operation
from polus.api.routes import Routes
from polus.api.table import OPERATIONS
from polus.base import errors

CONTRACT = Path(__file__).parents[1].parent / "shared" / "contract"
ROUTES = Routes(OPERATIONS)
# wire: keys that live objects carry although the published schema does not name them
SEEN_KEYS = ("requester", "filters_ast", "section_id", "active", "meta", "next_cursor", "prev_cursor")
# Objects of which the contract names only what all of them have: what was searched for decides the rest.
# UserMeta: the contract names two keys of an object that takes any.
OPEN = frozenset(("SearchItem", "UserMeta"))
# Of these the contract describes ticket lists alone; customer lists answer customers.
VIEW_ITEMS = frozenset(("list-view-items", "update-view-items"))
# What is answered where no operation is: no such path, no such method, no such person, too often.
NOWHERE = frozenset((204, 401, 404, 405, 429, 500, 503))
FORMATS = {"email": lambda _: True, "uri": lambda _: True}
Json = Any


@functools.cache
def ours() -> Json:
    """Our own document."""
    return json.loads(json.dumps(openapi.document(OPERATIONS)))


@functools.cache
def contract() -> Json:
    """The contract; None where it is not at hand."""
    file = CONTRACT / "openapi.json"
    return json.loads(file.read_text()) if file.exists() else None


def check(method: str, path: str, status: int, headers: Any, raw: bytes) -> None:
    """Raises AssertionError unless the answer is one that the documents promise."""
    path = path.split("?", 1)[0]
    if not path.lstrip("/").startswith("api/") or headers.get("Content-Type", "").startswith("text/html"):
        return
    operation = operation_of("GET" if method == "HEAD" else method, path)
    done = operation is not None and status == operation.status
    content = operation.answer_content if operation is not None and done else "application/json"
    _check_headers(status, headers, raw, method, content)
    if operation is None or method == "OPTIONS":
        assert status in NOWHERE, f"{method} {path}: {status}"
        key = ""
    else:
        key = operation.id
        promised = _responses(ours(), key)
        assert str(status) in promised, (
            f"{key} answers {status}, which the document does not name: {raw[:500]!r}"
        )
    if method in ("HEAD", "OPTIONS"):
        return
    told = json.loads(raw) if raw and content == "application/json" else raw.decode()
    for name, validator in (("our document", _own(key, status)), ("the contract", _foreign(key, status))):
        if validator is _EMPTY:
            assert raw == b"", f"{key} {status}: {name} says that the body is empty"
        elif key in VIEW_ITEMS and _customers(raw):
            continue
        elif validator is not None:
            problems = [_told(error) for error in validator.iter_errors(told)]
            assert not problems, f"{key or path} {status} is not as {name} says: {problems[:8]}"


def _customers(raw: bytes) -> bool:
    return any("status" not in item for item in json.loads(raw).get("data", ()))


def operation_of(method: str, path: str) -> Operation | None:
    """The operation at a path, if there is one."""
    try:
        methods, _ = ROUTES.find(path)
    except errors.NotFound:
        return None
    found = methods.get(method)
    return found[0] if found else None


def _check_headers(status: int, headers: Any, raw: bytes, method: str, content: str) -> None:
    for name in ("X-Request-Id", "X-Gorgias-Release", "X-Gorgias-Account-Api-Call-Limit", "Content-Length"):
        assert headers.get(name), name
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert ("Retry-After" in headers) == (status == 429)
    if raw:
        assert headers["Content-Type"].split(";")[0] == content
    elif method != "HEAD":
        assert headers["Content-Length"] == "0"
        assert "Content-Type" not in headers


def _told(error: Any) -> str:
    return "/".join(map(str, error.instance_path)) + ": " + error.message[:300]


_EMPTY = object()


@functools.cache
def _own(operation_id: str, status: int) -> Any:
    if not operation_id:
        return (
            None if status == 204 else validator(ours(), {"$ref": "#/components/schemas/Error"}, frozenset())
        )
    response = _responses(ours(), operation_id)[str(status)]
    return _for(ours(), response, frozenset())


@functools.cache
def _foreign(operation_id: str, status: int) -> Any:
    if contract() is None or not operation_id:
        return None
    responses = _responses(contract(), operation_id)
    if responses is None:
        return None
    if str(status) in responses:
        response = responses[str(status)]
    elif status >= 400:
        response = responses["default"]
    else:
        return None
    return _for(contract(), response, frozenset(SEEN_KEYS))


@functools.cache
def _index(which: str) -> dict[str, Json]:
    document = ours() if which == "ours" else contract()
    return {
        operation["operationId"]: operation["responses"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }


def _responses(document: Json, operation_id: str) -> Json:
    return _index("ours" if document is ours() else "contract").get(operation_id)


def _for(document: Json, response: Json, extra: frozenset[str]) -> Any:
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    content = response.get("content")
    if not content:
        return _EMPTY
    (said,) = content.values()
    return validator(document, said["schema"], extra)


def validator(document: Json, schema: Json, extra: frozenset[str] = frozenset()) -> Any:
    """Of one schema of a document; `extra` are the keys that any object may have beyond those it names."""
    return _compiled("ours" if document is ours() else "contract", json.dumps(schema), extra)


@functools.cache
def _compiled(which: str, schema: str, extra: frozenset[str]) -> Any:
    # Compiled with all components, one costs a tenth of a second; there are hundreds, and most need few.
    everything = _components(which, extra)
    needed: Json = {}
    asked = _names(schema)
    while asked:
        name = asked.pop()
        if name not in needed:
            needed[name] = everything[name]
            asked |= _names(json.dumps(needed[name]))
    whole = {**_closed(json.loads(schema), extra), "components": {"schemas": needed}}
    return jsonschema_rs.Draft202012Validator(whole, formats=FORMATS, validate_formats=True)


def _names(schema: str) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', schema))


@functools.cache
def _components(which: str, extra: frozenset[str]) -> Json:
    document = ours() if which == "ours" else contract()
    schemas = document["components"]["schemas"]
    open_ones = OPEN if which == "contract" else ()
    return {name: s if name in open_ones else _closed(s, extra) for name, s in schemas.items()}


def _closed(schema: Json, extra: frozenset[str]) -> Json:
    """The schema without room for keys that it does not name."""
    if isinstance(schema, list):
        return [_closed(item, extra) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value, extra) for key, value in schema.items()}
    if (
        isinstance(schema.get("properties"), dict)
        and "additionalProperties" not in schema
        and schema.get("type")
    ):
        closed["properties"] = {**{key: {} for key in extra}, **closed["properties"]}
        closed["additionalProperties"] = False
    return closed
