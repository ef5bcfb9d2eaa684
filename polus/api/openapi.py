"""The OpenAPI 3.1 document, made from the operations' declarations; nothing in it is written by hand twice."""

import re
from typing import Any

import msgspec
from msgspec import inspect

from polus import __version__
from polus.api import fields
from polus.api.bodies import Form
from polus.api.operation import Operation

REF = "#/components/schemas/{name}"
SCOPES_TEXT = "Scopes are granted to apps; API keys have none."

INTRODUCTION = """
Polus answers the same REST API as the helpdesk whose clients it serves. Authenticate with HTTP Basic: the user is an
agent's e-mail address, the password one of the agent's API keys.
"""


class ErrorDetail(msgspec.Struct):
    """What went wrong."""

    msg: str
    data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Error(msgspec.Struct):
    """Every refusal."""

    error: ErrorDetail


def document(operations: list[Operation], base_url: str = "") -> dict[str, Any]:
    """The document as plain JSON values."""
    kinds = [Error]
    for operation in operations:
        kinds += [form.kind for form in (operation.body,) if form is not None]
        kinds += [operation.answer] if operation.answer is not None else []
        kinds += [field.type for field in msgspec.structs.fields(operation.query.kind)]
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=fields.schema, ref_template=REF)
    schemas, components = _told(schemas), _told(components | fields.COMPONENTS)
    found = dict(zip(map(_key, kinds), schemas, strict=True))
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, found)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Polus", "version": __version__, "description": INTRODUCTION.strip()},
        "servers": [{"url": base_url or "/"}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                "Error": {
                    "description": "The request was refused; `error.msg` says why, `error.data` where.",
                    "content": {"application/json": {"schema": found[_key(Error)]}},
                }
            },
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "E-mail and API key."}
            },
        },
    }


def _told(value: Any) -> Any:
    """Without the limits that a type holds but does not tell (`fields.NO_RANGE` and the like)."""
    if isinstance(value, dict):
        untold = ("x-untold", *value.get("x-untold", ()))
        return {key: _told(item) for key, item in value.items() if key not in untold}
    if isinstance(value, (list, tuple)):
        return [_told(item) for item in value]
    return value


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(operation: Operation, found: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary.rstrip("."),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation, found)],
        "responses": _responses(operation, found),
        "x-role": operation.role,
    }
    if operation.description:
        said["description"] = operation.description
    if operation.scope:
        said["x-scope"] = operation.scope
    if operation.body is not None:
        said["requestBody"] = {
            "required": operation.body_required,
            "content": {operation.request_content: {"schema": _body(operation.body, found)}},
        }
    return said


def _body(form: Form[Any], found: dict[str, Any]) -> Any:
    return found[_key(form.kind)]


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"} if name in TEXTS else {"type": "integer"},
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


TEXTS = frozenset(("file_type", "domain_hash", "resource_name", "name", "slug"))


def _query_parameters(operation: Operation, found: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for field in msgspec.structs.fields(operation.query.kind):
        schema = dict(found[_key(field.type)])
        if field.default not in (msgspec.NODEFAULT, msgspec.UNSET, None, "", ()):
            schema["default"] = field.default
        parameter = {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": schema,
        }
        info = inspect.type_info(field.type)
        if operation.query.takes_list(field.encode_name):
            parameter |= {"style": "form", "explode": True}
        elif operation.query.takes_object(field.encode_name):
            parameter |= {"style": "deepObject", "explode": True}
        if isinstance(info, inspect.Metadata) and info.extra_json_schema:
            parameter |= {key: value for key, value in info.extra_json_schema.items() if key == "description"}
        parameters.append(parameter)
    return parameters


def _responses(operation: Operation, found: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done." if operation.answer is None else "The answer."}
    if operation.answer is not None:
        success["content"] = {"application/json": {"schema": found[_key(operation.answer)]}}
    responses: dict[str, Any] = {str(operation.status): success}
    if operation.redirects:
        responses["301"] = {"description": "Merged into another one, which `Location` names."}
    refused = {"$ref": "#/components/responses/Error"}
    for status in (400, 401, 403, 404, 405, 409, 413, 415, 429, *operation.statuses):
        responses[str(status)] = refused
    responses["default"] = refused
    return responses
