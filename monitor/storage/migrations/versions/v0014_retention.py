"""Counts of what has been removed, and incidents that are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "visit_counts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("visits", sa.Integer, nullable=False),
        sa.Column("comply_times_s", sa.JSON, nullable=False),
    )
    op.create_index(
        "ix_visit_counts_start_source_id_outcome", "visit_counts", ["start", "source_id", "outcome"], unique=True
    )
    op.create_table(
        "incident_counts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("incidents", sa.Integer, nullable=False),
    )
    op.create_index(
        "ix_incident_counts_start_source_id_state_decision",
        "incident_counts",
        ["start", "source_id", "state", "decision"],
        unique=True,
    )
    op.create_table(
        "kept_incidents",
        sa.Column("incident", sa.Integer, sa.ForeignKey("incidents.id"), primary_key=True, autoincrement=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Undo."""
    for table in ("kept_incidents", "incident_counts", "visit_counts"):
        op.drop_table(table)
