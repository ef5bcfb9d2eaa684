"""Rules and macros."""

from polus.store.migrations import files

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    files.run("0004_rules.sql")
