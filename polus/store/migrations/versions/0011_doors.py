"""Doors."""

from polus.store.migrations import files

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    files.run("0011_doors.sql")
