"""What shops know of a customer: the values of `ecommerce_data`."""

from typing import Any, Literal

import msgspec

from polus.api.fields import CurrencyCode, When

# Some shops send amounts as text.
Amount = float | str


class Dated(msgspec.Struct, kw_only=True):
    """When the shop's record came, changed and went."""

    created_datetime: When
    updated_datetime: When | None
    deleted_datetime: When | None


class Store(Dated, kw_only=True):
    """A connected shop."""

    id: int
    currencies: list[CurrencyCode]
    default_currency: CurrencyCode
    display_name: str
    name: str
    type: Literal["bigcommerce", "magento", "shopify", "woocommerce"]
    url: str
    helpdesk_integration_id: int
    uuid: str


class Shopper(Dated, kw_only=True):
    """The customer as the shop knows him."""

    id: int
    external_id: str
    helpdesk_customer_id: int
    email_address: str | None
    phone_number: str | None
    first_name: str | None
    middle_name: str | None
    last_name: str | None
    birthdate: str | None
    status: Literal["tax_exempt", "veteran"] | None
    accepts_marketing_email: bool
    accepts_marketing_sms: bool


class ShopperAddress(Dated, kw_only=True):
    """Where a shopper lives or has things sent to."""

    id: int
    external_id: str
    shopper_external_id: str
    preferred: bool
    line_1: str
    line_2: str | None
    city: str
    state: str | None
    country: str
    zip_code: str
    first_name: str
    last_name: str
    phone_number: str | None


class OrderLine(Dated, kw_only=True):
    """Some of one thing, bought."""

    id: int
    title: str
    taxable: bool | None
    requires_shipping: bool | None
    unit_price: Amount
    discount_amount: Amount | None
    discount_type: Literal["percentage", "fixed_amount"] | None
    discount_reason: str | None
    quantity: int
    total_amount: Amount
    product_options: dict[str, Any] | None
    fulfilled_quantity: int | None


class Order(Dated, kw_only=True):
    """What was bought at once."""

    id: int
    external_id: str
    shopper_external_id: str
    number: int
    name: str
    currency: CurrencyCode
    discount_codes: list[str] | None
    discount_amount: Amount | None
    subtotal_amount: Amount | None
    shipping_amount: Amount | None
    tax_amount: Amount | None
    total_amount: Amount
    external_status: str | None
    external_fulfillment_status: str | None
    external_payment_status: str | None
    status: (
        Literal[
            "partially_fulfilled",
            "completed",
            "canceled",
            "on_hold",
            "awaiting_fulfillment",
            "awaiting_payment",
            "scheduled",
            "order_pending",
        ]
        | None
    )
    payment_status: (
        Literal[
            "refunded",
            "partially_refunded",
            "unpaid",
            "voided",
            "failed",
            "manual_verification_required",
            "customer_authentication_required",
            "paid",
            "declined",
            "authorized",
        ]
        | None
    )
    billing_address: ShopperAddress | None
    shipping_address: ShopperAddress | None
    line_items: list[OrderLine]


class ShopperEcommerceData(msgspec.Struct):
    """What one shop knows."""

    store: Store
    shopper: Shopper
    orders: list[Order]
    addresses: list[ShopperAddress]
