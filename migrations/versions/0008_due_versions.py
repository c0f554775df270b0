"""Members who were settled under an older version of their program's rules are found at once.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Build the index beside running sales, which a plain CREATE INDEX on millions of members would hold up."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = '1h'")
        # What a run that was broken off has left is never used, and would be taken for the index.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS members_by_version")
        op.execute(
            "CREATE INDEX CONCURRENTLY members_by_version ON members (program_id, version)"
            " WHERE status IN ('active', 'guest')"
        )
        op.execute("RESET statement_timeout")
        op.execute("RESET lock_timeout")
