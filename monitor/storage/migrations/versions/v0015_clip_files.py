"""Clips take part in the chain: the hash of what is beside each, and which incidents were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("clips", sa.Column("notes_bytes", sa.Integer, nullable=False, server_default="0"))
    op.add_column("clips", sa.Column("notes_sha256", sa.String(64), nullable=False, server_default=""))
    op.create_table("erased_incidents", sa.Column("sha256", sa.String(64), primary_key=True))
    op.create_index("ix_evidence_files_name", "evidence_files", ["name"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_evidence_files_name", "evidence_files")
    op.drop_table("erased_incidents")
    with op.batch_alter_table("clips") as table:
        for column in ("notes_sha256", "notes_bytes"):
            table.drop_column(column)
