"""Members, their consents and their devices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class NewMember:
    """What is known of a person who becomes a member."""

    program_id: str
    joined_at: datetime
    email: str | None = None
    phone: str | None = None
    external_ref: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birth_date: date | None = None
    locale: str
    time_zone: str | None = None
    referral_code: str | None = None
    status: str = "active"


def add(tx: Tx, member: NewMember) -> UUID | None:
    """Add a member; None if somebody with this address or reference is a member already."""
    row = sql.first(
        tx,
        """
        INSERT INTO members (id, program_id, email, phone, external_ref, given_name, family_name, birth_date, locale,
                             time_zone, referral_code, status, joined_at, settled_at)
        VALUES (:id, :program_id, :email, :phone, :external_ref, :given_name, :family_name, :birth_date, :locale,
                :time_zone, :referral_code, :status, :joined_at, :joined_at)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        id=new_id(),
        **asdict(member),
    )
    return row.id if row else None


def by_address(tx: Tx, program_id: str, address: str) -> UUID | None:
    """The member with this e-mail address or phone number, or the one whom they were merged into."""
    column = "email" if "@" in address else "phone"
    row = sql.first(
        tx,
        f"SELECT coalesce(merged_into, id) AS id FROM members WHERE program_id = :program AND {column} = :address AND status <> 'erased'",  # noqa: S608 one of two names
        program=program_id,
        address=address,
    )
    return row.id if row else None


def locale_by_address(tx: Tx, program_id: str, address: str) -> str | None:
    """The language of the member with this e-mail address or phone number; None if nobody has it."""
    column = "email" if "@" in address else "phone"
    row = sql.first(
        tx,
        f"SELECT locale FROM members WHERE program_id = :program AND {column} = :address AND status <> 'erased'",  # noqa: S608 one of two names
        program=program_id,
        address=address,
    )
    return row.locale if row else None


def by_external_ref(tx: Tx, program_id: str, external_ref: str) -> UUID | None:
    """The member that another system knows by this reference, or the one whom they were merged into."""
    row = sql.first(
        tx,
        "SELECT coalesce(merged_into, id) AS id FROM members WHERE program_id = :program AND external_ref = :ref",
        program=program_id,
        ref=external_ref,
    )
    return row.id if row else None


def profile(tx: Tx, member_id: UUID) -> Row[Any]:
    """What a member sees of themself."""
    return sql.one(
        tx,
        """
        SELECT id, program_id, email, phone, given_name, family_name, birth_date, locale, time_zone, status, joined_at
        FROM members WHERE id = :id
        """,
        id=member_id,
    )


_FOUND = "SELECT id, given_name, family_name, tier, email, phone FROM members "
_GIVEN_FIRST = "lower(coalesce(given_name, '') || ' ' || coalesce(family_name, ''))"
_FAMILY_FIRST = "lower(coalesce(family_name, '') || ' ' || coalesce(given_name, ''))"
_AFTER_ALL_OTHERS = "\U0010ffff"

# With the operators that the indexes know: for LIKE the words would have to be there when the statement is planned.
BY_NAME = f"""
{_FOUND}
WHERE program_id = :program AND status IN ('active', 'guest') AND (CAST(:before AS uuid) IS NULL OR id < :before)
AND (({_GIVEN_FIRST} ~>=~ lower(CAST(:words AS text)) AND {_GIVEN_FIRST} ~<~ (lower(CAST(:words AS text)) || :end))
  OR ({_FAMILY_FIRST} ~>=~ lower(CAST(:words AS text)) AND {_FAMILY_FIRST} ~<~ (lower(CAST(:words AS text)) || :end)))
ORDER BY id DESC LIMIT :limit
"""


def found(tx: Tx, member_id: UUID) -> Row[Any]:
    """What a list shows of a member."""
    return sql.one(tx, _FOUND + "WHERE id = :id", id=member_id)


def found_all(tx: Tx, member_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """What a list shows of these members, the newest first."""
    return sql.every(tx, _FOUND + "WHERE id = ANY(:ids) ORDER BY id DESC", ids=list(member_ids))


def by_name(tx: Tx, program_id: str, words: str, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Members whose name begins with these words, given name first or last, whatever their case; the newest first."""
    return sql.every(tx, BY_NAME, program=program_id, words=words, end=_AFTER_ALL_OTHERS, before=before, limit=limit)


def alter(tx: Tx, member_id: UUID, changes: dict[str, object]) -> None:
    """Change some of the fields that a member may change."""
    allowed = {"given_name", "family_name", "birth_date", "locale", "time_zone"}
    assert changes.keys() <= allowed, changes.keys()
    if changes:
        assignments = ", ".join(f"{name} = :{name}" for name in sorted(changes))
        sql.run(
            tx,
            f"UPDATE members SET {assignments} WHERE id = :id",  # noqa: S608 names checked above
            id=member_id,
            **changes,
        )


# ── Due ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# The rules in force have a later number than those under which a member was settled last: what the member has is to be
# carried over. Nobody writes that on every member when rules are published; that would lock all of them at once.
_IS_BEHIND = """
status IN ('active', 'guest') AND version < (
  SELECT max(v.version) FROM program_versions v WHERE v.program_id = members.program_id AND v.valid_from <= :now)
"""


def claim_due(tx: Tx, *, now: datetime, limit: int, but: Collection[UUID] = ()) -> list[UUID]:
    """Lock members for whom time has brought something that is not written yet, or new rules have come into force.

    The longest due come first, then those under the oldest rules. Those whom somebody else holds are passed over: a
    till that serves one brings them up to date itself, and several workers each get others. So this waits for nobody,
    and nobody waits for it in a ring.
    """
    rows = sql.every(
        tx,
        """
        SELECT id FROM members WHERE next_due <= :now AND id <> ALL(CAST(:but AS uuid[]))
        ORDER BY next_due LIMIT :limit FOR UPDATE SKIP LOCKED
        """,
        now=now,
        limit=limit,
        but=list(but),
    )
    claimed = [row.id for row in rows]
    for rules in _in_force(tx, now=now):
        if len(claimed) < limit:
            claimed += _claim_behind(tx, rules, limit=limit - len(claimed), but=[*but, *claimed])
    return claimed


def _claim_behind(tx: Tx, rules: Row[Any], *, limit: int, but: Collection[UUID]) -> list[UUID]:
    """Lock members of a program who were settled last under older rules than these."""
    rows = sql.every(
        tx,
        """
        SELECT id FROM members
        WHERE program_id = :program AND version < :version AND status IN ('active', 'guest')
          AND id <> ALL(CAST(:but AS uuid[]))
        ORDER BY version LIMIT :limit FOR UPDATE SKIP LOCKED
        """,
        program=rules.program_id,
        version=rules.version,
        limit=limit,
        but=list(but),
    )
    return [row.id for row in rows]


def claim_if_due(tx: Tx, member_id: UUID, *, now: datetime) -> bool:
    """Lock one member; whether they are still due, and nobody else has them."""
    row = sql.first(
        tx,
        f"SELECT id FROM members WHERE id = :id AND (next_due <= :now OR {_IS_BEHIND}) FOR UPDATE SKIP LOCKED",  # noqa: S608 words of our own
        id=member_id,
        now=now,
    )
    return row is not None


def still_due(tx: Tx, member_ids: Collection[UUID], *, now: datetime) -> list[UUID]:
    """Those of these members who are due."""
    rows = sql.every(
        tx,
        f"SELECT id FROM members WHERE id = ANY(:ids) AND (next_due <= :now OR {_IS_BEHIND})",  # noqa: S608 words of our own
        ids=list(member_ids),
        now=now,
    )
    return [row.id for row in rows]


def count_due(tx: Tx, *, now: datetime) -> tuple[int, datetime | None]:
    """How many members are due, and since when the first of them is."""
    row = sql.one(tx, "SELECT count(*) AS members, min(next_due) AS since FROM members WHERE next_due <= :now", now=now)
    count, since = int(row.members), [row.since] if row.since else []
    for rules in _in_force(tx, now=now):
        behind = sql.one(
            tx,
            """
            SELECT count(*) AS members FROM members
            WHERE program_id = :program AND version < :version AND status IN ('active', 'guest')
              AND (next_due IS NULL OR next_due > :now)
            """,
            program=rules.program_id,
            version=rules.version,
            now=now,
        ).members
        if behind:
            count += int(behind)
            since.append(rules.valid_from)
    return count, min(since, default=None)


def _in_force(tx: Tx, *, now: datetime) -> Sequence[Row[Any]]:
    """Each program's version in force, and since when: asked first, so that members are looked for by plain values."""
    return sql.every(
        tx,
        """
        SELECT DISTINCT ON (program_id) program_id, version, valid_from FROM program_versions
        WHERE valid_from <= :now ORDER BY program_id, version DESC
        """,
        now=now,
    )


def add_consent(
    tx: Tx,
    member_id: UUID,
    *,
    kind: str,
    granted: bool,
    terms_version: str,
    channel: str,
    at: datetime,
) -> None:
    """Record that a member gave or withdrew a consent."""
    sql.run(
        tx,
        """
        INSERT INTO consents (id, member_id, kind, granted, terms_version, channel, at)
        VALUES (:id, :member, :kind, :granted, :version, :channel, :at)
        """,
        id=new_id(),
        member=member_id,
        kind=kind,
        granted=granted,
        version=terms_version,
        channel=channel,
        at=at,
    )


def consents(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Consents given or withdrawn, the newest first."""
    return sql.every(
        tx,
        """
        SELECT id, kind, granted, terms_version, channel, at FROM consents
        WHERE member_id = :member AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,
        member=member_id,
        before=before,
        limit=limit,
    )


# ── Devices ──────────────────────────────────────────────────────────────────────────────────────────────────────


def add_device(
    tx: Tx,
    program_id: str,
    member_id: UUID,
    *,
    token: str,
    platform: str,
    app_version: str | None,
    now: datetime,
) -> tuple[UUID, bool]:
    """Register a phone's FCM token; a token moves to the member who registered it last. Its id, and if it is new."""
    row = sql.one(
        tx,
        """
        INSERT INTO devices (id, program_id, member_id, fcm_token, platform, app_version, created_at)
        VALUES (:id, :program, :member, :token, :platform, :version, :now)
        ON CONFLICT (program_id, fcm_token) DO UPDATE
        SET member_id = excluded.member_id, platform = excluded.platform, app_version = excluded.app_version,
            forgotten_at = NULL
        RETURNING id, created_at = :now AND member_id = :member AND xmax = 0 AS is_new
        """,
        id=new_id(),
        program=program_id,
        member=member_id,
        token=token,
        platform=platform,
        version=app_version,
        now=now,
    )
    return row.id, row.is_new


def remove_device(tx: Tx, member_id: UUID, device_id: UUID) -> bool:
    """Forget a member's phone; whether there was one."""
    row = sql.first(
        tx,
        "DELETE FROM devices WHERE id = :id AND member_id = :member RETURNING id",
        id=device_id,
        member=member_id,
    )
    return row is not None
