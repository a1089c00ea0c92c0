"""The settings that decided an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("incidents", sa.Column("settings", sa.JSON))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("incidents") as table:
        table.drop_column("settings")
