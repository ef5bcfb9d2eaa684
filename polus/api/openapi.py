"""The OpenAPI 3.1 document, made from the operations' declarations; nothing in it is written by hand twice."""

import functools
import importlib.resources
import re
from typing import Any

import msgspec
from msgspec import inspect

from polus import __version__
from polus.api import fields
from polus.api.operation import Operation
from polus.api.routes import Routes
from polus.desk.scopes import SCOPES

REF = "#/components/schemas/{name}"

INTRODUCTION = """
Polus answers the REST API that programs for the hosted helpdesk already speak: the same paths, fields, errors, pages
and limits.

**Who calls.** Every request carries HTTP Basic credentials: the user is an agent's e-mail address, the password one of
that agent's API keys. What the agent's role may do, the key may do.

**Lists** come in pages. `meta.next_cursor` and `meta.prev_cursor` are the `cursor` of the neighbouring pages, null at
the ends.

**Refusals** are `{"error": {"msg": "…", "data": {…}}}`. Of a wrong body, `data` names every wrong field at once.

**Limits.** Each key may make 40 requests in 20 seconds (an installation may set another figure).
`X-Gorgias-Account-Api-Call-Limit` tells how many are used up; after that the answer is 429 with `Retry-After`.
"""

# Tags in the order in which they are shown.
TAGS: dict[str, str] = {
    "Account": "The account itself and its settings.",
    "Users": "The people who answer customers, their roles and profiles.",
    "Teams": "Groups of users that tickets are given to.",
    "Customers": "The people who write, with all addresses they write from.",
    "Tickets": "Conversations with customers, from the first message to the last.",
    "Ticket messages": "What was said in a ticket: messages in and out, and internal notes.",
    "Views": "Saved filters of tickets, and what they show.",
    "Tags": "Words that sort tickets.",
    "Custom fields": "What an account wants to know of its tickets and customers, and the values.",
    "Macros": "Prepared answers, with what else is to be done when they are used.",
    "Jobs": "Work on many tickets or macros at once, done in the background.",
    "Rules": "What is to be done by itself when something happens to a ticket.",
    "Files": "Attachments and pictures: put in, and fetched again.",
    "Search": "Finds customers, users, teams, tags and integrations by a few letters.",
    "Integrations": "What the account is connected to, such as the addresses it receives mail at.",
    "Satisfaction surveys": "How content customers were with their tickets.",
    "Widgets": "How the data of integrations is shown beside tickets and customers.",
    "Voice": "Telephone calls, what happened in them, and their recordings.",
    "Reporting Statistics": "Figures of one subject, grouped by what one likes and by time.",
    "Statistics": "The older, ready-made statistics, also as CSV.",
    "Metric Cards": "What each figure of the statistics means and how it is computed.",
    "SLA policies": "How soon customers are to be answered, and whether they were.",
    "Analysis": "What is guessed from customers' words, and what is known better.",
    "Templates": "Texts with variables, and what they give.",
    "Presence": "Who is at work and can be given tickets.",
    "Events": "The audit log: who did what, and when.",
}

# What parameters mean whose declaration does not say.
PARAMETERS: dict[str, str] = {
    "cursor": "Where the page begins: `meta.next_cursor` or `meta.prev_cursor` of another page.",
    "limit": "How many items a page has.",
    "order_by": "By what the list is sorted, and which way.",
}
PATH_PARAMETERS: dict[str, str] = {
    "file_type": "What the file was uploaded as.",
    "domain_hash": "Twelve characters that stand for the account.",
    "resource_name": "The file's own part of its address.",
    "slug": "Names the metric card.",
    "name": "Names the statistic.",
}
# Where the id 0 stands for the caller.
ZERO_HAS_A_MEANING = frozenset(("get-user", "update-user", "list-view-items", "update-view-items"))

HEADERS: dict[str, Any] = {
    "RequestId": {"description": "Names this request in the server's log.", "schema": {"type": "string", "format": "uuid"}},
    "CallLimit": {
        "description": "Requests in the bucket of these credentials, and how many fit: `3/40`.",
        "schema": {"type": "string", "pattern": "^[0-9]+/[0-9]+$"},
    },
    "RetryAfter": {"description": "Seconds until one more request fits.", "schema": {"type": "integer", "minimum": 1}},
    "Location": {"description": "Where to go instead.", "schema": {"type": "string"}},
}  # fmt: skip
ON_ALL = {
    "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
    "X-Gorgias-Account-Api-Call-Limit": {"$ref": "#/components/headers/CallLimit"},
}
LOCATION = {"Location": {"required": True, **HEADERS["Location"]}}

# Refusals that several operations share: name of the component, description, example.
REFUSALS: dict[int, tuple[str, str, Any]] = {
    400: ("BadRequest", "A field or parameter is wrong; all of them are told together.",
          {"msg": "Failed to create tag", "data": {"name": ["Missing data for required field."]}}),
    401: ("Unauthorized", "No credentials, or wrong ones.", {"msg": "Unauthorized."}),
    403: ("Forbidden", "The role or the scope does not reach, or the thing is protected.",
          {"msg": "You do not have the permission to perform this action."}),
    404: ("NotFound", "There is no such thing in this account.", {"msg": "Resource not found."}),
    409: ("Conflict", "Something else has that name already, or uses this.",
          {"msg": "The resource already exists.", "data": {"name": ["Already in use."]}}),
    413: ("TooLarge", "The request is larger than is taken; `data.limit` in bytes.",
          {"msg": "The request is too large.", "data": {"limit": 33554432}}),
    415: ("UnsupportedMediaType", "The body is neither JSON nor what this operation takes.",
          {"msg": "Unsupported media type."}),
    429: ("TooManyRequests", "Too many requests with these credentials.",
          {"msg": "Too many requests.", "data": {"retry_after": 1}}),
    503: ("Unavailable", "The database, or the store of files, is away for the moment.",
          {"msg": "An external service had an issue."}),
    500: ("ServerError", "A mistake of ours; the log tells more under the request's id.",
          {"msg": "Internal server error.", "data": {"request_id": "8f0fa8f5-5b09-4b0c-9b7c-1c4a1f5c0b52"}}),
}  # fmt: skip


class ErrorDetail(msgspec.Struct):
    """What went wrong: `msg` in a sentence, `data` field by field."""

    msg: str
    data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Error(msgspec.Struct):
    """A refusal."""

    error: ErrorDetail


@functools.cache
def examples() -> dict[str, Any]:
    """`body` and `answer` of one real call of each operation; recorded by `make examples`."""
    raw = importlib.resources.files("polus.api").joinpath("examples.json").read_bytes()
    return msgspec.json.decode(raw)  # type: ignore[no-any-return]


def document(operations: list[Operation], base_url: str = "") -> dict[str, Any]:
    """The document as plain JSON values."""
    kinds = [Error]
    for operation in operations:
        kinds += [form.kind for form in (operation.body,) if form is not None]
        kinds += [operation.answer] if operation.answer is not None else []
        kinds += [field.type for field in msgspec.structs.fields(operation.query.kind)]
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=fields.schema, ref_template=REF)
    components = _tidy(components | fields.COMPONENTS)
    found = dict(zip(map(repr, kinds), _tidy(schemas), strict=True))
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, found)
    used = {operation.tag for operation in operations}
    shared = {"responses": {name: _refusal(status) for status, (name, _, _) in REFUSALS.items()}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Polus API",
            "version": __version__,
            "description": INTRODUCTION.strip(),
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": base_url or "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items() if name in used],
        "security": [{"basic": []}, {"oauth2": []}],
        "paths": paths,
        "components": {
            "schemas": _reached(components, [paths, shared]),
            **shared,
            "headers": HEADERS,
            "securitySchemes": _security_schemes(),
        },
    }


def _reached(components: dict[str, Any], roots: Any) -> dict[str, Any]:
    """The components that something refers to, by name."""
    reached: set[str] = set()
    found = _references(roots)
    while found:
        reached |= found
        found = _references([components[name] for name in found]) - reached
    return {name: components[name] for name in sorted(reached)}


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = str(value.get("$ref", ""))
        found = {here.rsplit("/", 1)[1]} if here.startswith("#/components/schemas/") else set()
        return found.union(*map(_references, value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(_references, value))
    return set()


def _security_schemes() -> dict[str, Any]:
    flow = {
        "authorizationUrl": "/oauth/authorize",
        "tokenUrl": "/oauth/token",
        "refreshUrl": "/oauth/token",
        "scopes": SCOPES,
    }
    return {
        "basic": {"type": "http", "scheme": "basic", "description": "An agent's e-mail address and API key."},
        "oauth2": {
            "type": "oauth2",
            "description": "For apps: what they may do is the person's role and the granted scopes together.",
            "flows": {"authorizationCode": flow},
        },
    }


def _refusal(status: int) -> dict[str, Any]:
    _, description, example = REFUSALS[status]
    headers = dict(ON_ALL)
    if status == 429:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    content = {"schema": {"$ref": REF.format(name="Error")}, "example": {"error": example}}
    return {"description": description, "headers": headers, "content": {"application/json": content}}


def _tidy(value: Any) -> Any:
    """Schemas as people write them: the kind of an enum's values, `null` among the types, no limits that are held
    but not told (`fields.NO_RANGE` and the like)."""
    if isinstance(value, (list, tuple)):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    untold = ("x-untold", *value.get("x-untold", ()))
    tidy = {key: _tidy(item) for key, item in value.items() if key not in untold}
    values = tidy.get("enum")
    if isinstance(values, list) and "type" not in tidy and all(isinstance(item, str) for item in values):
        return {"type": "string", **tidy}
    choices = tidy.get("anyOf")
    if isinstance(choices, list) and len(choices) == 2 and {"type": "null"} in choices:
        (other,) = (choice for choice in choices if choice != {"type": "null"})
        if isinstance(other.get("type"), str) and "enum" not in other:
            del tidy["anyOf"]
            return {**other, "type": [other["type"], "null"], **tidy}
    return tidy


def _operation(operation: Operation, found: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary.rstrip("."),
    }
    if operation.description:
        said["description"] = operation.description
    parameters = [*_path_parameters(operation), *_query_parameters(operation, found)]
    if parameters:
        said["parameters"] = parameters
    if operation.body is not None:
        content = _content(operation, "body", found[repr(operation.body.kind)])
        said["requestBody"] = {
            "required": operation.body_required,
            "content": {operation.request_content: content},
        }
    said["responses"] = _responses(operation, found)
    said["security"] = _security(operation)
    said["x-role"] = operation.role
    if operation.scope:
        said["x-scope"] = operation.scope
    return said


def _content(operation: Operation, part: str, schema: Any) -> dict[str, Any]:
    example = examples().get(operation.id, {})
    return {"schema": schema, "example": example[part]} if part in example else {"schema": schema}


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    oauth2: dict[str, list[str]] = {"oauth2": [operation.scope] if operation.scope else []}
    anybody: list[dict[str, list[str]]] = [{}] if operation.public is not None else []
    return [*anybody, {"basic": []}, oauth2]


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS.get(name) or "Id of the " + _noun(operation.path, name) + ".",
            "schema": {"type": "string"} if name in Routes.TEXTS else _path_id(operation),
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _path_id(operation: Operation) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0} if operation.id in ZERO_HAS_A_MEANING else {"type": "integer"}


def _noun(path: str, name: str) -> str:
    """What an id in a path is of: `/api/tickets/{id}` → ticket."""
    words = name.removesuffix("id").removesuffix("_") if name != "id" else ""
    if not words:
        before = path.split("/{" + name + "}", 1)[0].rsplit("/", 1)[1]
        words = before.removesuffix("s")
    return words.replace("_", " ").replace("-", " ")


def _query_parameters(operation: Operation, found: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for field in msgspec.structs.fields(operation.query.kind):
        schema = dict(found[repr(field.type)])
        if field.default not in (msgspec.NODEFAULT, msgspec.UNSET, None, "", ()):
            schema["default"] = field.default
        name = field.encode_name
        parameter = {"name": name, "in": "query", "required": field.required}
        said = schema.pop("description", None) or _described(field.type) or PARAMETERS.get(name)
        if said:
            parameter["description"] = said
        if operation.query.takes_list(name):
            parameter |= {"style": "form", "explode": True}
        elif operation.query.takes_object(name):
            parameter |= {"style": "deepObject", "explode": True}
        parameters.append({**parameter, "schema": schema})
    return parameters


def _described(kind: Any) -> str | None:
    """The description that an annotated type carries, also inside `… | UnsetType`."""
    for info in _flat(inspect.type_info(kind)):
        if isinstance(info, inspect.Metadata) and info.extra_json_schema:
            description: str | None = info.extra_json_schema.get("description")
            if description:
                return description
        if isinstance(info, inspect.StructType) and info.cls.__doc__:
            return " ".join(info.cls.__doc__.split())
    return None


def _flat(info: inspect.Type) -> list[inspect.Type]:
    return list(info.types) if isinstance(info, inspect.UnionType) else [info]


def _responses(operation: Operation, found: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": _success(operation), "headers": dict(ON_ALL)}
    if operation.answer is not None:
        content = _content(operation, "answer", found[repr(operation.answer)])
        success["content"] = {operation.answer_content: content}
    responses: dict[str, Any] = {str(operation.status): success}
    if operation.status == 307:
        success["headers"] |= LOCATION
    if operation.redirects:
        responses["301"] = {
            "description": "It was merged into another one: the same path with that one's id.",
            "headers": ON_ALL | LOCATION,
        }
    for status in refused(operation):
        responses[str(status)] = {"$ref": "#/components/responses/" + REFUSALS[status][0]}
    return dict(sorted(responses.items()))


def _success(operation: Operation) -> str:
    said = {
        200: "Here it is.",
        201: "Made.",
        202: "Changed.",
        204: "Gone.",
        207: "One result for each.",
        307: "Over there.",
    }
    return (
        said[operation.status] if operation.answer is not None or operation.status in (204, 307) else "Done."
    )


def refused(operation: Operation) -> list[int]:
    """The statuses with which an operation may refuse."""
    statuses = {400, 401, 403, 429, 500, 503, *operation.statuses}
    if "{" in operation.path:
        statuses.add(404)
    if operation.method != "GET":
        statuses.add(409)
    if operation.body is not None:
        statuses |= {413, 415}
    return sorted(statuses)
