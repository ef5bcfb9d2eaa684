"""Generated view filters: every field with every operator it takes, and values that lie on borders."""

import json
import re

from hypothesis import strategies as st

from polus.lang import fields
from polus.lang.operators import OPERATORS, Operand
from polus.lang.values import Kind, Type
from polus.lang.vocabulary import find
from tests.lang import shop

DURATIONS = ["0s", "1h", "1d", "3d", "3w", "1d 1s", "400d"]
KINDS = ["users", "teams", "tags", "integrations", "customers", "tickets"]
PLAIN_TEXTS = [text for text in shop.TEXTS if text is not None]


def paths(place: str) -> list[str]:
    """All paths of a place, as they are written."""
    out = []
    for root, rows in (
        ("ticket", fields.TICKET),
        ("ticket.customer", fields.CUSTOMER),
        ("customer", fields.CUSTOMER),
    ):
        if (root == "customer") != (place == "C"):
            continue
        for row in rows:
            if place in row.places:
                out += _written(root, row.path, root.endswith("customer"))
    return out


def _written(root: str, path: str, of_customer: bool) -> list[str]:
    if "[ID]" not in path:
        return [f"{root}.{path.replace('[]', '')}"]
    wanted = "Customer" if of_customer else "Ticket"
    return [
        f"{root}.custom_fields[{id_}]"
        for id_, known in shop.DEFINITIONS.items()
        if known.object_type == wanted
    ]


def kind(place: str, path: str) -> Kind:
    parts = path.replace("]", "").replace("[", ".").split(".")
    steps = tuple(int(part) if part.isdigit() else part for part in parts)
    return find(place, steps, shop.DEFINITIONS).kind


def needle(kind: Kind, whole: bool) -> st.SearchStrategy:
    """A value to ask for; of texts also parts, unless `whole`."""
    if kind.options:
        return st.sampled_from(
            sorted(kind.options & {"open", "closed", "high", "low", "en", "fr", "api", "email"})
        )
    moments = [shop.NOW - age for age in shop.AGES if age is not None]
    values = {
        # Ids are known when the shop is made: `known` puts them in.
        Type.ID: st.tuples(st.sampled_from(KINDS), st.integers(0, 5)).map(
            lambda pair: f"@{pair[0]}.{pair[1]}@"
        ),
        Type.NUMBER: st.sampled_from([0, 1, 2, 3, 2.5, -4, "3", "1e10"]),
        Type.BOOLEAN: st.sampled_from([True, False, "true"]),
        Type.DATETIME: st.sampled_from([*map(str, moments), "2026-06-15", "2026-06-12T12:00:00Z"]),
        Type.EMAIL: st.sampled_from(
            [mail for mail in shop.EMAILS if mail] + ["ANA@vip.com", "u0_@shop.example"]
        ),
        Type.ENUM: st.sampled_from(["email", "facebook", "facebook-messenger", "shop_chat", "phone"]),
        Type.CHOICE: st.sampled_from([choice for choice in shop.CHOICES if choice]),
    }
    whole_texts = st.sampled_from(PLAIN_TEXTS + shop.TAGS + ["Returns", "ÉVA", "Mail", "X-1", "Europe/Paris"])
    if kind.type in values:
        found = values[kind.type]
        return (
            found
            if whole or kind.type is not Type.EMAIL
            else st.one_of(found, st.sampled_from(["@vip", "b_b", "%"]))
        )
    parts = ["hat", "ORDER", "order #", "%", "_", "\\", "école", "É", "ss", "off", "i̇z", "line", "#1001"]
    return whole_texts if whole else st.one_of(whole_texts, st.sampled_from(parts))


def value(operator, kind: Kind) -> st.SearchStrategy:
    """The second argument as JavaScript."""
    if operator.operand is Operand.DURATION:
        return st.sampled_from(DURATIONS)
    if kind.type is Type.OBJECT:
        return st.none()
    if operator.operand is Operand.SCALAR:
        return st.one_of(st.none(), needle(kind, whole=True))
    if operator.operand is Operand.ORDER:
        return needle(kind, whole=True)
    one = needle(kind, whole=kind.many and operator.operand is not Operand.AFFIX)
    if kind.type not in (Type.ID, Type.NUMBER):
        one = one.filter(lambda text: text.strip(" ") != "")
    if operator.operand is Operand.ONE:
        return one
    return st.one_of(one, st.lists(one, max_size=6))


def known(text: str, made: shop.Shop) -> str:
    """The filter with the ids of a shop: those of even rows as numbers, the others quoted."""

    def id_(found: re.Match) -> str:
        rows, index = getattr(made, found[1]), int(found[2])
        number = rows[index % len(rows)]["id"]
        return str(number) if index % 2 == 0 else f'"{number}"'

    return re.sub(r'"@(\w+)\.(\d)@"', id_, text)


def usable(operator, kind: Kind) -> bool:
    if kind.type is Type.OBJECT:
        return operator.name in ("isEmpty", "isNotEmpty") or (
            operator.operand is Operand.SCALAR and not kind.many
        )
    return operator.in_views and kind.type in operator.types and (operator.lists or not kind.many)


def conditions(place: str) -> st.SearchStrategy:
    def of(path: str) -> st.SearchStrategy:
        found = kind(place, path)
        usable_here = [operator for operator in OPERATORS.values() if usable(operator, found)]
        return st.sampled_from(usable_here).flatmap(lambda operator: call(operator, path, found))

    def call(operator, path: str, found: Kind) -> st.SearchStrategy:
        if operator.operand is Operand.NONE:
            return st.just(f"{operator.name}({path})")
        return value(operator, found).map(lambda x: f"{operator.name}({path}, {json.dumps(x)})")

    return st.sampled_from(paths(place)).flatmap(of)


def filters(place: str) -> st.SearchStrategy:
    return st.recursive(
        conditions(place),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from([" && ", " || "]), inner).map("".join),
            inner.map(lambda text: f"!({text})"),
            inner.map(lambda text: f"({text})"),
        ),
        max_leaves=5,
    )
