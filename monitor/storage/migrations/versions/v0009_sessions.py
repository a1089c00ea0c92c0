"""Sessions of the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("stamp", sa.String(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_sessions_sha256", "sessions", ["sha256"], unique=True)
    op.create_index("ix_sessions_account", "sessions", ["account"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_sessions_account", "sessions")
    op.drop_index("ix_sessions_sha256", "sessions")
    op.drop_table("sessions")
