"""Sales, returns and check-ins, and the receipts that make each of them unique."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain.definition import Definition
from wallet_api.domain.events import EarnedEntry, Line, RecordedSale, SpentEntry
from wallet_api.domain.state import Take
from wallet_api.store import merges, sql
from wallet_api.store.session import Tx, json_text


def claim_receipt(
    tx: Tx,
    location_id: UUID,
    external_id: str,
    *,
    transaction_id: UUID,
    contents: bytes,
) -> Row[Any] | None:
    """Claim a receipt number at a location; the earlier claim (and its transaction's answer) if there is one."""
    claimed = sql.first(
        tx,
        """
        INSERT INTO receipts (location_id, external_id, transaction_id, contents)
        VALUES (:location, :external, :id, :contents) ON CONFLICT DO NOTHING RETURNING transaction_id
        """,
        location=location_id,
        external=external_id,
        id=transaction_id,
        contents=contents,
    )
    if claimed:
        return None
    return sql.one(
        tx,
        """
        SELECT r.contents, t.answer FROM receipts r JOIN transactions t ON t.id = r.transaction_id
        WHERE r.location_id = :location AND r.external_id = :external
        """,
        location=location_id,
        external=external_id,
    )


def add(
    tx: Tx,
    *,
    by_units: Sequence[int] = (),
    free: Sequence[int] = (),
    membership: str = "none",
    recorded_at: datetime | None = None,
    **values: object,
) -> None:
    """File a transaction; `lines`, `net`, `kept`, `by_units`, `free` and `answer` are JSON values.

    `recorded_at` is the use case's `now`; without it, the database's.
    """
    for name in ("lines", "net", "kept", "answer"):
        values[name] = json_text(values[name])
    sql.run(
        tx,
        """
        INSERT INTO transactions (id, program_id, member_id, type, location_id, external_id, occurred_at, recorded_at,
                                  currency, amount, paid, lines, net, kept, by_units, free, voucher_ids, tier,
                                  membership, definition_version, sale_id, key_id, tender, answer)
        VALUES (:id, :program_id, :member_id, :type, :location_id, :external_id, :occurred_at,
                coalesce(CAST(:recorded_at AS timestamptz), now()), :currency, :amount, :paid, CAST(:lines AS jsonb),
                CAST(:net AS jsonb), CAST(:kept AS jsonb), CAST(:by_units AS jsonb), CAST(:free AS jsonb),
                :voucher_ids, :tier, :membership, :definition_version, :sale_id, :key_id, :tender,
                CAST(:answer AS jsonb))
        """,
        by_units=json_text(list(by_units)),
        free=json_text(list(free)),
        membership=membership,
        recorded_at=recorded_at,
        **values,
    )


def sale_row(tx: Tx, sale_id: UUID, *, program_id: str) -> Row[Any] | None:
    """A sale of this program."""
    return sql.first(
        tx,
        """
        SELECT id, member_id, location_id, external_id, occurred_at, currency, amount, paid, lines, net, kept, by_units,
               free, voucher_ids, tier, membership, definition_version
        FROM transactions WHERE id = :id AND program_id = :program AND type = 'sale'
        """,
        id=sale_id,
        program=program_id,
    )


def answer(tx: Tx, transaction_id: UUID, *, program_id: str, kind: str) -> dict[str, Any] | None:
    """What the till was told when a sale or return was recorded."""
    row = sql.first(
        tx,
        "SELECT answer FROM transactions WHERE id = :id AND program_id = :program AND type = :kind",
        id=transaction_id,
        program=program_id,
        kind=kind,
    )
    return row.answer if row else None


def recorded_sale(tx: Tx, row: Row[Any], *, definition: Definition, location: str | None) -> RecordedSale:
    """A sale as it stands after its returns so far; its member is locked."""
    returns = sql.every(tx, "SELECT kept, paid FROM transactions WHERE sale_id = :id", id=row.id)
    # A return's id is made before it waits for the member, so ids do not tell which was last. Each leaves less of every
    # line than the one before: the least is what is left.
    kept = zip(
        *([Fraction(part) for part in each] for each in (row.kept, *(back.kept for back in returns))), strict=True
    )
    selves = merges.selves(tx, row.member_id)
    # Without a bonus that this sale brought to a period credited before: a return works that out again by itself.
    earned = sql.every(
        tx,
        """
        SELECT e.id, e.rule, e.unit, e.why, e.amount + coalesce((SELECT sum(r.amount) FROM entries r
               WHERE r.member_id = ANY(:selves) AND r.reverses = e.id AND r.amount < 0), 0) AS standing
        FROM entries e WHERE e.source_id = :id AND e.kind = 'earn' ORDER BY e.position
        """,
        id=row.id,
        selves=selves,
    )
    return RecordedSale(
        id=row.id,
        occurred_at=row.occurred_at,
        location=location,
        lines=tuple(line_of(line) for line in row.lines),
        net=tuple(row.net),
        kept=tuple(min(parts) for parts in kept),
        paid=row.paid,
        refunded=sum(back.paid for back in returns),
        tier=row.tier,
        definition=definition,
        earned=tuple(
            EarnedEntry(
                entry_id=entry.id,
                rule=entry.rule,
                unit=entry.unit,
                left=int(entry.standing),
                promotions=frozenset(entry.why.get("promotions", ())),
            )
            for entry in earned
        ),
        voucher_ids=tuple(row.voucher_ids),
        by_units=tuple(row.by_units),
        free=tuple(row.free),
        membership=row.membership,
        spent=_spent(tx, row.id, selves=selves),
    )


def _spent(tx: Tx, sale_id: UUID, *, selves: Sequence[UUID]) -> tuple[SpentEntry, ...]:
    """The units that paid for a part of a sale, less what its returns have put back into their lots."""
    rows = sql.every(
        tx,
        """
        SELECT e.id, e.unit, -e.amount AS amount, e.takes,
               (SELECT coalesce(sum(r.amount), 0) FROM entries r
                WHERE r.member_id = ANY(:selves) AND r.reverses = e.id AND r.amount > 0) AS back,
               (SELECT jsonb_agg(part) FROM entries r, jsonb_array_elements(r.takes) part
                WHERE r.member_id = ANY(:selves) AND r.reverses = e.id AND r.amount > 0) AS parts
        FROM entries e WHERE e.source_id = :id AND e.kind = 'redeem' ORDER BY e.position
        """,
        id=sale_id,
        selves=list(selves),
    )
    return tuple(
        SpentEntry(
            entry_id=row.id,
            unit=row.unit,
            amount=row.amount,
            left=row.amount - int(row.back),
            takes=_left_out(row.takes, row.parts or ()),
        )
        for row in rows
    )


def _left_out(takes: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]]) -> tuple[Take, ...]:
    """What was taken out of each lot and has not been put back."""
    left: dict[str, int] = {}
    for take in takes:
        left[take["lot_id"]] = left.get(take["lot_id"], 0) + take["amount"]
    for part in parts:
        left[part["lot_id"]] -= part["amount"]
    return tuple(Take(lot_id=UUID(lot_id), amount=amount) for lot_id, amount in left.items() if amount > 0)


def line_of(values: dict[str, Any]) -> Line:
    """A receipt's line out of its JSON."""
    return Line(**{**values, "tags": frozenset(values.get("tags", ()))})


def line_json(line: Line) -> dict[str, object]:
    """A receipt's line as JSON."""
    return {
        "sku": line.sku,
        "amount": line.amount,
        "quantity": line.quantity,
        "name": line.name,
        "category": line.category,
        "tags": sorted(line.tags),
    }


def of_member(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A member's transactions, the newest first."""
    return sql.every(
        tx,
        """
        SELECT id, type, location_id, external_id, occurred_at, currency, amount, paid, sale_id FROM transactions
        WHERE member_id = :member AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,
        member=member_id,
        before=before,
        limit=limit,
    )


def entries_of_member(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A member's ledger, the newest entry first."""
    return sql.every(
        tx,
        """
        SELECT id, unit, kind, amount, occurred_at, recorded_at, source_id, rule, definition_version, reverses, why,
               usable_at, position, hash
        FROM entries WHERE member_id = :member AND (CAST(:before AS uuid) IS NULL OR id < :before)
        ORDER BY id DESC LIMIT :limit
        """,
        member=member_id,
        before=before,
        limit=limit,
    )


def add_check_in(
    tx: Tx,
    check_in_id: UUID,
    *,
    program_id: str,
    member_id: UUID,
    location_id: UUID,
    key_id: UUID,
    occurred_at: datetime,
    recorded_at: datetime | None = None,
) -> None:
    """File a visit; `recorded_at` is the use case's `now`, without it the database's."""
    sql.run(
        tx,
        """
        INSERT INTO check_ins (id, program_id, member_id, location_id, key_id, occurred_at, recorded_at)
        VALUES (:id, :program, :member, :location, :key, :at, coalesce(CAST(:recorded_at AS timestamptz), now()))
        """,
        id=check_in_id,
        program=program_id,
        member=member_id,
        location=location_id,
        key=key_id,
        at=occurred_at,
        recorded_at=recorded_at,
    )


def redemption_row(tx: Tx, redemption_id: UUID, *, program_id: str) -> Row[Any] | None:
    """Whose redemption this is."""
    return sql.first(
        tx,
        "SELECT id, member_id FROM redemptions WHERE id = :id AND program_id = :program",
        id=redemption_id,
        program=program_id,
    )


def vouchers_of_member(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A member's vouchers, the newest first."""
    return sql.every(
        tx,
        """
        SELECT id, code, reward, quantity, status, issued_at, valid_from, valid_until FROM vouchers
        WHERE member_id = :member AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,
        member=member_id,
        before=before,
        limit=limit,
    )


def voucher_of_member(tx: Tx, member_id: UUID, voucher_id: UUID) -> Row[Any] | None:
    """One of a member's vouchers."""
    return sql.first(
        tx,
        """
        SELECT id, code, reward, quantity, status, issued_at, valid_from, valid_until FROM vouchers
        WHERE id = :id AND member_id = :member
        """,
        id=voucher_id,
        member=member_id,
    )


def last_tier_change(tx: Tx, member_id: UUID) -> Row[Any] | None:
    """How a member came to the tier that they hold."""
    return sql.first(
        tx,
        "SELECT tier, reason FROM tier_changes WHERE member_id = :member ORDER BY id DESC LIMIT 1",
        member=member_id,
    )


def claim_activity(
    tx: Tx,
    activity_id: UUID,
    *,
    program_id: str,
    member_id: UUID,
    kind: str,
    external_id: str,
    fields: Mapping[str, object],
    key_id: UUID | None,
    occurred_at: datetime,
    contents: bytes,
    recorded_at: datetime | None = None,
) -> Row[Any] | None:
    """File an activity; the earlier one under this number of its kind (contents and answer) if there is one.

    `recorded_at` is the use case's `now`; without it, the database's.
    """
    claimed = sql.first(
        tx,
        """
        INSERT INTO activities (id, program_id, member_id, kind, external_id, fields, key_id, occurred_at, recorded_at,
                                contents)
        VALUES (:id, :program, :member, :kind, :external, CAST(:fields AS jsonb), :key, :at,
                coalesce(CAST(:recorded_at AS timestamptz), now()), :contents)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        id=activity_id,
        program=program_id,
        member=member_id,
        kind=kind,
        external=external_id,
        fields=json_text(dict(fields)),
        key=key_id,
        at=occurred_at,
        recorded_at=recorded_at,
        contents=contents,
    )
    if claimed:
        return None
    return sql.one(
        tx,
        """
        SELECT contents, answer FROM activities
        WHERE program_id = :program AND kind = :kind AND external_id = :external
        """,
        program=program_id,
        kind=kind,
        external=external_id,
    )


def answer_activity(tx: Tx, activity_id: UUID, answer: Mapping[str, object]) -> None:
    """Keep what the till was told of an activity."""
    sql.run(
        tx,
        "UPDATE activities SET answer = CAST(:answer AS jsonb) WHERE id = :id",
        id=activity_id,
        answer=json_text(dict(answer)),
    )


def usual_location(tx: Tx, member_id: UUID) -> UUID | None:
    """Where a member has bought most often, of the last fifty times; None before the first."""
    row = sql.first(
        tx,
        """
        SELECT location_id FROM (
          SELECT location_id FROM transactions WHERE member_id = :member AND type = 'sale' ORDER BY id DESC LIMIT 50
        ) AS recent
        GROUP BY location_id ORDER BY count(*) DESC, location_id LIMIT 1
        """,
        member=member_id,
    )
    return row.location_id if row else None
