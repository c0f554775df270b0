"""Members' own codes, and who came with whose."""

from __future__ import annotations

from uuid import UUID

from wallet_api.store import sql
from wallet_api.store.session import Tx


def code(tx: Tx, member_id: UUID) -> str | None:
    """The code that a member gives to friends, if they have asked for one."""
    row = sql.first(tx, "SELECT code FROM referral_codes WHERE member_id = :member", member=member_id)
    return row.code if row else None


def add_code(tx: Tx, member_id: UUID, code: str) -> None:
    """Give a member a code; nothing happens where they have one, or where somebody else in the program has this one."""
    sql.run(
        tx,
        """
        INSERT INTO referral_codes (program_id, code, member_id)
        SELECT program_id, :code, id FROM members WHERE id = :member ON CONFLICT DO NOTHING
        """,
        code=code,
        member=member_id,
    )


def member_with_code(tx: Tx, code: str, *, program_id: str) -> UUID | None:
    """Whose code this is."""
    row = sql.first(
        tx,
        """
        SELECT m.id FROM referral_codes r JOIN members m ON m.id = r.member_id
        WHERE r.program_id = :program AND r.code = :code AND m.status IN ('active', 'guest')
        """,
        program=program_id,
        code=code,
    )
    return row.id if row else None


def set_referrer(tx: Tx, member_id: UUID, referrer: UUID) -> None:
    """Note who brought a member."""
    sql.run(tx, "UPDATE members SET referred_by = :referrer WHERE id = :member", member=member_id, referrer=referrer)


def friends(tx: Tx, member_id: UUID) -> tuple[int, int]:
    """How many came with a member's code, and how many of them have bought something."""
    row = sql.one(
        tx,
        """
        SELECT count(*) AS joined,
               count(*) FILTER (WHERE EXISTS (
                 SELECT FROM transactions t WHERE t.member_id = m.id AND t.type = 'sale')) AS bought
        FROM members m WHERE m.referred_by = :member
        """,
        member=member_id,
    )
    return row.joined, row.bought
