"""The tables of Procrastinate 3.10, which runs schedules and coarse jobs.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

from migrations.scripts import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the schema that ships with the locked version; its later versions come with migrations of their own."""
    run_script(op.get_bind(), SchemaManager.get_schema())
