"""Foundation: the tables of accounts, people, tickets, messages, events, files and mail."""

from polus.store.migrations import files

revision = "0001"
down_revision = None


def upgrade() -> None:
    files.run("0001_foundation.sql")
