"""Voice."""

from polus.store.migrations import files

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    files.run("0015_voice.sql")
