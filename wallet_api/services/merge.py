"""Two members are one person: everything of one goes to the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.domain import errors, merging
from wallet_api.domain.events import Release, TimePasses
from wallet_api.domain.merging import Merge
from wallet_api.domain.state import RedemptionStatus
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.present import Json
from wallet_api.store import decisions, locks, merges
from wallet_api.store.ids import fresh_ids, new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class MergeWish:
    """Which member goes, into which one, and why."""

    gone: UUID
    into: UUID
    reason: str


def merge_members(app: App, tx: Tx, wish: MergeWish, *, program: str) -> Json:
    """Move a member's units, vouchers, counts and cards to another member; once done, the same answer as at first.

    Raises NotFound where one of them is no member of the program any more, and Invalid for a member and themself.
    """
    now = app.clock.now()
    if wish.gone == wish.into:
        raise errors.Invalid(pointer="#/into", detail="A member cannot be merged into themself.")
    for member_id in sorted((wish.gone, wish.into)):
        if merges.survivor(tx, member_id, program_id=program) is None:
            raise errors.NotFound(what="member")
        locks.member(tx, member_id)
    # Read again under the locks: somebody else may have merged one of them meanwhile.
    if merges.survivor(tx, wish.into, program_id=program) != wish.into:
        raise errors.NotFound(what="member")
    known = merges.survivor(tx, wish.gone, program_id=program)
    if known not in (wish.gone, wish.into):
        raise errors.NotFound(what="member")
    if known == wish.gone:
        _merge(app, tx, wish, now=now)
    member = load_member.as_of_now(app, tx, wish.into, now=now)
    words = Explainer(member.definition, member.row.locale)
    return {
        **present.customer(member, member.state, words),
        "merged": wish.gone,
        "membership": present.membership(member.definition, member.state, words),
    }


def _merge(app: App, tx: Tx, wish: MergeWish, *, now: datetime) -> None:
    event = Merge(id=new_id(), occurred_at=now, reason=wish.reason)
    for member_id in (wish.gone, wish.into):
        member = load_member.locked(app, tx, member_id, at=now, now=now)
        load_member.post(tx, member, TimePasses(occurred_at=now), now=now)
    _release_holds(app, tx, wish.gone, now=now)
    gone = load_member.locked(app, tx, wish.gone, at=now, now=now)
    ended = merges.sessions(tx, wish.gone)
    merges.move(tx, kept=wish.into, gone=wish.gone)
    kept = load_member.locked(app, tx, wish.into, at=now, now=now)
    merged = merging.merge(kept.definition, kept.state, gone.state, event, ids=fresh_ids())
    decisions.write(tx, gone.row, gone.definition, merged.gone, now=now)
    decisions.write(tx, kept.row, kept.definition, merged.kept, now=now)
    merges.close(tx, kept=wish.into, gone=wish.gone, now=now)
    for session in ended:
        app.forget_session(session)


def _release_holds(app: App, tx: Tx, member_id: UUID, *, now: datetime) -> None:
    """What a till holds for the member who goes is given back: the cashier takes it again from the one who stays."""
    member = load_member.locked(app, tx, member_id, at=now, now=now)
    held = [each.id for each in member.state.redemptions.values() if each.status is RedemptionStatus.HELD]
    for redemption_id in held:
        load_member.post(tx, member, Release(redemption_id=redemption_id, occurred_at=now), now=now)
        member = load_member.locked(app, tx, member_id, at=now, now=now)
