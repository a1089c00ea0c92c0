"""Room for longer reasons of a false alarm: "mask_worn_correctly"."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("reviews") as table:
        table.alter_column("false_alarm_reason", type_=sa.String(32), existing_type=sa.String(16))


def downgrade() -> None:
    """Undo: what the older version does not know becomes "other"; a withdrawal and the reviews before it go."""
    op.execute("UPDATE reviews SET false_alarm_reason = 'other' WHERE false_alarm_reason = 'mask_worn_correctly'")
    op.execute(
        "DELETE FROM reviews WHERE id <= (SELECT max(later.id) FROM reviews AS later "
        "WHERE later.incident = reviews.incident AND later.decision = 'withdrawn')"
    )
    with op.batch_alter_table("reviews") as table:
        table.alter_column("false_alarm_reason", type_=sa.String(16), existing_type=sa.String(32))
