"""Where the fields of view filters stand in the database: SQL expressions over tickets `t` and customers `c`.

Only constants: values come in as parameters. `{key}` stands for the id of a custom field, `{caller}` for the user
who looks, `{test}` for what is asked of a value.
"""

from dataclasses import dataclass, replace

from polus.lang.values import Type


@dataclass(frozen=True, slots=True)
class Column:
    """The SQL of one field.

    `value`: expression of a value, `folded`: of its folded copy. `within`: for values of other rows, an EXISTS
    around the test; empty for columns of the row itself. `whole`: the column is never null.
    """

    value: str
    folded: str = ""
    within: str = ""
    whole: bool = False

    def some(self, test: str) -> str:
        """True when a value is there and passes `test`; otherwise false, never null."""
        if self.within:
            return self.within.replace("{test}", self.value + " is not null and " + test)
        return "(" + test + ")" if self.whole else "(" + self.value + " is not null and " + test + ")"

    def there(self) -> str:
        """True when there is a value."""
        if self.within:
            return self.within.replace("{test}", self.value + " is not null")
        return "true" if self.whole else "(" + self.value + " is not null)"

    def all(self) -> str:
        """The values of other rows as one array."""
        gathered = self.within.replace("exists (select 1 ", "array(select " + self.value + " ", 1)
        return gathered.replace("{test}", self.value + " is not null")

    def under(self, within: str) -> "Column":
        """The same column seen from a row that leads to this one."""
        return replace(self, within=within.replace("{test}", self.within or "{test}"))


def folded(value: str, copy: str = "", within: str = "") -> Column:
    """A text column; `copy` is its stored folded copy, else it is folded on the way."""
    return Column(value, copy or "fold(" + value + ")", within)


CUSTOMER = (
    "exists (select 1 from customers c where c.account_id = t.account_id and c.id = t.customer_id and {test})"
)
CHANNEL = (
    "exists (select 1 from customer_channels h where h.account_id = c.account_id and h.customer_id = c.id"
    " and h.deleted_datetime is null and {test})"
)
# Few people, many tickets: who is meant is looked up once (`$1` is the account), not for each ticket.
USER = "coalesce(t.assignee_user_id = any(array(select u.id from users u where u.account_id = $1 and {test})), false)"
TEAM = "coalesce(t.assignee_team_id = any(array(select g.id from teams g where g.account_id = $1 and {test})), false)"
TAG_LINK = "exists (select 1 from ticket_tags tt where tt.account_id = t.account_id and tt.ticket_id = t.id and {test})"
TAG = (
    "exists (select 1 from ticket_tags tt join tags g on g.account_id = tt.account_id and g.id = tt.tag_id"
    " where tt.account_id = t.account_id and tt.ticket_id = t.id and {test})"
)
INTEGRATION = (
    "exists (select 1 from integrations i where i.account_id = t.account_id and i.id = any(t.integration_ids)"
    " and {test})"
)
SURVEY = (
    "exists (select 1 from satisfaction_surveys s where s.account_id = t.account_id and s.ticket_id = t.id"
    " and {test})"
)
# Of a rule's message no list can know which set it off: then the newest is meant, as in a run without one.
_OF_TICKET = "n.account_id = t.account_id and n.ticket_id = t.id order by n.created_datetime"
NEWEST = (
    "exists (select 1 from messages m where m.account_id = t.account_id and m.id = (select n.id from messages n where "
    + _OF_TICKET
    + " desc, n.id desc limit 1) and {test})"
)
OLDEST = (
    "exists (select 1 from messages m where m.account_id = t.account_id and m.id = (select n.id from messages n where "
    + _OF_TICKET
    + ", n.id limit 1) and {test})"
)
MESSAGES = (
    "exists (select 1 from messages m where m.account_id = t.account_id and m.ticket_id = t.id and {test})"
)
# Of one that came as HTML only, the words between the tags.
BODY = "coalesce(m.body_text, regexp_replace(m.body_html, '<[^>]*>', ' ', 'g'))"
_PERSON = (
    "(case when {agent} then (select u.{column} from users u where u.account_id = m.account_id and u.id = m.{id})"
    " else (select p.{column} from customers p where p.account_id = m.account_id and p.id = m.{id}) end)"
)


def sender(column: str) -> str:
    """Of an agent's message a user, else a customer."""
    return _PERSON.replace("{agent}", "m.from_agent").replace("{column}", column).replace("{id}", "sender_id")


def receiver(column: str) -> str:
    """The other way round."""
    return (
        _PERSON.replace("{agent}", "not m.from_agent")
        .replace("{column}", column)
        .replace("{id}", "receiver_id")
    )


UNREAD = Column(
    "(not exists (select 1 from ticket_reads r where r.account_id = t.account_id and r.ticket_id = t.id"
    " and r.user_id = {caller} and r.read_datetime >= t.unread_datetime))",
    whole=True,
)
PRIORITY = Column(
    "(case t.priority when 4 then 'critical' when 3 then 'high' when 2 then 'normal' else 'low' end)",
    whole=True,
)

_JSON = {Type.NUMBER: "number", Type.BOOLEAN: "boolean"}
_CAST = {Type.NUMBER: "::numeric", Type.BOOLEAN: "::boolean"}
_OF_A_TYPE = (
    "(case jsonb_typeof({map} -> {key} -> 'value') when '{json}' then ({map} -> {key} ->> 'value'){cast} end)"
)


def custom_field(values: str, type_: Type) -> Column:
    """A value in the map of custom fields `values`; one that is not of the field's type counts as missing."""
    value = (
        _OF_A_TYPE.replace("{map}", values)
        .replace("{json}", _JSON.get(type_, "string"))
        .replace("{cast}", _CAST.get(type_, ""))
    )
    return folded(value)
