"""Mailboxes that are fetched, and relays of their own."""

from polus.store.migrations import files

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    files.run("0012_mailboxes.sql")
