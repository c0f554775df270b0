"""Google Wallet: what it said, what it was told, and how often.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from importlib import resources

from alembic import op

from migrations.scripts import run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    sql = resources.files("migrations.versions").joinpath("0010_google_wallet.sql").read_text(encoding="utf-8")
    run_script(op.get_bind(), sql)
