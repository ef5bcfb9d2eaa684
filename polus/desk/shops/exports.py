"""Files of customers and orders as the bodies of a shop's webhooks: JSON lines, or the CSV that Shopify exports.

Pure. A JSON line is a customer or an order as Shopify writes it, or `{"topic": "orders/create", "body": {…}}`.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import msgspec

Json = dict[str, Any]
News = tuple[str, Json]
"""Topic and body of a webhook."""

CUSTOMER, ORDER = "customers/update", "orders/updated"
LONGEST = 5 * 1024 * 1024  # characters of a line
_DATE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)")
_ADDRESS = (
    ("name", "Name"), ("address1", "Address1"), ("address2", "Address2"), ("company", "Company"), ("city", "City"),
    ("zip", "Zip"), ("province", "Province"), ("country", "Country"), ("phone", "Phone"),
)  # fmt: skip
_ORDER = (
    ("id", "Id"), ("name", "Name"), ("email", "Email"), ("phone", "Phone"), ("currency", "Currency"),
    ("financial_status", "Financial Status"), ("fulfillment_status", "Fulfillment Status"), ("total_price", "Total"),
    ("subtotal_price", "Subtotal"), ("total_tax", "Taxes"), ("total_discounts", "Discount Amount"),
    ("created_at", "Created at"), ("cancelled_at", "Cancelled at"), ("processed_at", "Paid at"), ("note", "Notes"),
    ("tags", "Tags"),
)  # fmt: skip
_PERSON = (
    ("id", "Customer ID"), ("first_name", "First Name"), ("last_name", "Last Name"), ("email", "Email"),
    ("phone", "Phone"), ("total_spent", "Total Spent"), ("orders_count", "Total Orders"), ("note", "Note"),
    ("tags", "Tags"),
)  # fmt: skip


class Unreadable(ValueError):
    """A file that is neither form; the text says where."""


def lines(file: TextIO) -> Iterator[News]:
    """The customers and orders of JSON lines. Raises Unreadable."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line) if len(line) <= LONGEST else None
        except msgspec.DecodeError:
            found = None
        if not isinstance(found, dict):
            raise Unreadable(f"Line {number} is no JSON object.")
        if isinstance(found.get("topic"), str) and isinstance(found.get("body"), dict):
            yield found["topic"], found["body"]
        else:
            yield (ORDER if "line_items" in found or "financial_status" in found else CUSTOMER), found


def table(file: TextIO) -> Iterator[News]:
    """The customers or orders of an export; an order's further articles are rows with its name alone. Raises Unreadable."""
    rows = csv.DictReader(file)
    heads = set(rows.fieldnames or ())
    if {"Name", "Lineitem name"} <= heads:
        yield from ((ORDER, order) for order in _orders(rows))
    elif {"Email", "First Name", "Last Name"} <= heads:
        yield from ((CUSTOMER, _person(row)) for row in rows)
    else:
        raise Unreadable("The first line names neither the columns of customers nor of orders.")


def _orders(rows: Iterable[Json]) -> Iterator[Json]:
    order: Json | None = None
    for row in rows:
        if order is None or row["Name"] != order["name"]:
            if order is not None:
                yield order
            order = _order(row)
        if row.get("Lineitem name"):
            order["line_items"].append(
                {
                    "id": f"{order['name']}/{len(order['line_items']) + 1}",
                    "title": row["Lineitem name"],
                    "quantity": int(row["Lineitem quantity"])
                    if (row.get("Lineitem quantity") or "").isdecimal()
                    else None,
                    "price": row.get("Lineitem price") or None,
                    "sku": row.get("Lineitem sku") or None,
                }
            )
    if order is not None:
        yield order


def _order(row: Json) -> Json:
    order = {key: _value(key, row.get(head)) for key, head in _ORDER}
    # Exports of single shops leave the id out; the name is as unique there.
    order["id"] = order["id"] or order["name"]
    order["updated_at"] = order["created_at"]
    order["line_items"] = []
    order["shipping_lines"] = [{"title": row.get("Shipping Method"), "price": row.get("Shipping") or None}]
    order["discount_codes"] = [{"code": row["Discount Code"]}] if row.get("Discount Code") else []
    order["billing_address"] = _address(row, "Billing ")
    order["shipping_address"] = _address(row, "Shipping ")
    return order


def _address(row: Json, before: str) -> Json | None:
    address = {key: row.get(before + head) or None for key, head in _ADDRESS}
    return address if any(address.values()) else None


def _person(row: Json) -> Json:
    person = {key: _value(key, row.get(head)) for key, head in _PERSON}
    person["accepts_marketing"] = (
        row.get("Accepts Email Marketing") or row.get("Accepts Marketing")
    ) == "yes"
    address = {
        "address1": row.get("Default Address Address1") or row.get("Address1"),
        "address2": row.get("Default Address Address2") or row.get("Address2"),
        "city": row.get("Default Address City") or row.get("City"),
        "zip": row.get("Default Address Zip") or row.get("Zip"),
        "country_code": row.get("Default Address Country Code") or row.get("Country Code"),
    }
    person["default_address"] = address if any(address.values()) else None
    return person


def _value(key: str, written: str | None) -> Any:
    text = (written or "").strip().lstrip("'")
    if not text:
        return None
    if key == "orders_count":
        return int(text) if text.isdecimal() else None
    if key == "id":
        return int(text) if text.isdecimal() else text
    found = _DATE.fullmatch(text) if key.endswith("_at") else None
    return f"{found[1]}T{found[2]}{found[3]}:{found[4]}" if found else text
