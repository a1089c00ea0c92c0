"""One-time codes as a second factor of logins."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("totp_secret", sa.String(64)))
        table.add_column(sa.Column("totp_step", sa.Integer))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("accounts") as table:
        table.drop_column("totp_step")
        table.drop_column("totp_secret")
