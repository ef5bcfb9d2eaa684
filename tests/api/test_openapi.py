"""The OpenAPI document: complete, readable, and true."""

import re
from typing import Any

import pytest

from polus.api import openapi
from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.desk.scopes import SCOPES
from tests import proof

DOCUMENT = proof.ours()
IDS = [operation.id for operation in OPERATIONS]


def _said(operation: Operation) -> Any:
    return DOCUMENT["paths"][operation.path][operation.method.lower()]


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*map(_references, value.values()))
    if isinstance(value, list):
        return set().union(*map(_references, value))
    return set()


def test_ids_are_unique_and_speak_the_wire() -> None:
    assert len(set(IDS)) == len(IDS)
    assert [name for name in IDS if not re.fullmatch(r"[a-z]+(-[a-z]+)+|search", name)] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=IDS)
def test_each_operation_is_described(operation: Operation) -> None:
    said = _said(operation)
    assert re.fullmatch(r"[A-Z][^.]{4,70}", said["summary"]), said["summary"]
    assert "description" not in said or said["description"].endswith(".")
    assert operation.tag in openapi.TAGS
    assert operation.scope is None or operation.scope in SCOPES
    undescribed = [
        p["name"] for p in said.get("parameters", ()) if not p.get("description", "").endswith(".")
    ]
    assert undescribed == []
    assert {"basic": []} in said["security"]


def test_components_have_stable_names_and_texts() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        # msgspec writes the module into a name when two types share it.
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", name), name
        assert "properties" not in schema or schema.get("description"), name


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    references = _references(DOCUMENT)
    there = {
        f"#/components/{section}/{name}"
        for section in ("schemas", "responses", "headers")
        for name in DOCUMENT["components"][section]
    }
    assert references <= there
    assert there - references - {"#/components/headers/Location"} == set()


def test_examples_of_refusals_are_refusals() -> None:
    validator = proof.validator(DOCUMENT, {"$ref": "#/components/schemas/Error"})
    for response in DOCUMENT["components"]["responses"].values():
        validator.validate(response["content"]["application/json"]["example"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=IDS)
def test_examples_are_what_the_schemas_say(operation: Operation) -> None:
    """Recorded by `make examples`; missing for an operation that is newer, never wrong."""
    said = _said(operation)
    success = said["responses"][str(operation.status)]
    for content in (said.get("requestBody", {}).get("content", {}), success.get("content", {})):
        for given in content.values():
            if "example" in given:
                proof.validator(DOCUMENT, given["schema"]).validate(given["example"])


def test_most_operations_have_an_example() -> None:
    shown = [name for name in IDS if name in openapi.examples()]
    without_any = [
        operation for operation in OPERATIONS if operation.body is None and operation.answer is None
    ]
    assert len(shown) >= 0.9 * (len(IDS) - len(without_any))
