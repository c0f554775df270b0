"""Room in the pages of deliveries, and no index that each of them changes twice.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0016_deliveries.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
