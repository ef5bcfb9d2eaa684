"""The workspace."""

from polus.store.migrations import files

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    files.run("0009_desk.sql")
