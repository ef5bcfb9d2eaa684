"""Channels."""

from polus.store.migrations import files

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    files.run("0010_channels.sql")
