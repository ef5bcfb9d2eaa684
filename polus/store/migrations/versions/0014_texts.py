"""Text messages."""

from polus.store.migrations import files

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    files.run("0014_texts.sql")
