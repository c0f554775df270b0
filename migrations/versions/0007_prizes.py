"""Which contests have been decided, and who has won what.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0007_prizes.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
