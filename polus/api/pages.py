"""The documentation of the API for people, `/docs`: one page written from the OpenAPI document, readable without script."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

STATIC = Path(__file__).parent / "static"
NAMELESS = "https://helpdesk.example"
ROLES = {
    "observer-agent": "every role",
    "lite-agent": "Lite and above",
    "basic-agent": "Basic and above",
    "agent": "Lead and above",
    "admin": "Admin",
}
METHODS = ("GET", "POST", "PUT", "DELETE")
MOST_CHOICES = 12
DEEPEST = 4
SHORT = 70

Json = Any


def page(document: Json, *, style: str, script: str) -> str:
    """The page of a document; `style` and `script` are addresses."""
    environment = Environment(
        loader=FileSystemLoader(STATIC),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    base = document["servers"][0]["url"]
    groups = [
        {
            **tag,
            "anchor": "tag-" + tag["name"].lower().replace(" ", "-"),
            "operations": list(_operations(document, tag, base)),
        }
        for tag in document["tags"]
    ]
    return environment.get_template("docs.html").render(
        info=document["info"],
        introduction=paragraphs(document["info"]["description"]),
        base=NAMELESS if base == "/" else base,
        groups=groups,
        schemas=list(_schemas(document)),
        style=style,
        script=script,
    )


def paragraphs(text: str) -> list[Markup]:
    """Paragraphs with `code` and **strong** words as HTML; everything else is text."""
    return [inline(" ".join(part.split())) for part in text.split("\n\n")]


def inline(text: str) -> Markup:
    """One line with `code` and **strong** words as HTML."""
    made = Markup()
    for number, part in enumerate(text.split("`")):
        if number % 2:
            made += Markup("<code>") + escape(part) + Markup("</code>")
        else:
            strong = part.split("**")
            made += Markup().join(
                Markup("<strong>") + escape(word) + Markup("</strong>") if place % 2 else escape(word)
                for place, word in enumerate(strong)
            )
    return made


def _operations(document: Json, tag: Json, base: str) -> Iterator[dict[str, Any]]:
    found = [
        (path, method.upper(), said)
        for path, item in document["paths"].items()
        for method, said in item.items()
        if tag["name"] in said["tags"]
    ]
    # As one meets them: the list, then one of it, then what it has.
    for path, method, said in sorted(found, key=lambda f: (f[0].count("/"), f[0], METHODS.index(f[1]))):
        yield _operation(document, method, path, said, base)


def _operation(document: Json, method: str, path: str, said: Json, base: str) -> dict[str, Any]:
    kind, body = next(iter(said.get("requestBody", {}).get("content", {}).items()), ("", None))
    success = next(iter(said["responses"].items()))
    answer = next(iter(success[1].get("content", {}).values()), None)
    return {
        "id": said["operationId"],
        "method": method,
        "path": path,
        "summary": said["summary"],
        "description": inline(said.get("description", "")),
        "role": ROLES[said["x-role"]],
        "scope": said.get("x-scope", ""),
        "is_public": {} in said["security"],
        "parameters": [_parameter(given) for given in said.get("parameters", ())],
        "body": body
        and {"kind": kind_of(body["schema"]), "type": kind, "example": pretty(body.get("example"))},
        "status": success[0],
        "answer": answer and {"kind": kind_of(answer["schema"]), "example": pretty(answer.get("example"))},
        "success": success[1]["description"],
        "refusals": [
            (status, *_refusal(document, given)) for status, given in list(said["responses"].items())[1:]
        ],
        "curl": curl(method, path, kind, body, base),
    }


def _parameter(given: Json) -> dict[str, Any]:
    schema = given["schema"]
    return {
        "name": given["name"],
        "where": given["in"],
        "required": given["required"],
        "kind": kind_of(schema),
        "note": Markup(" ").join(filter(None, (inline(given.get("description", "")), note_of(schema)))),
    }


def _refusal(document: Json, given: Json) -> tuple[str, str]:
    """Name and description of a response, followed to its component."""
    if "$ref" not in given:
        return "", given["description"]
    name = given["$ref"].rsplit("/", 1)[1]
    return name, document["components"]["responses"][name]["description"]


def curl(method: str, path: str, kind: str, body: Json, base: str) -> str:
    """The same call on a command line."""
    where = (NAMELESS if base == "/" else base) + path.replace("{", "$").replace("}", "")
    parts = ["curl -u $EMAIL:$KEY"]
    if method != "GET":
        parts.append("-X " + method)
    parts.append('"' + where + '"')
    if kind == "multipart/form-data":
        parts.append("-F 'invoice.pdf=@invoice.pdf'")
    elif body:
        text = json.dumps(body.get("example", {}), ensure_ascii=False)
        if len(text) > SHORT:
            text = json.dumps(body["example"], ensure_ascii=False, indent=2)
        text = text.replace("'", "'\\''")
        parts += ["-H 'Content-Type: application/json'", "-d '" + text + "'"]
    return " \\\n  ".join([" ".join(parts[:-1]), parts[-1]] if len(parts) > 2 else [" ".join(parts)])


def pretty(example: Json) -> str:
    """An example as text; empty when there is none."""
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)


def _schemas(document: Json) -> Iterator[dict[str, Any]]:
    for name, schema in document["components"]["schemas"].items():
        yield {
            "name": name,
            "description": inline(" ".join(schema.get("description", "").split())),
            "rows": list(_rows(schema, "", DEEPEST)),
            "kind": kind_of(schema, whole=True),
        }


def _rows(schema: Json, before: str, depth: int) -> Iterator[dict[str, Any]]:
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        yield {
            "name": before + name,
            "required": name in required,
            "kind": kind_of(given),
            "note": Markup(" ").join(filter(None, (inline(given.get("description", "")), note_of(given)))),
        }
        if depth and "properties" in given:
            yield from _rows(given, before + name + ".", depth - 1)


def kind_of(schema: Json, *, whole: bool = False) -> Markup:
    """What values a schema takes, in words, with links to the schemas it names. `whole` lists all choices."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(dict.fromkeys(kind_of(choice) for choice in schema["anyOf"]))
    if "enum" in schema:
        return _choices(schema["enum"], whole=whole)
    if "const" in schema:
        return _choices([schema["const"]], whole=True)
    kinds = schema.get("type", "anything")
    return Markup(" or ").join(_one(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _one(kind: str, schema: Json) -> Markup:
    if kind == "array":
        return Markup("list of ") + kind_of(schema["items"]) if schema.get("items") else Markup("list")
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, dict) and values:
        return Markup("object of ") + kind_of(values)
    words = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    formats = {"date-time": "date and time", "email": "e-mail address", "uri": "address", "binary": "file"}
    return escape(
        formats.get(schema.get("format", ""), words.get(kind, kind))
        if kind == "string"
        else words.get(kind, kind)
    )


def _choices(values: list[Any], *, whole: bool) -> Markup:
    shown = values if whole or len(values) <= MOST_CHOICES + 2 else values[:MOST_CHOICES]
    made = Markup(", ").join(Markup("<code>{}</code>").format(_literal(value)) for value in shown)
    return made + Markup(" … {} in all").format(len(values)) if len(shown) < len(values) else made


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def note_of(schema: Json) -> Markup:
    """Limits and default of a schema, in words."""
    said = list(_limits(schema))
    if schema.get("default") is not None:
        said.append(Markup("by default <code>{}</code>").format(_literal(schema["default"])))
    return Markup(", ").join(said).capitalize() + Markup(".") if said else Markup()


def _limits(schema: Json) -> Iterable[Markup]:
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ):
        least, most = schema.get(low), schema.get(high)
        if least is not None and most is not None:
            yield escape(f"{least} to {most}{unit}")
        elif least is not None:
            yield escape(f"at least {least}{unit}")
        elif most is not None:
            yield escape(f"at most {most}{unit}")
    if "x-max-bytes" in schema:
        yield escape(f"at most {schema['x-max-bytes']} bytes")
