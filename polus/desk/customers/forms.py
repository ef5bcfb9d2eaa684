"""The wire forms of a customer, as SQL expressions over `customers c`; other nouns use them in subselects, as
`(select <form> from customers c where c.account_id = … and c.id = …)`.

A deleted customer needs no case of its own: erasing leaves the row with what is to be shown (`erasing.EMPTY`).
"""

from polus.desk import custom_fields

NAMES = """
  'name', c.name, 'firstname', coalesce(firstname(c.name), ''), 'lastname', coalesce(lastname(c.name), '')"""

# As a message's sender and receiver and in ticket lists.
PERSON = "json_build_object('id', c.id, 'email', c.email," + NAMES + ", 'meta', c.meta)"

CHANNELS = """
  coalesce((
    select json_agg(json_build_object('id', ch.id, 'type', ch.type, 'address', ch.address, 'preferred', ch.preferred,
      'created_datetime', wire_json(ch.created_datetime), 'updated_datetime', wire_json(ch.updated_datetime),
      'deleted_datetime', null, 'user', json_build_object('id', c.id, 'name', c.name),
      'customer', json_build_object('id', c.id, 'name', c.name)) order by ch.id)
    from customer_channels ch
    where ch.account_id = c.account_id and ch.customer_id = c.id and ch.deleted_datetime is null
  ), '[]')"""

_TICKET = (
    "json_build_object('id', c.id, 'email', c.email,"
    + NAMES
    + ", 'meta', c.meta, 'channels',"
    + CHANNELS
    + """, 'data', c.data, 'customer', null, 'integrations', c.integrations, 'external_id', c.external_id,
  'note', c.note"""
)
_FOREIGN = ", 'external_data', c.external_data, 'ecommerce_data', c.ecommerce_data"

# As a ticket's customer; `TICKET_DETAIL` when one ticket is read.
TICKET = _TICKET + ")"
TICKET_DETAIL = _TICKET + _FOREIGN + ")"

_ITEM = (
    "json_build_object('id', c.id, 'external_id', c.external_id, 'active', c.active, 'email', c.email,"
    + NAMES
    + """, 'language', c.language, 'timezone', c.timezone, 'created_datetime', wire_json(c.created_datetime),
  'updated_datetime', wire_json(c.updated_datetime), 'meta', c.meta, 'data', c.data, 'note', c.note,
  'custom_fields', c.custom_fields"""
)
_FULL = _ITEM + ", 'channels'," + CHANNELS + ", 'customer', null, 'integrations', c.integrations"

# In lists; as answered to a change; as answered when one customer is read.
ITEM = _ITEM + ")"
FULL = _FULL + ")"
DETAIL = _FULL + _FOREIGN + ")"
# With the definition of each field beside its value.
DETAIL_WITH_FIELDS = DETAIL.replace(
    "c.custom_fields",
    """coalesce((
    select json_object_agg(f.id, json_build_object('id', f.id, 'value', e.value->'value', 'field', """
    + custom_fields.WIRE_WITH_REQUIREMENT
    + """, 'prediction', null))
    from jsonb_each(c.custom_fields) as e (key, value)
    join custom_fields f on f.account_id = c.account_id and f.id = e.key::bigint
  ), '{}')""",
)
