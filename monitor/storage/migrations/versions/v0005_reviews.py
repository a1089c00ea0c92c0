"""Standard names: reviews of incidents with a decision, and the observations behind an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.drop_index("ix_remarks_incident", "remarks")
    op.rename_table("remarks", "reviews")
    with op.batch_alter_table("reviews") as table:
        table.alter_column("opinion", new_column_name="decision", existing_type=sa.String(16))
        table.alter_column("mistaken", new_column_name="false_alarm_reason", existing_type=sa.String(16))
    op.create_index("ix_reviews_incident", "reviews", ["incident"])
    op.execute("UPDATE reviews SET decision = 'confirmed' WHERE decision = 'right'")
    with op.batch_alter_table("incidents") as table:
        table.alter_column("looks", new_column_name="observations", existing_type=sa.Integer)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("incidents") as table:
        table.alter_column("observations", new_column_name="looks", existing_type=sa.Integer)
    op.execute("UPDATE reviews SET decision = 'right' WHERE decision = 'confirmed'")
    op.drop_index("ix_reviews_incident", "reviews")
    with op.batch_alter_table("reviews") as table:
        table.alter_column("decision", new_column_name="opinion", existing_type=sa.String(16))
        table.alter_column("false_alarm_reason", new_column_name="mistaken", existing_type=sa.String(16))
    op.rename_table("reviews", "remarks")
    op.create_index("ix_remarks_incident", "remarks", ["incident"])
