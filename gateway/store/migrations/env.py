"""Alembic's entry: runs the revisions on the connection that `migrate` hands over.

Never connects by itself; the transaction around it is the caller's, so a revision that fails
leaves the schema as it was.
"""

from alembic import context

from gateway.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
