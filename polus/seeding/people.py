"""The customers that are seeded: with names of their language, addresses, and the words they are found by. Pure."""

from collections.abc import Sequence
from random import Random

import msgspec

from polus.desk import words
from polus.desk.customers import customers
from polus.desk.customers.channels import Channel
from polus.seeding import lines, phrases
from polus.seeding.phrases import Language

COLUMNS = (
    "account_id", "id", "external_id", "email", "name", "language", "timezone", "note", "created_datetime",
    "updated_datetime",
)  # fmt: skip
CHANNEL_COLUMNS = (
    "account_id", "customer_id", "type", "address", "key", "preferred", "created_datetime", "updated_datetime",
)  # fmt: skip
WORD_COLUMNS = ("account_id", "word", "customer_id", "main")

# Every fourth has a telephone. 555-01.. is what American films call; their area codes end before 990.
WITH_PHONE = 4
PHONES_PER_AREA = 100
FIRST_AREA, LAST_AREA = 201, 989


class Customer(msgspec.Struct, frozen=True):
    """One customer. `number` counts the account's seeded customers; it makes his addresses unique."""

    number: int
    name: str
    given: str
    email: str
    phone: str | None
    language: Language
    zone: str
    id: int = 0


def invent(random: Random, number: int) -> Customer:
    """The customer of that number."""
    language = _language(int(random.random() * 100))
    given = language.given[int(random.random() * len(language.given))]
    family = language.family[int(random.random() * len(language.family))]
    hosts = phrases.shop().hosts
    email = _plain(given) + "." + _plain(family) + str(number) + "@" + hosts[number % len(hosts)]
    zone = language.zones[int(random.random() * len(language.zones))]
    return Customer(number, given + " " + family, given, email, _phone(number), language, zone)


def _language(place: int) -> Language:
    for language in phrases.languages():
        place -= language.share
        if place < 0:
            return language
    return phrases.languages()[-1]


def _plain(name: str) -> str:
    """A name as people put it in their address; scripts without letters of ours are spelled by what they are."""
    folded = words.fold(name)
    plain = "".join(letter for letter in folded if letter.isascii() and letter.isalpha())
    return plain or "kyaku"


def _phone(number: int) -> str | None:
    place, rest = divmod(number, WITH_PHONE)
    area, line = divmod(place, PHONES_PER_AREA)
    if rest or FIRST_AREA + area > LAST_AREA:
        return None
    return "+1 " + str(FIRST_AREA + area) + " 555 01" + str(line).zfill(2)


def addresses(customer: Customer) -> Sequence[Channel]:
    """His addresses as they are stored."""
    found = [Channel("email", customer.email, customer.email, preferred=True)]
    if customer.phone:
        digits = "".join(digit for digit in customer.phone if digit.isdigit())
        found.append(Channel("phone", digits, customer.phone, preferred=True))
    return found


def rows(customer: Customer, account_id: int, created: str) -> tuple[str, str, str]:
    """His lines in customers, customer_channels and customer_words."""
    account, own_id = str(account_id), str(customer.id)
    note = "Prefers to be called." if customer.phone and customer.number % 3 == 0 else lines.NULL
    row = (
        account, own_id, "C" + str(customer.number).zfill(8), customer.email, customer.name, customer.language.code,
        customer.zone, note, created, created,
    )  # fmt: skip
    settled = addresses(customer)
    reached = "".join(
        "\t".join((account, own_id, c.type, c.address, c.key, "t" if c.preferred else "f", created, created))
        + "\n"
        for c in settled
    )
    found = zip(*words.rows((customer.name, customer.email), customers.searched(settled)), strict=True)
    worded = "".join(
        account + "\t" + word + "\t" + own_id + "\t" + ("t" if main else "f") + "\n" for word, main in found
    )
    return "\t".join(row) + "\n", reached, worded
