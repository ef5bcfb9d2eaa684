"""Walks JSON by the steps of a path: names, indexes, and projection through lists. Never fails because of data."""

from typing import Any

Step = str | int

# Longer projections are cut: no real ticket has as many parts, and each costs time.
MOST = 10_000


def walk(value: Any, steps: tuple[Step, ...]) -> Any:
    """What stands at `steps` below `value`; None when the path leads nowhere.

    A name applied to a list gives the list of that name in its elements: nulls dropped, one level flattened,
    order and duplicates kept. `[N]` picks one element, from the end when negative.
    """
    for step in steps:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list):
            value = _index(value, step) if isinstance(step, int) else project(value, step)
        else:
            return None
    return value


def _index(value: list[Any], step: int) -> Any:
    return value[step] if -len(value) <= step < len(value) else None


def project(value: list[Any], name: str) -> list[Any]:
    """The values of `name` in the objects of a list."""
    return flat(item.get(name) if isinstance(item, dict) else None for item in value)


def flat(found: Any) -> list[Any]:
    """Values and lists of values as one list without nulls."""
    out: list[Any] = []
    for item in found:
        if isinstance(item, list):
            out.extend(inner for inner in item if inner is not None)
        elif item is not None:
            out.append(item)
        if len(out) >= MOST:
            return out[:MOST]
    return out


def integration(data: Any, key: Step, store: int | None) -> Any:
    """A customer's data at one integration: by id, or by type in lower case.

    Of several of one type `store`, the shop of the ticket, is taken when it is one of them, else the lowest id.
    """
    if not isinstance(data, dict):
        return None
    if isinstance(key, int) or key.isdigit() or key in data:
        return data.get(str(key))
    ids = sorted(int(id_) for id_, held in data.items() if id_.isdigit() and _type(held) == key)
    if not ids:
        return None
    return data[str(store if store in ids else ids[0])]


def _type(held: Any) -> Any:
    return held.get("__integration_type__") if isinstance(held, dict) else None
