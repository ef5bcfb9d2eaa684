"""Filters: folded copies of texts and the store of a ticket."""

from polus.store.migrations import files

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    files.run("0003_filters.sql")
