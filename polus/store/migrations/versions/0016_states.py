"""States of channels."""

from polus.store.migrations import files

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    files.run("0016_states.sql")
