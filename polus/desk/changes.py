"""What an update changed, in the form that `…-updated` events carry."""

from collections.abc import Collection, Mapping
from typing import Any

# Texts longer than this are told as changed, not quoted.
LONG = 1000


def between(old: Mapping[str, Any], new: Mapping[str, Any], secret: Collection[str] = ()) -> dict[str, Any]:
    """`{"<field>": [old, new]}` of the fields that differ; long texts and secrets only `true`."""
    return {
        key: True if key in secret or _long(old.get(key)) or _long(value) else [old.get(key), value]
        for key, value in new.items()
        if old.get(key) != value
    }


def _long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > LONG
