"""The rest of the resources: custom fields, macros, views, rules, widgets, jobs, surveys, voice, cards."""

from polus.store.migrations import files

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    files.run("0002_resources.sql")
