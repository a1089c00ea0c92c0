"""Alembic's migrations of the journal."""
