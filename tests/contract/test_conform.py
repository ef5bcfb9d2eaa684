"""Our OpenAPI document against the contract, where that is at hand: beside the repository, on the machines of its makers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from polus.api.table import OPERATIONS
from tests import proof

pytestmark = pytest.mark.skipif(proof.contract() is None, reason="the contract is not beside this repository")


def test_every_operation_conforms(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(proof.ours()))
    known = {
        operation["operationId"] for item in proof.contract()["paths"].values() for operation in item.values()
    }
    chosen = [
        part for operation in OPERATIONS if operation.id in known for part in ("--operation", operation.id)
    ]
    checked = subprocess.run(
        [sys.executable, proof.CONTRACT / "conform.py", document, *chosen],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr
    assert checked.stdout.strip().endswith(f"{len(chosen) // 2} operations conform, 0 differ, 0 missing")


def test_there_is_no_operation_beside_the_contract() -> None:
    """Ours alone belong under `/api/_polus`."""
    theirs = {
        (path, method.upper()): operation["operationId"]
        for path, item in proof.contract()["paths"].items()
        for method, operation in item.items()
    }
    ours = {(operation.path, operation.method): operation.id for operation in OPERATIONS}
    assert {
        place: name for place, name in ours.items() if not place[0].startswith("/api/_polus/")
    }.items() <= theirs.items()


def test_scopes_are_those_of_the_contract() -> None:
    """But for `search`, whose scope depends on what is searched for."""
    theirs = {
        operation["operationId"]: operation.get("x-scope")
        for item in proof.contract()["paths"].values()
        for operation in item.values()
    }
    compared = [operation for operation in OPERATIONS if operation.id in theirs.keys() - {"search"}]
    assert {o.id: o.scope for o in compared} == {o.id: theirs[o.id] for o in compared}
