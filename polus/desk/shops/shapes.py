"""Shopify's customers and orders as they are kept: what is useful of them. `commerce` puts it into the wire's words.

Pure. Format: Shopify's published webhook bodies (REST Admin API); what else comes with them is left out, because a
customer's data is read with each of his tickets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from polus.base import addresses
from polus.lang.values import instant

MOST_ORDERS = 20
MOST_PARTS = 50  # of a list within an order
LONGEST = 1_000  # characters of one text

CUSTOMER = frozenset(
    "id email first_name last_name phone orders_count total_spent currency state note tags verified_email tax_exempt"
    " created_at updated_at last_order_id last_order_name default_address addresses accepts_marketing"
    " email_marketing_consent sms_marketing_consent".split()
)
ORDER = frozenset(
    "id name order_number email phone created_at updated_at processed_at cancelled_at cancel_reason closed_at currency"
    " total_price subtotal_price total_tax total_discounts financial_status fulfillment_status note tags order_status_url"
    " gateway payment_gateway_names source_name line_items shipping_address billing_address shipping_lines discount_codes"
    " refunds fulfillments".split()
)
LINE = frozenset(
    "id product_id variant_id title variant_title name sku quantity price total_discount fulfillment_status"
    " fulfillable_quantity requires_shipping taxable".split()
)
FULFILMENT = frozenset(
    "id status shipment_status tracking_company tracking_number tracking_numbers tracking_url tracking_urls created_at"
    " updated_at".split()
)
REFUND = frozenset("id created_at processed_at note".split())
PARTS = {
    "line_items": LINE,
    "fulfillments": FULFILMENT,
    "refunds": REFUND,
    "shipping_lines": frozenset(("title", "price", "code")),
    "discount_codes": frozenset(("code", "amount", "type")),
}
# Of what else is not a single value only these are kept, when they are what they should be.
OBJECTS = frozenset(
    "default_address billing_address shipping_address email_marketing_consent sms_marketing_consent".split()
)
LISTS = frozenset(("addresses",))
TEXTS = frozenset("payment_gateway_names tracking_numbers tracking_urls".split())
Json = dict[str, Any]


def customer(given: Mapping[str, Any]) -> Json:
    """What is kept of a customer."""
    return _chosen(given, CUSTOMER)


def order(given: Mapping[str, Any]) -> Json:
    """What is kept of an order."""
    found = _chosen({key: value for key, value in given.items() if key not in PARTS}, ORDER)
    for name, keys in PARTS.items():
        parts = given.get(name)
        if isinstance(parts, list):
            found[name] = [_chosen(one, keys) for one in parts[:MOST_PARTS] if isinstance(one, dict)]
    return found


def with_order(orders: Sequence[Json], new: Json) -> list[Json]:
    """The orders, newest first, with this one; a version that is older than the one that is kept changes nothing."""
    for one in orders:
        if one.get("id") == new.get("id") and _time(one, "updated_at") > _time(new, "updated_at"):
            return list(orders)
    rest = [one for one in orders if one.get("id") != new.get("id")]
    return sorted([*rest, new], key=lambda one: _time(one, "created_at"), reverse=True)[:MOST_ORDERS]


def newer(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    """The customer as the later of the two says; what it does not mention stays."""
    if _time(old, "updated_at") > _time(new, "updated_at"):
        return dict(old)
    return {**old, **new}


def reference(given: Mapping[str, Any]) -> Json:
    """Whom a customer or order means, for `references.find_or_create`: e-mail, telephone, name."""
    of = given.get("customer") if isinstance(given.get("customer"), dict) else given
    assert isinstance(of, Mapping)
    address = given.get("billing_address") or given.get("shipping_address") or of.get("default_address") or {}
    names = [of.get("first_name") or "", of.get("last_name") or ""]
    name = " ".join(str(one) for one in names if one)
    if not name and isinstance(address, dict):
        name = str(address.get("name") or "")
    if not isinstance(address, dict):
        address = {}
    email = addresses.email(_text(of.get("email") or given.get("email")))
    return {
        "email": email if addresses.is_email(email) else "",
        "phone": _text(of.get("phone") or given.get("phone")),
        "name": name,
    }


def _chosen(given: Mapping[str, Any], keys: frozenset[str]) -> Json:
    """The values of these keys that have the form they should have; anything else a shop says is left out."""
    found: Json = {}
    for key in keys & given.keys():
        value = given[key]
        if key in OBJECTS:
            found[key] = _plain(value) if isinstance(value, dict) else None
        elif key in LISTS:
            parts = value if isinstance(value, list) else []
            found[key] = [_plain(one) for one in parts[:MOST_PARTS] if isinstance(one, dict)]
        elif key in TEXTS:
            parts = value if isinstance(value, list) else []
            found[key] = [_single(one) for one in parts[:MOST_PARTS] if isinstance(one, str)]
        else:
            found[key] = _single(value)
    return found


def _plain(given: Mapping[str, Any]) -> Json:
    return {str(key)[:100]: _single(value) for key, value in list(given.items())[:MOST_PARTS]}


def _single(value: Any) -> Any:
    """Texts without the character that PostgreSQL lacks, and cut; lists and objects are none."""
    if isinstance(value, str):
        return value[:LONGEST].replace("\0", "")
    return value if isinstance(value, int | float) else None


def _time(of: Mapping[str, Any], name: str) -> float:
    """A moment for comparing; what has none is the oldest."""
    at = instant(of.get(name))
    return at.timestamp() if at else 0.0


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
