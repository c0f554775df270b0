"""Versions of a definition that come into force at an instant, and under which one members were settled.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0005_versions.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
