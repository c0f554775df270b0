"""Memberships, pending units, dates of lots, badges, stock and contests.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0003_engine.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
