"""Automation by settings."""

from polus.store.migrations import files

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    files.run("0005_automation.sql")
