"""Alembic's entry: runs migrations on the connection that `store.migrate` hands over, in one transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transaction_per_migration=True, target_metadata=None
)
with context.begin_transaction():
    context.run_migrations()
