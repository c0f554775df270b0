"""Members who turned out to be one person: whose rows are moved, and who they are now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from wallet_api.domain.state import Lot
from wallet_api.store import sql
from wallet_api.store.session import Tx

_MOVE = (
    """
    INSERT INTO day_measures (member_id, measure, day, value)
    SELECT :kept, measure, day, value FROM day_measures WHERE member_id = :gone
    ON CONFLICT (member_id, measure, day) DO UPDATE SET value = day_measures.value + excluded.value
    """,
    "DELETE FROM day_measures WHERE member_id = :gone",
    # Limits hold for the person, so counts add up. A cooldown counts hours since an epoch: the later one counts.
    """
    INSERT INTO rule_counts (member_id, rule, period, times, units)
    SELECT :kept, rule, period, times, units FROM rule_counts WHERE member_id = :gone
    ON CONFLICT (member_id, rule, period) DO UPDATE
    SET times = rule_counts.times + excluded.times,
        units = CASE WHEN starts_with(excluded.rule, 'cooldown:') THEN greatest(rule_counts.units, excluded.units)
                     ELSE rule_counts.units + excluded.units END
    """,
    "DELETE FROM rule_counts WHERE member_id = :gone",
    """
    INSERT INTO badges (member_id, badge, day) SELECT :kept, badge, day FROM badges WHERE member_id = :gone
    ON CONFLICT (member_id, badge) DO UPDATE SET day = least(badges.day, excluded.day)
    """,
    "DELETE FROM badges WHERE member_id = :gone",
    "UPDATE vouchers SET member_id = :kept WHERE member_id = :gone",
    # What both have bought is counted as one person's from now on.
    "INSERT INTO purchases_to_count VALUES (:kept) ON CONFLICT DO NOTHING",
    "DELETE FROM purchase_totals WHERE member_id = :gone",
    "DELETE FROM purchased_items WHERE member_id = :gone",
    """
    UPDATE redemptions SET member_id = :kept, first_member_id = coalesce(first_member_id, member_id)
    WHERE member_id = :gone
    """,
    "UPDATE members SET referred_by = :kept WHERE referred_by = :gone AND id <> :kept",
    "UPDATE members SET referred_by = NULL WHERE id = :kept AND referred_by = :gone",
    # Of two entries in one contest, the one of the member who stays.
    """
    UPDATE contest_entrants e SET member_id = :kept
    WHERE member_id = :gone
      AND NOT EXISTS (SELECT FROM contest_entrants k WHERE k.member_id = :kept AND k.contest = e.contest)
    """,
    "DELETE FROM contest_entrants WHERE member_id = :gone",
    # Of two answers to one survey, the one of the member who stays.
    """
    UPDATE survey_answers a SET member_id = :kept
    WHERE member_id = :gone
      AND NOT EXISTS (SELECT FROM survey_answers k WHERE k.member_id = :kept AND k.survey = a.survey)
    """,
    "DELETE FROM survey_answers WHERE member_id = :gone",
    """
    UPDATE devices SET member_id = :kept WHERE member_id = :gone
    """,
    # The card's pass goes on in the wallet, and shows what the member who stays has.
    "UPDATE passes SET member_id = :kept WHERE member_id = :gone",
)

_IDENTITY = ("email", "phone", "external_ref", "given_name", "family_name", "birth_date", "time_zone")


def move(tx: Tx, *, kept: UUID, gone: UUID) -> None:
    """Move what is counted and what was issued to the member who stays; both are locked."""
    for statement in _MOVE:
        sql.run(tx, statement, kept=kept, gone=gone)


def close(tx: Tx, *, kept: UUID, gone: UUID, now: datetime) -> None:
    """The member who goes is one with the other from now on: their sessions end, their cards lead to the other.

    What the member who stays does not say of themself is taken from the other; a second address goes on leading here.
    """
    names = ", ".join(_IDENTITY)
    said = sql.one(tx, f"SELECT {names} FROM members WHERE id = :gone", gone=gone)  # noqa: S608 names of our own
    has = sql.one(tx, f"SELECT {names} FROM members WHERE id = :kept", kept=kept)  # noqa: S608 names of our own
    missing = [name for name in _IDENTITY if getattr(has, name) is None and getattr(said, name) is not None]
    if missing:
        cleared = ", ".join(f"{name} = NULL" for name in missing)
        taken = ", ".join(f"{name} = :{name}" for name in missing)
        sql.run(tx, f"UPDATE members SET {cleared} WHERE id = :gone", gone=gone)  # noqa: S608 names of our own
        values = {name: getattr(said, name) for name in missing}
        sql.run(tx, f"UPDATE members SET {taken} WHERE id = :kept", kept=kept, **values)  # noqa: S608 names of our own
    sql.run(
        tx,
        """
        UPDATE members SET status = 'active'
        WHERE id = :kept AND status = 'guest' AND (email IS NOT NULL OR phone IS NOT NULL)
        """,
        kept=kept,
    )
    sql.run(
        tx,
        """
        UPDATE members SET status = 'merged', merged_into = :kept, merged_first_into = :kept, next_due = NULL
        WHERE id = :gone
        """,
        kept=kept,
        gone=gone,
    )
    # Who was merged into the one who goes now leads on to the one who stays: never more than one step.
    sql.run(tx, "UPDATE members SET merged_into = :kept WHERE merged_into = :gone", kept=kept, gone=gone)
    sql.run(tx, "UPDATE cards SET status = 'merged' WHERE member_id = :gone AND status = 'active'", gone=gone)
    sql.run(
        tx,
        "UPDATE scans SET member_id = :kept WHERE member_id = :gone AND expires_at > :now",
        kept=kept,
        gone=gone,
        now=now,
    )
    sql.run(
        tx,
        "UPDATE sessions SET ended_at = :now, ended_because = 'merged' WHERE member_id = :gone AND ended_at IS NULL",
        gone=gone,
        now=now,
    )


def sessions(tx: Tx, member_id: UUID) -> list[UUID]:
    """The open sessions of a member."""
    rows = sql.every(tx, "SELECT id FROM sessions WHERE member_id = :id AND ended_at IS NULL", id=member_id)
    return [row.id for row in rows]


def survivor(tx: Tx, member_id: UUID, *, program_id: str) -> UUID | None:
    """Who a member of this program is now: themself, or whom they were merged into; None for another program's."""
    row = sql.first(
        tx,
        """
        SELECT coalesce(merged_into, id) AS id FROM members
        WHERE id = :id AND program_id = :program AND status <> 'erased'
        """,
        id=member_id,
        program=program_id,
    )
    return row.id if row else None


def selves(tx: Tx, member_id: UUID) -> list[UUID]:
    """Everybody whom this person has been a member as: the one who stayed, and all who were merged into that one."""
    rows = sql.every(
        tx,
        """
        WITH now AS (SELECT coalesce(merged_into, id) AS id FROM members WHERE id = :id)
        SELECT id FROM now UNION SELECT m.id FROM members m JOIN now ON m.merged_into = now.id
        """,
        id=member_id,
    )
    return [row.id for row in rows]


def lots_spent_on(tx: Tx, sale_id: UUID) -> Sequence[Lot]:
    """The lots that paid for a part of a sale, whoever they belonged to."""
    rows = sql.every(
        tx,
        """
        SELECT l.id, l.unit, l.amount, l.remaining AS left, l.earned_at, l.expires_at, l.source_id, l.usable_at
        FROM entries e, jsonb_array_elements(e.takes) taken
        JOIN lots l ON l.id = (taken ->> 'lot_id')::uuid
        WHERE e.source_id = :sale AND e.kind = 'redeem' AND l.member_id = e.member_id
        """,
        sale=sale_id,
    )
    return [Lot(**row._mapping) for row in rows]
