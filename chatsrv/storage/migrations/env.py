"""Alembic's entry: it runs on the connection that the caller already holds a transaction on."""

from alembic import context

from chatsrv.storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
