"""The workspace."""

from polus.store.migrations import files

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    files.run("0017_workspace.sql")
