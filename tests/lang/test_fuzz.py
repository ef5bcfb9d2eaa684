"""No text, however broken, ends in anything but a result or a clean refusal."""

import os

import pytest

from tests.lang import fuzz

TIMES = int(os.environ.get("POLUS_FUZZ_TEXTS", "1000"))
"""Of each kind; the documents tell of the large run."""


@pytest.mark.parametrize(
    "read, sources, least",
    [(fuzz.code, fuzz.CODES, 50), (fuzz.view, fuzz.FILTERS, 50), (fuzz.template, fuzz.TEMPLATES, 900)],
    ids=["code", "view", "template"],
)
def test_mutated_texts(read, sources, least):
    assert fuzz.fuzz(read, sources, times=TIMES, seed=42) >= least * TIMES // 1_000
