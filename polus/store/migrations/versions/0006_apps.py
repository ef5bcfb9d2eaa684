"""Applications."""

from polus.store.migrations import files

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    files.run("0006_apps.sql")
