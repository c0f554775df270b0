"""Members who turned out to be one person: who they are now.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0004_merge.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
