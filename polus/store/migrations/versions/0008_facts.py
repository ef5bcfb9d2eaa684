"""Facts of the statistics."""

from polus.store.migrations import files

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    files.run("0008_facts.sql")
