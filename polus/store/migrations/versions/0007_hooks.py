"""HTTP integrations and shops."""

from polus.store.migrations import files

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    files.run("0007_hooks.sql")
