"""What members see of themselves: profile, standing, rewards, and the lists of all that happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from wallet_api.domain import calendar, errors, tiers
from wallet_api.domain.definition import TierScheme
from wallet_api.domain.state import Standing
from wallet_api.domain.tiers import Progress
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.as_of import as_of
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import member_now
from wallet_api.services.load_member import Loaded
from wallet_api.services.present import Json
from wallet_api.store import cards, members, transactions
from wallet_api.store.session import Tx


def profile(app: App, tx: Tx, member_id: UUID) -> Json:
    """Who the member is, and where they stand now."""
    return _profile(tx, load_member.as_of_now(app, tx, member_id, now=app.clock.now()))


def _profile(tx: Tx, member: Loaded) -> Json:
    person, words = members.profile(tx, member.row.id), Explainer(member.definition, member.row.locale)
    return {
        "id": person.id,
        "program": person.program_id,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "phone": person.phone,
        "birth_date": person.birth_date,
        "locale": person.locale,
        "time_zone": person.time_zone,
        "joined_at": person.joined_at,
        "balances": present.balances(member.definition, member.state),
        "tier": present.tier(member.definition, member.state, words),
        "membership": present.membership(member.definition, member.state, words),
    }


def for_manager(app: App, tx: Tx, member_id: UUID, *, program: str, at: datetime | None) -> Json:
    """The same for a manager, with status and card; `at` shows how the member stood at that moment.

    One who was merged shows as whom they are now. Raises NotFound (before they were a member, too), InTheFuture.
    """
    survivor = member_now(tx, member_id, program=program)
    card, now = cards.of_member(tx, survivor), app.clock.now()
    stood = as_of(app, tx, survivor, at=at) if at else load_member.as_of_now(app, tx, survivor, now=now)
    return {
        **_profile(tx, stood),
        "status": members.profile(tx, survivor).status,
        "card": {"number": card.number, "status": card.status} if card else None,
    }


def standing(app: App, tx: Tx, member_id: UUID) -> Json:
    """The tier, why and until when it is held, and what is missing for the next. NotFound in a program without tiers."""
    now = app.clock.now()
    member = load_member.up_to_date(app, tx, member_id, now=now)
    today = calendar.local_day(now, member.definition.time_zone)
    scheme, held = member.definition.tiers, member.state.standing
    progress = tiers.progress(member.definition, member.state, today=today)
    if scheme is None or held is None or progress is None:
        raise errors.NotFound(what="tier")
    words = Explainer(member.definition, member.row.locale)
    change = transactions.last_tier_change(tx, member_id)
    return {
        **(present.tier(member.definition, member.state, words) or {}),
        "why": words.standing(held, change.reason if change else {}),
        "measure": scheme.measure,
        "period": {"first": progress.first, "last": progress.last},
        "value": progress.value,
        "next": _next(scheme, words, progress),
        "keep": _keep(scheme, words, progress, held),
    }


def rewards(app: App, tx: Tx, member_id: UUID) -> list[Json]:
    """The reward list: what the member can have now, and what is missing for the rest."""
    member, words = _now(app, tx, member_id)
    return present.rewards_for(member.definition, member.state, words, now=app.clock.now())


def challenges(app: App, tx: Tx, member_id: UUID) -> list[Json]:
    """The program's challenges: the goal, how far the member is, and the badge once it is theirs."""
    member, words = _now(app, tx, member_id)
    today = calendar.local_day(app.clock.now(), member.definition.time_zone)
    definition = member.definition
    return [present.challenge(definition, item, member.state, words, today=today) for item in definition.challenges]


def entries(app: App, tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> list[Json]:
    """The ledger, the newest entry first, each with its reason in the member's language and its link of the chain."""
    member = load_member.up_to_date(app, tx, member_id, now=app.clock.now())
    words = Explainer(member.definition, member.row.locale)
    return [
        {
            "id": row.id,
            "unit": row.unit,
            "kind": row.kind,
            "amount": row.amount,
            "occurred_at": row.occurred_at,
            "recorded_at": row.recorded_at,
            "source_id": row.source_id,
            "rule": row.rule,
            "reverses": row.reverses,
            "why": words.entry(
                kind=row.kind,
                rule=row.rule,
                unit=row.unit,
                amount=row.amount,
                why=row.why,
                usable_at=row.usable_at,
            ),
            "position": row.position,
            "hash": bytes(row.hash).hex(),
        }
        for row in transactions.entries_of_member(tx, member_id, before=before, limit=limit)
    ]


def purchases(app: App, tx: Tx, member_id: UUID, *, program: str, before: UUID | None, limit: int) -> list[Json]:
    """Sales and returns, the newest first."""
    return [
        {
            "id": row.id,
            "type": row.type,
            "location": _place(app, tx, row.location_id, program=program),
            "external_id": row.external_id,
            "occurred_at": row.occurred_at,
            "currency": row.currency,
            "amount": row.amount,
            "paid": row.paid,
            "sale_id": row.sale_id,
        }
        for row in transactions.of_member(tx, member_id, before=before, limit=limit)
    ]


def vouchers(app: App, tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> list[Json]:
    """Vouchers, the newest first, whatever became of them."""
    member = load_member.up_to_date(app, tx, member_id, now=app.clock.now())
    words = Explainer(member.definition, member.row.locale)
    rows = transactions.vouchers_of_member(tx, member_id, before=before, limit=limit)
    return [_voucher(row, words) for row in rows]


def voucher(app: App, tx: Tx, member_id: UUID, voucher_id: UUID) -> Json:
    """One voucher; NotFound for one that is not this member's."""
    member = load_member.up_to_date(app, tx, member_id, now=app.clock.now())
    row = transactions.voucher_of_member(tx, member_id, voucher_id)
    if row is None:
        raise errors.NotFound(what="voucher")
    return _voucher(row, Explainer(member.definition, member.row.locale))


def consents(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> list[Json]:
    """Every consent given or withdrawn, the newest first: the first of a kind is the one in force."""
    return [dict(row._mapping) for row in members.consents(tx, member_id, before=before, limit=limit)]


def _now(app: App, tx: Tx, member_id: UUID) -> tuple[Loaded, Explainer]:
    member = load_member.as_of_now(app, tx, member_id, now=app.clock.now())
    return member, Explainer(member.definition, member.row.locale)


def _next(scheme: TierScheme, words: Explainer, progress: Progress) -> Json | None:
    above = progress.next
    if above is None:
        return None
    return {
        "id": above.id,
        "name": words.tier(above.id),
        "threshold": above.threshold,
        "missing": progress.missing,
        "until": progress.until,
        "why": words.next_tier(scheme.measure, progress),
    }


def _keep(scheme: TierScheme, words: Explainer, progress: Progress, held: Standing) -> Json | None:
    if progress.to_keep is None:
        return None
    return {
        "missing": progress.to_keep,
        "until": held.until,
        "why": words.keeping(scheme.measure, progress, held),
    }


def _place(app: App, tx: Tx, location_id: UUID, *, program: str) -> Json:
    place = app.location(tx, location_id, program=program)
    return {"id": place.id, "name": place.name}


def _voucher(row: Any, words: Explainer) -> Json:
    return {**row._mapping, "name": words.reward(row.reward)}
