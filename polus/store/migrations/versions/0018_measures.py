"""Measures."""

from polus.store.migrations import files

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    files.run("0018_measures.sql")
