"""Every lock that Carnet takes, and their order.

1. the idempotency key's row (by inserting it),
2. the receipt's row (by inserting it),
3. the member's row,
4. the rows of rewards that are limited in number, in the order of their ids, or the names of a contest, or a survey,
5. the rows of passes that may show something else, in the order of their cards' ids, or a device that holds passes,
6. the pass feed's row;
and a campaign, or an address that a sign-in code is asked for, which is never taken with any of these.

Whoever needs several takes them in this order; of two members (a merge), the one with the smaller id first. After the
member's lock everything that belongs to the member may be read and written without any other lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from wallet_api.domain.errors import NotFound
from wallet_api.store import sql
from wallet_api.store.session import Tx

_MEMBER = """
SELECT m.id, m.program_id, p.version, p.revision, m.given_name, m.family_name, m.locale, m.status, m.birth_date, m.joined_at,
       m.tier, m.tier_since, m.tier_until, m.tier_counted_from, m.tier_uncounted, m.tier_floor, m.tier_floor_until, m.settled_at,
       m.membership, m.referred_by, m.ledger_position, m.ledger_head, m.version AS settled_version
FROM members m JOIN programs p ON p.id = m.program_id
"""


@dataclass(frozen=True, kw_only=True)
class MemberRow:
    """A member's own row, with a version of the program: as read, the one that was published last.

    `settled_version`: the one under which the member was settled last. `next_rules_at`: when another comes into force.
    """

    id: UUID
    program_id: str
    version: int
    revision: int
    given_name: str | None
    family_name: str | None
    locale: str
    status: str
    birth_date: date | None
    joined_at: datetime
    tier: str | None
    tier_since: date | None
    tier_until: date | None
    tier_counted_from: date | None
    tier_uncounted: int
    tier_floor: str | None
    tier_floor_until: date | None
    settled_at: datetime
    membership: Mapping[str, Any] | None
    referred_by: UUID | None
    ledger_position: int
    ledger_head: bytes
    settled_version: int
    next_rules_at: datetime | None = None

    @property
    def display_name(self) -> str:
        """What a cashier calls the member."""
        return display_name(self.given_name, self.family_name)


def display_name(given_name: str | None, family_name: str | None) -> str:
    """Given name and initial."""
    initial = f" {family_name[0]}." if family_name else ""
    return f"{given_name or ''}{initial}".strip()


def member(tx: Tx, member_id: UUID) -> MemberRow:
    """Lock a member: the first statement of every change to one.

    The rest is read by later statements: one that locked and read at once would wait for the lock and then go on with
    the other tables as they were before.
    """
    return _row(tx, _MEMBER + "WHERE m.id = :id FOR UPDATE OF m", member_id)


def member_unlocked(tx: Tx, member_id: UUID) -> MemberRow:
    """Read a member's row to show it."""
    return _row(tx, _MEMBER + "WHERE m.id = :id", member_id)


def members_claimed(tx: Tx, member_ids: Sequence[UUID]) -> list[MemberRow]:
    """The rows of members whom the caller has locked already (`members.claim_due`), in the order of these ids."""
    rows = sql.every(tx, _MEMBER + "WHERE m.id = ANY(:ids)", ids=list(member_ids))
    known = {row.id: MemberRow(**row._mapping) for row in rows}
    return [known[member_id] for member_id in member_ids]


def stock(tx: Tx, program_id: str, rewards: Iterable[str]) -> None:
    """Lock how many of these limited rewards are taken; after the member, before the state is read.

    A reward's first redemption since it is limited finds no row: it begins with those that there have been.
    """
    asked = sorted(set(rewards))
    if not asked:
        return
    sql.run(
        tx,
        """
        INSERT INTO reward_stock (program_id, reward, taken)
        SELECT :program, asked.reward, (
          SELECT coalesce(sum(r.quantity), 0) FROM redemptions r
          WHERE r.program_id = :program AND r.reward = asked.reward AND r.status IN ('held', 'captured'))
        FROM unnest(CAST(:rewards AS text[])) AS asked(reward)
        WHERE NOT EXISTS (SELECT FROM reward_stock s WHERE s.program_id = :program AND s.reward = asked.reward)
        ORDER BY asked.reward ON CONFLICT DO NOTHING
        """,
        program=program_id,
        rewards=asked,
    )
    sql.run(
        tx,
        """
        SELECT FROM reward_stock WHERE program_id = :program AND reward = ANY(:rewards) ORDER BY reward FOR UPDATE
        """,
        program=program_id,
        rewards=asked,
    )


def address(tx: Tx, program_id: str, address: str) -> None:
    """Lock an address until the commit, so that requests for codes queue and each sees the ones before; alone."""
    sql.run(
        tx,
        "SELECT pg_advisory_xact_lock(hashtextextended(:program || ' ' || :address, 0))",
        program=program_id,
        address=address,
    )


def contest(tx: Tx, program_id: str, contest_id: str) -> None:
    """Lock a contest's names until the commit, after the member, so that two who want the same one queue."""
    sql.run(
        tx,
        "SELECT pg_advisory_xact_lock(hashtextextended('contest ' || :program || ' ' || :contest, 0))",
        program=program_id,
        contest=contest_id,
    )


def campaign(tx: Tx, campaign_id: UUID) -> None:
    """Lock a campaign until the commit, before where it stands is read: two managers who send it queue."""
    sql.run(tx, "SELECT FROM campaigns WHERE id = :id FOR NO KEY UPDATE", id=campaign_id)


def survey_to_answer(tx: Tx, key: UUID) -> None:
    """Lock a survey's questions until the commit, after the member, before they are read; members do not wait for each other."""
    sql.run(tx, "SELECT FROM surveys WHERE key = :key FOR KEY SHARE", key=key)


def survey_to_change(tx: Tx, key: UUID) -> None:
    """Lock a survey before it is asked whether there are answers: waits for members who are answering, and they for it."""
    sql.run(tx, "SELECT FROM surveys WHERE key = :key FOR UPDATE", key=key)


def passes_to_look_at(tx: Tx, *, limit: int) -> dict[UUID, datetime]:
    """Lock passes that may show something else, before what they show is read: the cards, and since when they may.

    Two who look at one pass at a time would else note what it showed before as its last change. Those that somebody
    else holds are passed over, so this waits for nobody.
    """
    rows = sql.every(
        tx,
        """
        SELECT card_id, look_since FROM passes WHERE look_since IS NOT NULL
        ORDER BY look_since LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
        """,
        limit=limit,
    )
    return {row.card_id: row.look_since for row in rows}


def passes(tx: Tx, cards: Iterable[UUID]) -> list[UUID]:
    """Lock the passes that are followed of these cards, as `passes_to_look_at` does; waits for whoever has one."""
    rows = sql.every(
        tx,
        "SELECT card_id FROM passes WHERE card_id = ANY(:cards) ORDER BY card_id FOR NO KEY UPDATE",
        cards=list(cards),
    )
    return [row.card_id for row in rows]


def apple_device(tx: Tx, device_id: str, pass_type_id: str) -> None:
    """Lock a device before its registrations are counted, so that it is not forgotten while it registers another pass."""
    sql.run(
        tx,
        "SELECT FROM apple_devices WHERE id = :device AND pass_type_id = :type FOR UPDATE",
        device=device_id,
        type=pass_type_id,
    )


def pass_feed(tx: Tx) -> int:
    """Lock the pass feed and give the next tag; held until the commit, so that tags become visible in their order."""
    return int(sql.one(tx, "UPDATE pass_feed SET tag = tag + 1 RETURNING tag").tag)


def _row(tx: Tx, statement: str, member_id: UUID) -> MemberRow:
    row = sql.first(tx, statement, id=member_id)
    if row is None:
        raise NotFound(what="member")
    return MemberRow(**row._mapping)
