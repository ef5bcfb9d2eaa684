"""Runs the SQL file of a migration: what the file says is what PostgreSQL gets."""

from pathlib import Path

from alembic import op

HERE = Path(__file__).parent / "versions"


def run(name: str) -> None:
    """Run all statements of `versions/NAME` inside the migration's transaction."""
    sql = (HERE / name).read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))  # type: ignore[union-attr]
