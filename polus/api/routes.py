"""Finds the operation of a path: doubled and trailing slashes are the same resource, answered without a redirect."""

from typing import Any

from polus.api.operation import Operation
from polus.base import errors

LARGEST = 2**63 - 1


class Routes:
    """A tree of path segments; `{…}` stands for one segment, an id unless the parameter is named in `TEXTS`."""

    TEXTS = frozenset(("file_type", "domain_hash", "resource_name", "name", "slug"))

    def __init__(self, operations: list[Operation]) -> None:
        self._root: dict[str, Any] = {}
        for operation in operations:
            node = self._root
            names: list[str] = []
            for segment in operation.path.strip("/").split("/"):
                if segment.startswith("{"):
                    names.append(segment[1:-1])
                    segment = "{}"
                node = node.setdefault(segment, {})
            node.setdefault("", {})[operation.method] = (operation, tuple(names))

    def find(self, path: str) -> tuple[dict[str, tuple[Operation, tuple[str, ...]]], list[str]]:
        """The operations by method at `path`, and its parameters as text; 404 when there is no such path."""
        node, found = self._root, []
        for segment in path.split("/"):
            if not segment:
                continue
            following = node.get(segment)
            if following is None:
                following = node.get("{}")
                if following is None:
                    raise errors.NotFound
                found.append(segment)
            node = following
        methods = node.get("")
        if not methods:
            raise errors.NotFound
        return methods, found

    def read(self, names: tuple[str, ...], found: list[str], path: str) -> tuple[Any, ...]:
        """The parameters by kind: ids are decimal and fit 63 bits, everything else is 404."""
        if "\0" in path:
            raise errors.NotFound
        return tuple(
            text if name in self.TEXTS else _id(text, path) for name, text in zip(names, found, strict=True)
        )


def _id(text: str, path: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST and len(text) < 20:
        return int(text)
    if path.startswith("/api/users/"):
        # wire: GET /api/users/me -> 400 "pk is not a valid integer."
        raise errors.Invalid({}, "pk is not a valid integer.")
    raise errors.NotFound
