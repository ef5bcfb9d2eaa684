"""Values of custom fields on customers."""

from polus.desk import custom_fields
from polus.desk.customers import customers
from polus.desk.field_values import Owner

ITEM = "json_build_object('field', " + custom_fields.WIRE + ", 'value', e.value->'value')"

OWNER = Owner(
    "Customer",
    "customers",
    ITEM,
    customers.require,
    lambda work, customer_id, data: work.record("customer-updated", "Customer", customer_id, data),
)
