"""Signatures, keys and verdicts of mail."""

from polus.store.migrations import files

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    files.run("0013_letters.sql")
