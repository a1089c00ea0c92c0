"""The hash chain, its signatures, and the files of incidents; numbers of incidents and visits are never reused."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; the first record says up to which numbers the journal is older than its chain."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for table in ("incidents", "visits"):
            with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
                pass
    op.create_table(
        "evidence_files",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("incident", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(320), nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("removing", sa.Boolean, nullable=False),
    )
    op.create_index("ix_evidence_files_incident_kind_name", "evidence_files", ["incident", "kind", "name"], unique=True)
    op.create_table(
        "chain",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("incident", sa.Integer),
        sa.Column("payload", sa.Text),
        sa.Column("payload_sha256", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_chain_incident", "chain", ["incident"])
    op.create_table(
        "chain_signatures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    older = {table: connection.execute(sa.text(f"SELECT coalesce(max(id), 0) FROM {table}")).scalar() for table in
             ("incidents", "reviews")}  # fmt: skip
    payload = json.dumps(older, sort_keys=True, separators=(",", ":"))
    payload_sha256, nothing = hashlib.sha256(payload.encode()).hexdigest(), "0" * 64
    lines = ("1", "begun", "", nothing, payload_sha256)
    connection.execute(
        sa.text(
            "INSERT INTO chain (number, kind, payload, payload_sha256, previous, hash) "
            "VALUES (1, 'begun', :payload, :payload_sha256, :previous, :hash)"
        ),
        {
            "payload": payload,
            "payload_sha256": payload_sha256,
            "previous": nothing,
            "hash": hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest(),
        },
    )


def downgrade() -> None:
    """Undo."""
    for table in ("chain_signatures", "chain", "evidence_files"):
        op.drop_table(table)
