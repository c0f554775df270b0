"""What sending needs to know of members: read for a whole batch by one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from uuid import UUID

from wallet_api.store import sql
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A member as a recipient; `version` and `revision` are the program's, as published last.

    `phones`: ids and registration tokens. `passes`: wallets and the cards whose passes they hold. `marketing` and `sent`
    (when messages went out since a while ago) are read only where they are asked for.
    """

    id: UUID
    program_id: str
    version: int
    revision: int
    status: str
    locale: str
    time_zone: str | None
    given_name: str | None
    email: str | None = field(repr=False)
    mail_is_dead: bool
    phones: Sequence[tuple[str, str]] = field(repr=False)
    passes: Sequence[tuple[str, str]]
    unwanted: Mapping[str, Sequence[str]]
    quiet_from: time | None
    quiet_until: time | None
    marketing: bool
    sent: Sequence[datetime]


_RECIPIENTS = """
SELECT m.id, m.program_id, p.version, p.revision, m.status, m.locale, m.time_zone, m.given_name, m.email,
       m.email IS NOT NULL AND EXISTS (
         SELECT FROM dead_addresses d WHERE d.program_id = m.program_id AND d.address = m.email) AS mail_is_dead,
       coalesce((SELECT jsonb_agg(jsonb_build_array(d.id, d.fcm_token) ORDER BY d.id) FROM devices d
                 WHERE d.member_id = m.id AND d.forgotten_at IS NULL), '[]') AS phones,
       CASE WHEN CAST(:wallets AS text[]) <> '{}' THEN coalesce((
         SELECT jsonb_agg(jsonb_build_array(w.wallet, a.card_id) ORDER BY w.wallet, a.card_id)
         FROM passes a JOIN cards k ON k.id = a.card_id AND k.status IN ('active', 'merged') CROSS JOIN LATERAL (
           SELECT 'apple' AS wallet WHERE EXISTS (SELECT FROM apple_registrations r WHERE r.card_id = a.card_id)
           UNION ALL
           SELECT 'google' WHERE EXISTS (SELECT FROM google_passes g WHERE g.card_id = a.card_id AND g.holders > 0)) w
         WHERE a.member_id = m.id AND w.wallet = ANY(:wallets)), '[]') ELSE '[]' END AS passes,
       coalesce(f.unwanted, '{}') AS unwanted, f.quiet_from, f.quiet_until,
       CASE WHEN :marketing THEN coalesce((
         SELECT c.granted FROM consents c WHERE c.member_id = m.id AND c.kind = 'marketing'
         ORDER BY c.id DESC LIMIT 1), false) ELSE false END AS marketing,
       CASE WHEN :marketing THEN coalesce((
         SELECT array_agg(n.goes_at) FROM notifications n
         WHERE n.member_id = m.id AND n.goes_at > :since), '{}') ELSE '{}' END AS sent
FROM members m JOIN programs p ON p.id = m.program_id LEFT JOIN preferences f ON f.member_id = m.id
WHERE m.id = ANY(:ids)
"""


def read(
    tx: Tx, member_ids: Collection[UUID], *, since: datetime, marketing: bool, wallets: Collection[str] = ()
) -> dict[UUID, Recipient]:
    """These members as recipients; `marketing`: with their consent to it, and what they were sent since then.

    `wallets`: with their passes in these, `apple` or `google`.
    """
    rows = sql.every(tx, _RECIPIENTS, ids=list(member_ids), since=since, marketing=marketing, wallets=list(wallets))
    return {row.id: Recipient(**row._mapping) for row in rows}


def lock(tx: Tx, member_ids: Collection[UUID]) -> None:
    """Have nobody else send marketing to these members until the commit: what caps count must not change meanwhile.

    A till that serves one of them waits as long as the batch takes, a tenth of a second.
    """
    sql.run(
        tx,
        "SELECT FROM members WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE",
        ids=list(member_ids),
    )
