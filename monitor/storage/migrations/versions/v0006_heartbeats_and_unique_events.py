"""Every event once: unique keys for visits and source events; runs get an owner, a heartbeat and an end."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEYS = {
    "visits": ("run_id", "source_id", "track_id", "first_seen_s"),
    "source_events": ("run_id", "source_id", "kind", "time_s"),
}


def upgrade() -> None:
    """Apply; of events that were written more than once, the first row stays."""
    for table, key in _KEYS.items():
        columns = ", ".join(key)
        op.execute(f"DELETE FROM {table} WHERE id NOT IN (SELECT min(id) FROM {table} GROUP BY {columns})")
        op.create_index(_index(table), table, list(key), unique=True)
    op.add_column("runs", sa.Column("owner", sa.String(128)))
    op.add_column("runs", sa.Column("beat_at", sa.DateTime(timezone=True)))
    op.add_column("runs", sa.Column("ended_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("runs") as table:
        for name in ("ended_at", "beat_at", "owner"):
            table.drop_column(name)
    for name in _KEYS:
        op.drop_index(_index(name), name)


def _index(table: str) -> str:
    return "_".join(("ix", table, *_KEYS[table]))
