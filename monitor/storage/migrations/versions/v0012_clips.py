"""Clips of incidents; overlapping incidents of one camera share them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "clips",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(320), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
        sa.Column("codec", sa.String(16), nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_index("ix_clips_name", "clips", ["name"], unique=True)
    op.create_index("ix_clips_started_at", "clips", ["started_at"])
    op.create_table(
        "clip_incidents",
        sa.Column("clip", sa.Integer, sa.ForeignKey("clips.id", name="fk_clip_incidents_clip"), primary_key=True),
        sa.Column("incident_id", sa.String(280), primary_key=True),
    )
    op.create_index("ix_clip_incidents_incident_id", "clip_incidents", ["incident_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("clip_incidents")
    op.drop_table("clips")
