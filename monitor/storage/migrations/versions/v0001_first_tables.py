"""First tables: runs, incidents, visits, source events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("settings_sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("incident_id", sa.String(280), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("track_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since_s", sa.Float, nullable=False),
        sa.Column("opened_s", sa.Float, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        *(sa.Column(side, sa.Float, nullable=False) for side in ("x1_px", "y1_px", "x2_px", "y2_px")),
        sa.Column("closed_s", sa.Float),
        sa.Column("close_reason", sa.String(16)),
    )
    op.create_index("ix_incidents_run_id_incident_id", "incidents", ["run_id", "incident_id"], unique=True)
    op.create_index("ix_incidents_source_id_opened_s", "incidents", ["source_id", "opened_s"])
    op.create_table(
        "visits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("track_id", sa.Integer, nullable=False),
        sa.Column("first_seen_s", sa.Float, nullable=False),
        sa.Column("last_seen_s", sa.Float, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("time_to_comply_s", sa.Float),
        sa.Column("hits", sa.Integer, nullable=False),
        sa.Column("median_face_px", sa.Float, nullable=False),
        sa.Column("segments", sa.JSON, nullable=False),
    )
    op.create_index("ix_visits_source_id_first_seen_s", "visits", ["source_id", "first_seen_s"])
    op.create_table(
        "source_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("time_s", sa.Float, nullable=False),
        sa.Column("reason", sa.String(16)),
        sa.Column("frames", sa.Integer),
    )


def downgrade() -> None:
    """Undo."""
    for table in ("source_events", "visits", "incidents", "runs"):
        op.drop_table(table)
