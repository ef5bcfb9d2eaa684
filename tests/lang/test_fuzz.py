"""No text, however broken, ends in anything but a result or a clean refusal."""

import pytest

from tests.lang import fuzz


@pytest.mark.parametrize(
    "read, sources, least",
    [(fuzz.code, fuzz.CODES, 50), (fuzz.view, fuzz.FILTERS, 50), (fuzz.template, fuzz.TEMPLATES, 900)],
    ids=["code", "view", "template"],
)
def test_mutated_texts(read, sources, least):
    assert fuzz.fuzz(read, sources, times=1_000, seed=42) >= least
