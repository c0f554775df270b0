"""Imported history: the receipts and sales of one member, each in one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text


@dataclass(frozen=True)
class Receipt:
    """The number under which a location knows a transaction."""

    location_id: UUID
    external_id: str


def commit_later(tx: Tx) -> None:
    """Do not wait for the disk at this commit: a crash of the server may lose it until `make_durable`."""
    tx.exec_driver_sql("SET LOCAL synchronous_commit = off")


def make_durable(tx: Tx) -> None:
    """Have this commit wait for the disk, and with it every commit before it: it puts a record into the same log."""
    sql.run(tx, "SELECT pg_logical_emit_message(true, 'carnet', 'imported')")


def known_receipts(tx: Tx, receipts: Collection[Receipt]) -> dict[Receipt, bytes]:
    """Those of the receipts that have been recorded, with the digest of what they say."""
    rows = sql.every(
        tx,
        """
        SELECT r.location_id, r.external_id, r.contents
        FROM unnest(CAST(:locations AS uuid[]), CAST(:externals AS text[])) AS asked(location_id, external_id)
        JOIN receipts r USING (location_id, external_id)
        """,
        locations=[receipt.location_id for receipt in receipts],
        externals=[receipt.external_id for receipt in receipts],
    )
    return {Receipt(row.location_id, row.external_id): bytes(row.contents) for row in rows}


def claim_receipts(tx: Tx, claims: Mapping[Receipt, tuple[UUID, bytes]]) -> bool:
    """Claim receipts for transactions with these ids and contents; False if somebody else has claimed one meanwhile."""
    # In the order of the key, so that two importers queue behind each other and never wait for each other.
    ordered = sorted(claims.items(), key=lambda claim: (claim[0].location_id, claim[0].external_id))
    rows = sql.every(
        tx,
        """
        INSERT INTO receipts (location_id, external_id, transaction_id, contents)
        SELECT * FROM unnest(CAST(:locations AS uuid[]), CAST(:externals AS text[]), CAST(:ids AS uuid[]),
                             CAST(:contents AS bytea[]))
        ON CONFLICT DO NOTHING RETURNING transaction_id
        """,
        locations=[receipt.location_id for receipt, _ in ordered],
        externals=[receipt.external_id for receipt, _ in ordered],
        ids=[transaction_id for _, (transaction_id, _) in ordered],
        contents=[contents for _, (_, contents) in ordered],
    )
    return len(rows) == len(ordered)


def add_sales(tx: Tx, program_id: str, member_id: UUID, version: int, sales: Sequence[Mapping[str, object]]) -> None:
    """File a member's sales, as `transactions.add` files one; what is left out is nothing."""
    sql.run(
        tx,
        """
        INSERT INTO transactions (id, program_id, member_id, type, location_id, external_id, occurred_at, recorded_at,
                                  currency, amount, paid, lines, net, kept, by_units, free, tier, membership,
                                  definition_version, answer)
        SELECT s.id, :program, :member, 'sale', s.location_id, s.external_id, s.occurred_at,
               coalesce(s.recorded_at, now()), s.currency, s.amount, s.paid, s.lines, s.net, s.kept,
               coalesce(s.by_units, '[]'), coalesce(s.free, '[]'), s.tier, coalesce(s.membership, 'none'), :version,
               s.answer
        FROM jsonb_to_recordset(CAST(:sales AS jsonb)) AS s(id uuid, location_id uuid, external_id text,
             occurred_at timestamptz, recorded_at timestamptz, currency text, amount bigint, paid bigint, lines jsonb,
             net jsonb, kept jsonb, by_units jsonb, free jsonb, tier text, membership text, answer jsonb)
        """,
        program=program_id,
        member=member_id,
        version=version,
        sales=json_text(sales),
    )
