"""What is kept of a shop's customer, as `ecommerce_data` tells it: `{store, shopper, orders, addresses}`.

Pure. The wire has no null for much of it: what a shop leaves out is an empty text, and an order without a number, a
price or a known currency is not told. Currencies are upper case, as the published schema lists them.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from polus.base import clock
from polus.base.names import CURRENCIES
from polus.lang.values import instant

STATUSES = {"fulfilled": "completed", "partial": "partially_fulfilled"}
PAYMENTS = {
    "paid": "paid",
    "pending": "unpaid",
    "partially_paid": "unpaid",
    "authorized": "authorized",
    "refunded": "refunded",
    "partially_refunded": "partially_refunded",
    "voided": "voided",
}

Json = dict[str, Any]


class _Shop:
    """The shop that everything is told of: its ids, and the moment for what has none of its own."""

    def __init__(self, store: Json, customer_id: int, shopper: Mapping[str, Any]) -> None:
        self.store = store
        self.customer_id = customer_id
        self.person = shopper
        self.shopper_id = _external(shopper.get("id")) or str(customer_id)

    def id(self, kind: str, external: Any) -> int:
        """A number for a thing of the shop that is always the same."""
        text = f"{self.store['uuid']}/{kind}/{external}"
        return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:6])

    def times(self, of: Mapping[str, Any]) -> Json:
        updated = instant(of.get("updated_at"))
        created = instant(of.get("created_at"))
        return {
            "created_datetime": clock.text(created) if created else self.store["created_datetime"],
            "updated_datetime": clock.text(updated) if updated else None,
            "deleted_datetime": None,
        }

    def shopper(self) -> Json:
        of = self.person
        return {
            "id": self.id("shopper", self.shopper_id),
            "external_id": self.shopper_id,
            "helpdesk_customer_id": self.customer_id,
            "email_address": _text(of.get("email")),
            "phone_number": _text(of.get("phone")),
            "first_name": _text(of.get("first_name")),
            "middle_name": None,
            "last_name": _text(of.get("last_name")),
            "birthdate": None,
            "status": "tax_exempt" if of.get("tax_exempt") is True else None,
            "accepts_marketing_email": _consents(
                of.get("email_marketing_consent"), of.get("accepts_marketing")
            ),
            "accepts_marketing_sms": _consents(of.get("sms_marketing_consent"), None),
            **self.times(of),
        }

    def addresses(self) -> list[Json]:
        listed = self.person.get("addresses") or [self.person.get("default_address")]
        found = [self.address(one) for one in listed]
        return [one for one in found if one is not None]

    def address(self, of: Any) -> Json | None:
        if not isinstance(of, dict):
            return None
        country = _text(of.get("country_code")) or _text(of.get("country"))
        external = _external(of.get("id")) or ""
        return {
            "id": self.id("address", external or sorted(of.items(), key=str)),
            "external_id": external,
            "shopper_external_id": self.shopper_id,
            "preferred": of.get("default") is not False,
            "line_1": _text(of.get("address1")) or "",
            "line_2": _text(of.get("address2")),
            "city": _text(of.get("city")) or "",
            "state": _text(of.get("province")),
            "country": country or "",
            "zip_code": _text(of.get("zip")) or "",
            "first_name": _text(of.get("first_name")) or _text(of.get("name")) or "",
            "last_name": _text(of.get("last_name")) or "",
            "phone_number": _text(of.get("phone")),
            **self.times({}),
        }

    def order(self, of: Mapping[str, Any]) -> Json | None:
        number, total, currency = _number(of), _amount(of.get("total_price")), _currency(of.get("currency"))
        if number is None or total is None or currency is None:
            return None
        payment = _text(of.get("financial_status"))
        prices = [_amount(one.get("price")) or 0.0 for one in of.get("shipping_lines") or []]
        codes = [_text(one.get("code")) for one in of.get("discount_codes") or []]
        lines = [self.line(one, place) for place, one in enumerate(of.get("line_items") or [])]
        return {
            "id": self.id("order", of.get("id")),
            "external_id": _external(of.get("id")) or str(number),
            "shopper_external_id": self.shopper_id,
            "number": number,
            "name": _text(of.get("name")) or f"#{number}",
            "currency": currency,
            "discount_codes": [code for code in codes if code],
            "discount_amount": _amount(of.get("total_discounts")),
            "subtotal_amount": _amount(of.get("subtotal_price")),
            "shipping_amount": round(sum(prices), 2),
            "tax_amount": _amount(of.get("total_tax")),
            "total_amount": total,
            "external_status": "cancelled"
            if of.get("cancelled_at")
            else "closed"
            if of.get("closed_at")
            else "open",
            "external_fulfillment_status": _text(of.get("fulfillment_status")),
            "external_payment_status": payment,
            "status": _status(of),
            "payment_status": PAYMENTS.get(str(payment)),
            "billing_address": self.address(of.get("billing_address")),
            "shipping_address": self.address(of.get("shipping_address")),
            "line_items": [line for line in lines if line is not None],
            **self.times(of),
        }

    def line(self, of: Mapping[str, Any], place: int) -> Json | None:
        quantity, price = _whole(of.get("quantity")), _amount(of.get("price"))
        if quantity is None or price is None:
            return None
        discount, left = _amount(of.get("total_discount")) or 0.0, _whole(of.get("fulfillable_quantity"))
        variant = _text(of.get("variant_title"))
        return {
            "id": self.id("line", of.get("id") or place),
            "title": _text(of.get("title")) or "",
            "taxable": _flag(of.get("taxable")),
            "requires_shipping": _flag(of.get("requires_shipping")),
            "unit_price": price,
            "discount_amount": discount,
            "discount_type": "fixed_amount" if discount else None,
            "discount_reason": None,
            "quantity": quantity,
            "total_amount": round(price * quantity - discount, 2),
            "product_options": {"variant": variant} if variant else None,
            "fulfilled_quantity": None if left is None else quantity - left,
            **self.times({}),
        }


def told(store: Json, customer_id: int, kept: Mapping[str, Any]) -> Json:
    """The wire's object; `store` is the shop's own part of it, `kept` as `shapes` makes it."""
    shop = _Shop(store, customer_id, kept.get("customer") or {})
    orders = [shop.order(one) for one in kept.get("orders") or []]
    return {
        "store": store,
        "shopper": shop.shopper(),
        "orders": [order for order in orders if order is not None],
        "addresses": shop.addresses(),
    }


def currencies(kept: Mapping[str, Any]) -> list[str]:
    """The currencies that are met in what is kept, in the wire's writing."""
    given = [
        (kept.get("customer") or {}).get("currency"),
        *(one.get("currency") for one in kept.get("orders") or []),
    ]
    return sorted({found for one in given if (found := _currency(one)) is not None})


def _number(of: Mapping[str, Any]) -> int | None:
    """The order's number, or the digits of its name: exports have only that."""
    given = of.get("order_number")
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    found = re.search(r"[0-9]{1,15}$", _text(of.get("name")) or "")
    return int(found[0]) if found else None


def _status(of: Mapping[str, Any]) -> str:
    if of.get("cancelled_at"):
        return "canceled"
    if of.get("financial_status") in ("pending", "partially_paid"):
        return "awaiting_payment"
    return STATUSES.get(str(of.get("fulfillment_status")), "awaiting_fulfillment")


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


def _external(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: Any) -> float | None:
    """An amount that a shop writes as text or as a number."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return None


def _currency(value: Any) -> str | None:
    text = value.upper() if isinstance(value, str) else ""
    return text if text in CURRENCIES else None


def _consents(consent: Any, former: Any) -> bool:
    if isinstance(consent, dict):
        return consent.get("state") == "subscribed"
    return former is True
