"""Members are found by the beginning of their names.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

INDEXES = {
    "members_by_name": "lower(coalesce(given_name, '') || ' ' || coalesce(family_name, ''))",
    "members_by_family_name": "lower(coalesce(family_name, '') || ' ' || coalesce(given_name, ''))",
}


def upgrade() -> None:
    """Build the indexes beside running sales, which a plain CREATE INDEX on millions of members would hold up."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = '1h'")
        for name, words in INDEXES.items():
            # What a run that was broken off has left is never used, and would be taken for the index.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON members (program_id, ({words}) text_pattern_ops)")
        op.execute("RESET statement_timeout")
        op.execute("RESET lock_timeout")
