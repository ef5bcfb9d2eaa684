"""The API's documentation as one page of plain HTML, written from the OpenAPI document; needs no script and no network.

What an operation says of itself is said where it is declared; this only lays it out.
"""

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: #8884; --soft: #8881; }
body { margin: 0; display: grid; grid-template-columns: minmax(12rem, 17rem) minmax(0, 60rem); gap: 2rem; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; box-sizing: border-box;
  border-right: 1px solid var(--line); }
nav ul { list-style: none; margin: 0; padding: 0; } nav a { text-decoration: none; }
main { padding: 1rem 1rem 6rem; } h2 { margin-top: 3rem; } h3 { margin-bottom: .2rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: 0 .8rem; }
summary { padding: .5rem 0; cursor: pointer; } summary code { margin: 0 .5rem; } details > :last-child { margin-bottom: .8rem; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; font-size: .85em; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
  border-top: 1px solid var(--line); padding: .3rem .6rem .3rem 0; overflow-wrap: anywhere; }
code { background: var(--soft); padding: 0 .25em; border-radius: 3px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .6rem; overflow: auto; } .meta { opacity: .75; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } }
"""

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

METHODS = ("get", "post", "put", "patch", "delete")
_WORDS = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_BOUNDS = (
    ("minimum", "≥ "), ("maximum", "≤ "), ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"), ("minItems", "at least {} items"), ("maxItems", "at most {} items"),
)  # fmt: skip


def page(document: Schema) -> bytes:
    """The whole page."""
    groups: dict[str, list[tuple[str, str, Schema]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                groups[item[method]["tags"][0]].append((method, path, item[method]))
    told = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    title = html.escape(document["info"]["title"])
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>',
        "<nav aria-label='Resources'><ul>",
        *(f'<li><a href="#{_anchor(name)}">{html.escape(name)}</a></li>' for name, has in groups.items() if has),
        '<li><a href="#objects">Objects</a></li></ul></nav><main>',
        f"<h1>{title} {html.escape(document['info']['version'])}</h1>",
        _paragraphs(document["info"].get("description", "")),
        '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>',
    ]  # fmt: skip
    for name, operations in groups.items():
        if operations:
            parts.append(f'<h2 id="{_anchor(name)}">{html.escape(name)}</h2>{_paragraphs(told[name])}')
            parts += [_operation(document, *operation) for operation in operations]
    parts.append('<h2 id="objects">Objects</h2>')
    parts += [_object(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return "".join([*parts, "</main></html>"]).encode()


def _anchor(name: str) -> str:
    return "resource-" + re.sub(r"[^a-z0-9]+", "-", name.lower())


def _inline(text: str) -> str:
    """Escaped, with `code` and **stress**."""
    return _WORDS.sub(
        lambda found: f"<code>{found[1]}</code>" if found[1] else f"<strong>{found[2]}</strong>",
        html.escape(text, quote=False),
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part.strip())


def _operation(document: Schema, method: str, path: str, operation: Schema) -> str:
    rights = f"Role <code>{operation['x-role']}</code> or higher" if operation.get("x-role") else "Anybody"
    if operation.get("x-scope"):
        rights += f", scope <code>{operation['x-scope']}</code>"
    parts = [
        f'<details id="{operation["operationId"]}"><summary><span class="method">{method.upper()}</span>',
        f"<code>{html.escape(path)}</code>{_inline(operation['summary'])}</summary>",
        _paragraphs(operation.get("description", "")),
        f'<p class="meta">{rights}.</p>',
    ]
    if operation.get("parameters"):
        rows = "".join(_parameter(one) for one in operation["parameters"])
        parts.append(f"<h3>Parameters</h3><table>{rows}</table>")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body</h3><p><code>{html.escape(kind)}</code> {_kind(content['schema'])}</p>")
    rows = "".join(_response(document, status, one) for status, one in operation["responses"].items())
    return "".join([*parts, f"<h3>Answers</h3><table>{rows}</table></details>"])


def _parameter(given: Schema) -> str:
    needed = " <strong>required</strong>" if given.get("required") else ""
    return (
        f"<tr><td><code>{html.escape(given['name'])}</code><br><span class=meta>{given['in']}</span></td>"
        f"<td>{_kind(given['schema'])}{needed}</td><td>{_inline(given.get('description', ''))}</td></tr>"
    )


def _response(document: Schema, status: str, given: Schema) -> str:
    if "$ref" in given:
        given = document["components"]["responses"][given["$ref"].rsplit("/", 1)[1]]
    kinds = ", ".join(_kind(content.get("schema", {})) for content in given.get("content", {}).values())
    return f"<tr><td>{status}</td><td>{_inline(given['description'])}</td><td>{kinds}</td></tr>"


def _object(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{html.escape(key)}</code></td><td>{_kind(one)}"
        f"{' <strong>required</strong>' if key in required else ''}</td>"
        f"<td>{_inline(one.get('description', ''))}</td></tr>"
        for key, one in schema.get("properties", {}).items()
    )
    body = f"<table>{rows}</table>" if rows else f"<p>{_kind(schema)}</p>"
    return (
        f'<details id="object-{html.escape(name)}"><summary><code>{html.escape(name)}</code></summary>'
        f"{_paragraphs(schema.get('description', ''))}{body}</details>"
    )


def _kind(schema: Schema) -> str:
    """What a value may be, in a few words."""
    return " ".join([_base(schema), *_limits(schema)]).strip()


def _base(schema: Schema) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#object-{name}">{name}</a>'
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "one of " + " ".join(f"<code>{html.escape(str(value))}</code>" for value in values)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[key]))
    kinds = schema.get("type", "any value")
    words = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if "array" in words and schema.get("items"):
        words = words.replace("array", "list of " + _kind(schema["items"]))
    elif isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
        words += " of " + _kind(schema["additionalProperties"])
    return words + (f" ({schema['format']})" if schema.get("format") else "")


def _limits(schema: Schema) -> Iterator[str]:
    for key, words in _BOUNDS:
        if key in schema:
            yield ", " + (words.format(schema[key]) if "{}" in words else words + str(schema[key]))
    if "default" in schema:
        yield f", by default <code>{html.escape(str(schema['default']))}</code>"
