"""Timestamps of incidents, visits and source events, and why a camera was lost."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIMESTAMPS = {
    "incidents": ("opened_at", "closed_at"),
    "visits": ("first_seen_at", "last_seen_at"),
    "source_events": ("at",),
}


def upgrade() -> None:
    """Apply."""
    for table, names in _TIMESTAMPS.items():
        for name in names:
            op.add_column(table, sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("source_events", sa.Column("detail", sa.String(500)))
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at"])
    op.create_index("ix_visits_first_seen_at", "visits", ["first_seen_at"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_visits_first_seen_at", "visits")
    op.drop_index("ix_incidents_opened_at", "incidents")
    with op.batch_alter_table("source_events") as table:
        table.drop_column("detail")
    for name, names in _TIMESTAMPS.items():
        with op.batch_alter_table(name) as table:
            for column in names:
                table.drop_column(column)
