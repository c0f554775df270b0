"""Segments, campaigns and their audiences, and what is kept of purchases for them.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0012_campaigns.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
    _index_beside_running_sales()


def _index_beside_running_sales() -> None:
    """Index by block ranges what is read by its age: both tables grow in the order of time, so that costs sales nothing.

    A partitioned table has no index built beside its use: its partitions have, one after the other.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = '1h'")
        # What a run that was broken off has left is never used, and would be taken for the index.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS day_measures_day")
        op.execute("CREATE INDEX CONCURRENTLY day_measures_day ON day_measures USING brin (day)")
        op.execute("DROP INDEX IF EXISTS transactions_written")
        op.execute("CREATE INDEX transactions_written ON ONLY transactions USING brin (written_in)")
        partitions = op.get_bind().exec_driver_sql(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'transactions'::regclass ORDER BY 1"
        )
        for (partition,) in partitions.all():
            index = f"{partition}_written"
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
            op.execute(f"CREATE INDEX CONCURRENTLY {index} ON {partition} USING brin (written_in)")
            op.execute(f"ALTER INDEX transactions_written ATTACH PARTITION {index}")
        op.execute("RESET statement_timeout")
        op.execute("RESET lock_timeout")
