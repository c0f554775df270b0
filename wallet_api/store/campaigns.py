"""Campaigns, to whom they go, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from wallet_api.store import segment_query, sql
from wallet_api.store.ids import new_id
from wallet_api.store.segment_query import Selection
from wallet_api.store.session import Tx, json_text

FIX_SECONDS_MAX = 600
"""Half an audience is none, so it is fixed by one statement, however long that takes."""

_COLUMNS = """
id, program_id, name, segment_id, rule, texts, channels, starts_at, ends_at, reward, promotion, survey, experiment,
purchases_within_days, status, created_at, started_at, audience, finished_at
"""


@dataclass(frozen=True, kw_only=True)
class NewCampaign:
    """A campaign as a manager wrote it; `rule`, `texts` and `experiment` are JSON values."""

    name: str
    segment_id: UUID
    rule: Mapping[str, object]
    texts: Mapping[str, object]
    channels: Sequence[str]
    starts_at: datetime | None
    ends_at: datetime | None
    reward: str | None
    promotion: str | None
    survey: str | None
    experiment: Mapping[str, object] | None
    purchases_within_days: int
    status: str


def add(tx: Tx, program_id: str, campaign: NewCampaign, *, now: datetime) -> Row[Any]:
    """File a campaign."""
    return sql.one(
        tx,
        f"""
        INSERT INTO campaigns (id, program_id, name, segment_id, rule, texts, channels, starts_at, ends_at, reward,
                               promotion, survey, experiment, purchases_within_days, status, created_at)
        VALUES (:id, :program, :name, :segment_id, CAST(:rule AS jsonb), CAST(:texts AS jsonb), :channels, :starts_at,
                :ends_at, :reward, :promotion, :survey, CAST(:experiment AS jsonb), :purchases_within_days, :status, :now)
        RETURNING {_COLUMNS}
        """,  # noqa: S608 names of our own
        id=new_id(),
        program=program_id,
        now=now,
        **_values(campaign),
    )


def change(tx: Tx, campaign_id: UUID, campaign: NewCampaign) -> Row[Any]:
    """Write a campaign, which is locked and has not begun, anew."""
    return sql.one(
        tx,
        f"""
        UPDATE campaigns
        SET name = :name, segment_id = :segment_id, rule = CAST(:rule AS jsonb), texts = CAST(:texts AS jsonb),
            channels = :channels, starts_at = :starts_at, ends_at = :ends_at, reward = :reward, promotion = :promotion,
            survey = :survey, experiment = CAST(:experiment AS jsonb), purchases_within_days = :purchases_within_days, status = :status
        WHERE id = :id RETURNING {_COLUMNS}
        """,  # noqa: S608 names of our own
        id=campaign_id,
        **_values(campaign),
    )


def _values(campaign: NewCampaign) -> dict[str, object]:
    return {
        **asdict(campaign),
        "rule": json_text(campaign.rule),
        "texts": json_text(campaign.texts),
        "channels": list(campaign.channels),
        "experiment": None if campaign.experiment is None else json_text(campaign.experiment),
    }


def one(tx: Tx, campaign_id: UUID, *, program_id: str) -> Row[Any] | None:
    """A campaign of this program."""
    return sql.first(
        tx,
        f"SELECT {_COLUMNS} FROM campaigns WHERE id = :id AND program_id = :program",  # noqa: S608 names of our own
        id=campaign_id,
        program=program_id,
    )


def of_program(tx: Tx, program_id: str, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A program's campaigns, the newest first."""
    return sql.every(
        tx,
        f"""
        SELECT {_COLUMNS} FROM campaigns
        WHERE program_id = :program AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,  # noqa: S608 names of our own
        program=program_id,
        before=before,
        limit=limit,
    )


def set_status(tx: Tx, campaign_id: UUID, status: str, *, now: datetime) -> None:
    """Have a campaign, which is locked, stand elsewhere; when it begins for the first time is noted."""
    sql.run(
        tx,
        """
        UPDATE campaigns
        SET status = :status, started_at = CASE WHEN :status = 'running' THEN coalesce(started_at, :now) ELSE started_at END
        WHERE id = :id
        """,
        id=campaign_id,
        status=status,
        now=now,
    )


# ── Walking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def start_due(tx: Tx, *, now: datetime) -> None:
    """Begin what was to begin by now."""
    sql.run(
        tx,
        """
        UPDATE campaigns SET status = 'running', started_at = :now
        WHERE status = 'scheduled' AND finished_at IS NULL AND starts_at <= :now
        """,
        now=now,
    )


def to_walk(tx: Tx) -> Sequence[Row[Any]]:
    """The campaigns at which there is something to do: those that run, and those called off with members left."""
    return sql.every(
        tx,
        f"SELECT {_COLUMNS} FROM campaigns WHERE status IN ('running', 'cancelled') AND finished_at IS NULL ORDER BY id",  # noqa: S608 names of our own
    )


def fix_audience(tx: Tx, campaign_id: UUID, selected: Selection) -> bool:
    """Note to whom a campaign goes; False where that was done, or is being done, or the campaign runs no more."""
    mine = sql.one(
        tx, "SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0)) AS mine", name=f"campaign:{campaign_id}"
    )
    if (
        not mine.mine
        or sql.first(tx, "SELECT 1 FROM campaigns WHERE id = :id AND audience IS NULL", id=campaign_id) is None
    ):
        return False
    segment_query.prepare(tx)
    tx.exec_driver_sql(f"SET LOCAL statement_timeout = '{FIX_SECONDS_MAX}s'")
    insert = (
        f"INSERT INTO campaign_members (campaign_id, member_id) SELECT :campaign, id FROM ({selected.sql}) AS found"  # noqa: S608 parts of our own
    )
    tx.execute(text(insert), {**selected.values, "campaign": campaign_id})
    fixed = sql.first(
        tx,
        """
        UPDATE campaigns SET audience = (SELECT count(*) FROM campaign_members WHERE campaign_id = :id)
        WHERE id = :id AND status IN ('running', 'paused') RETURNING id
        """,
        id=campaign_id,
    )
    if fixed is None:  # called off meanwhile: nobody was chosen
        sql.run(tx, "DELETE FROM campaign_members WHERE campaign_id = :id", id=campaign_id)
    return fixed is not None


def claim(tx: Tx, campaign_id: UUID, *, now: datetime, limit: int) -> list[UUID]:
    """Take some of the members who wait for a campaign that runs, until the commit; other workers take others."""
    rows = sql.every(
        tx,
        """
        SELECT w.member_id FROM campaign_members w
        WHERE w.campaign_id = :id AND w.status = 'waiting' AND w.not_before <= :now
          AND EXISTS (SELECT FROM campaigns c WHERE c.id = :id AND c.status = 'running')
        ORDER BY w.not_before, w.member_id LIMIT :limit FOR UPDATE OF w SKIP LOCKED
        """,
        id=campaign_id,
        now=now,
        limit=limit,
    )
    return [row.member_id for row in rows]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of a member: `sent`, `withheld`, `control` or `failed`, or `waiting` until a later moment."""

    member_id: UUID
    status: str
    arm: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    notification_id: UUID | None = None
    voucher_id: UUID | None = None


def mark(tx: Tx, campaign_id: UUID, done: Sequence[Done], *, now: datetime) -> None:
    """Write what became of some members who were claimed."""
    sql.run(
        tx,
        """
        UPDATE campaign_members w
        SET status = d.status, arm = d.arm, reason = d.reason, notification_id = d.notification_id,
            voucher_id = d.voucher_id, not_before = coalesce(d.not_before, w.not_before),
            at = CASE WHEN d.status <> 'waiting' THEN CAST(:now AS timestamptz) END
        FROM jsonb_to_recordset(CAST(:done AS jsonb)) AS d(member_id uuid, status text, arm text, reason text,
             not_before timestamptz, notification_id uuid, voucher_id uuid)
        WHERE w.campaign_id = :id AND w.member_id = d.member_id
        """,
        id=campaign_id,
        done=json_text([each.__dict__ for each in done]),  # asdict copies, and takes as long as the statement
        now=now,
    )


def finish(tx: Tx, campaign_id: UUID, *, now: datetime) -> bool:
    """A campaign whose audience is through is done; whether it is."""
    row = sql.first(
        tx,
        """
        UPDATE campaigns SET status = 'done', finished_at = :now
        WHERE id = :id AND status = 'running' AND audience IS NOT NULL
          AND NOT EXISTS (SELECT FROM campaign_members WHERE campaign_id = :id AND status = 'waiting')
        RETURNING id
        """,
        id=campaign_id,
        now=now,
    )
    return row is not None


def let_go(tx: Tx, campaign_id: UUID, *, limit: int) -> int:
    """Have some of the members who wait for a campaign that was called off get nothing; how many they were."""
    rows = sql.every(
        tx,
        """
        UPDATE campaign_members SET status = 'cancelled', reason = 'campaign_cancelled'
        WHERE campaign_id = :id AND status = 'waiting' AND member_id IN (
          SELECT member_id FROM campaign_members WHERE campaign_id = :id AND status = 'waiting'
          LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING member_id
        """,
        id=campaign_id,
        limit=limit,
    )
    return len(rows)


def unsent(tx: Tx, campaign_id: UUID, *, now: datetime, limit: int) -> list[UUID]:
    """Some of a campaign's messages that were filed and of which something waits that no worker holds."""
    rows = sql.every(
        tx,
        """
        SELECT DISTINCT notification_id FROM deliveries
        WHERE campaign_id = :id AND status = 'waiting' AND (lease_until IS NULL OR lease_until < :now) LIMIT :limit
        """,
        id=campaign_id,
        now=now,
        limit=limit,
    )
    return [row.notification_id for row in rows]


def close(tx: Tx, campaign_id: UUID, *, now: datetime) -> None:
    """Nothing is left of a campaign that was called off, unless a member waits whom a worker still holds."""
    sql.run(
        tx,
        """
        UPDATE campaigns SET finished_at = :now
        WHERE id = :id AND status = 'cancelled'
          AND NOT EXISTS (SELECT FROM campaign_members WHERE campaign_id = :id AND status = 'waiting')
          AND NOT EXISTS (SELECT FROM deliveries WHERE campaign_id = :id AND status = 'waiting')
        """,
        id=campaign_id,
        now=now,
    )


def due_deliveries(tx: Tx, *, now: datetime, most: int) -> int:
    """How many deliveries wait to be sent now, counted up to this many."""
    row = sql.one(
        tx,
        """
        SELECT count(*) AS waiting FROM (
          SELECT FROM deliveries WHERE status = 'waiting' AND channel IN ('push', 'email', 'wallet') AND next_try_at <= :now
          LIMIT :most) AS due
        """,
        now=now,
        most=most,
    )
    return int(row.waiting)


def figures(tx: Tx, member_ids: Sequence[UUID], *, unit: str | None) -> dict[UUID, Row[Any]]:
    """Tier and balance of some members, for what a message says."""
    rows = sql.every(
        tx,
        """
        SELECT m.id, m.status, m.tier, coalesce(a.available, 0) AS balance FROM members m
        LEFT JOIN accounts a ON a.member_id = m.id AND a.unit = :unit WHERE m.id = ANY(:ids)
        """,
        ids=list(member_ids),
        unit=unit,
    )
    return {row.id: row for row in rows}


# ── What came of it ──────────────────────────────────────────────────────────────────────────────────────────────


def progress(tx: Tx, campaign_id: UUID) -> Sequence[Row[Any]]:
    """How many members there are of each status and reason."""
    return sql.every(
        tx,
        """
        SELECT status, reason, count(*) AS members FROM campaign_members WHERE campaign_id = :id
        GROUP BY status, reason ORDER BY status, reason
        """,
        id=campaign_id,
    )


def delivered(tx: Tx, campaign_id: UUID) -> dict[str, int]:
    """How many deliveries there are of each status."""
    rows = sql.every(
        tx,
        "SELECT status, count(*) AS deliveries FROM deliveries WHERE campaign_id = :id GROUP BY status",
        id=campaign_id,
    )
    return {row.status: int(row.deliveries) for row in rows}


_BOUGHT = """
WITH people AS (
  SELECT member_id, arm, status, at, notification_id, voucher_id FROM campaign_members
  WHERE campaign_id = :id AND status IN ('sent', 'control')),
bought AS (
  SELECT p.member_id, count(*) AS purchases, sum(t.paid - coalesce(b.paid, 0)) AS amount
  FROM people p JOIN transactions t ON t.member_id = p.member_id AND t.type = 'sale' AND t.id >= uuid_floor(:since)
   AND t.occurred_at >= p.at AND t.occurred_at < p.at + :within
  LEFT JOIN LATERAL (SELECT sum(paid) AS paid FROM transactions r WHERE r.sale_id = t.id) b ON true
  GROUP BY p.member_id)
"""

_RESULTS = f"""
{_BOUGHT}
SELECT p.arm, count(*) AS members, count(n.opened_at) AS opened, count(v.id) AS redeemed, count(b.member_id) AS buyers,
       coalesce(sum(b.purchases), 0)::bigint AS purchases, coalesce(sum(b.amount), 0)::bigint AS amount
FROM people p
LEFT JOIN notifications n ON n.id = p.notification_id
LEFT JOIN vouchers v ON v.id = p.voucher_id AND v.status = 'redeemed'
LEFT JOIN bought b ON b.member_id = p.member_id
GROUP BY p.arm ORDER BY p.arm
"""  # noqa: S608 parts of our own

_COMPARED = f"""
{_BOUGHT}
SELECT p.arm, count(*) AS members, count(b.member_id) AS buyers, coalesce(sum(b.amount), 0)::bigint AS amount,
       coalesce(sum(b.amount * b.amount), 0) AS squares
FROM people p LEFT JOIN bought b ON b.member_id = p.member_id GROUP BY p.arm
"""  # noqa: S608 parts of our own


def results(tx: Tx, campaign_id: UUID, *, since: datetime, within: timedelta) -> Sequence[Row[Any]]:
    """By arm: members, how many opened it and used its voucher, and what was bought within some time after it.

    Of what was bought, what came back is taken off. `since`: when the campaign began.
    """
    segment_query.prepare(tx)
    return sql.every(tx, _RESULTS, id=campaign_id, since=since, within=within)


def compared(tx: Tx, campaign_id: UUID, *, since: datetime, within: timedelta) -> Sequence[Row[Any]]:
    """By arm: members, how many bought, what they bought (as in `results`), and the sum of its squares."""
    segment_query.prepare(tx)
    return sql.every(tx, _COMPARED, id=campaign_id, since=since, within=within)


def progress_in_time(tx: Tx, campaign_id: UUID) -> tuple[int, datetime | None]:
    """How many members wait, and when the last of those who are compared got it, or would have."""
    row = sql.one(
        tx,
        """
        SELECT count(*) FILTER (WHERE status = 'waiting') AS waiting,
               max(at) FILTER (WHERE status IN ('sent', 'control')) AS last
        FROM campaign_members WHERE campaign_id = :id
        """,
        id=campaign_id,
    )
    return int(row.waiting), row.last


def opened(tx: Tx, notification_id: UUID, *, member_id: UUID, now: datetime) -> bool:
    """The member's app says that it showed a message; the first time counts. False for another one's."""
    row = sql.first(
        tx,
        """
        UPDATE notifications SET opened_at = coalesce(opened_at, :now) WHERE id = :id AND member_id = :member RETURNING id
        """,
        id=notification_id,
        member=member_id,
        now=now,
    )
    return row is not None
