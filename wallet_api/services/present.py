"""What callers see of a member: plain values, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import count
from uuid import UUID

from wallet_api.domain import calendar, challenges, errors, tiers
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision, Discount
from wallet_api.domain.definition import (
    Challenge,
    Definition,
    Donation,
    FreeItem,
    MoneyOff,
    PercentOff,
    Reward,
    Units,
)
from wallet_api.domain.events import Redeem
from wallet_api.domain.state import MemberState, Voucher
from wallet_api.services.explain import Explainer
from wallet_api.services.load_member import Loaded
from wallet_api.store.locks import MemberRow

Json = dict[str, object]


def balances(definition: Definition, state: MemberState) -> Json:
    """Each unit's figures, in smallest steps."""
    figures: Json = {}
    for unit in definition.units:
        expiry = state.next_expiry(unit)
        figures[unit] = {
            "available": state.available(unit),
            "pending": state.pending(unit),
            "lifetime": state.lifetime(unit),
            "next_expiry": {"at": expiry[0], "amount": expiry[1]} if expiry else None,
        }
    return figures


def tier(definition: Definition, state: MemberState, words: Explainer) -> Json | None:
    """The tier held; None in a program without tiers."""
    if definition.tiers is None or state.standing is None:
        return None
    held = state.standing
    return {
        "id": held.tier,
        "name": words.tier(held.tier),
        "since": held.since,
        "until": held.until,
    }


def next_tier(definition: Definition, state: MemberState, today: date) -> Json | None:
    """The next tier and what is missing for it (minor units or smallest steps); None at the top."""
    progress = tiers.progress(definition, state, today=today)
    if progress is None or progress.next is None:
        return None
    return {"id": progress.next.id, "missing": progress.missing}


def tier_after(definition: Definition, decision: Decision, *, at: datetime) -> Json | None:
    """The tier after an event: what it was before, and what is missing for the next."""
    held = decision.after.standing
    if definition.tiers is None or held is None:
        return None
    before = decision.before.standing
    today = calendar.local_day(at, definition.time_zone)
    return {
        "id": held.tier,
        "previous": before.tier if before else None,
        "next": next_tier(definition, decision.after, today),
    }


def membership(definition: Definition, state: MemberState, words: Explainer) -> Json | None:
    """A paid or verified membership; None in a program without any."""
    held, plan = state.membership, definition.plans.get(state.membership.plan or "")
    if not definition.plans and definition.verification is None:
        return None
    return {
        "status": held.status.value,
        "plan": {"id": plan.id, "name": words.text(plan.name), "fee": plan.fee} if plan else None,
        "until": held.until,
        "charge_on": held.charge_on,
        "is_cancelled": held.is_cancelled,
    }


def discounts(taken: Sequence[Discount]) -> list[Json]:
    """What vouchers and member prices took off; a member price has no voucher, and its own id for a reward's."""
    return [{"voucher_id": item.voucher_id, "reward": item.reward, "amount": item.amount} for item in taken]


def units_paid(definition: Definition, pay_with: Sequence[tuple[str, int]]) -> list[Json]:
    """Which units paid for a part, and how much money they were worth."""
    paid: list[Json] = []
    for unit, amount in pay_with:
        worth = definition.units[unit].worth
        paid.append({"unit": unit, "amount": amount, "money": worth.value(amount) if worth else 0})
    return paid


def earned(decision: Decision, words: Explainer) -> list[Json]:
    """What each rule gave, nothing included, and why; what is pending says from when on it can be used."""
    waits = {entry.rule: entry.usable_at for entry in decision.entries if entry.usable_at}
    return [
        {
            "unit": item.unit,
            "amount": item.amount,
            "rule": item.rule,
            "usable_at": (usable_at := waits.get(item.rule) if item.amount else None),
            "why": words.earning(rule=item.rule, unit=item.unit, amount=item.amount, why=item.why, usable_at=usable_at),
        }
        for item in decision.earned
    ]


def customer(member: Loaded, state: MemberState, words: Explainer) -> Json:
    """What a cashier sees of a member."""
    return {
        "id": member.row.id,
        "display_name": member.row.display_name,
        "tier": tier(member.definition, state, words),
        "balances": balances(member.definition, state),
    }


def who(row: MemberRow) -> Json:
    """The member that a till's answer is about."""
    return {"id": row.id, "display_name": row.display_name}


def reward(item: Reward, words: Explainer) -> Json:
    """An item of the reward list; a gift has no price."""
    return {
        "id": item.id,
        "name": words.reward(item.id),
        "price": {"unit": item.price.unit, "amount": item.price.amount} if item.price else None,
        "gives": gives(item, words),
    }


def gives(item: Reward, words: Explainer) -> str:
    """What a reward gives, in words."""
    match item.gives:
        case MoneyOff(amount=amount):
            return words.money(amount)
        case PercentOff() as off:
            return words.percent_off(off)
        case Units(unit=unit, amount=amount):
            return words.units(unit, amount)
        case FreeItem(item=what):
            return words.text(what)
        case Donation(cause=cause):
            return words.cause(cause)


def rewards_for(definition: Definition, state: MemberState, words: Explainer, *, now: datetime) -> list[Json]:
    """The reward list as one member sees it: which they can have now, and what is missing for the others."""
    seen: list[Json] = []
    for item in definition.rewards.values():
        missing = max(0, item.price.amount - state.available(item.price.unit)) if item.price else 0
        refusal = _refusal(definition, state, item, missing=missing, now=now)
        seen.append(
            {
                **reward(item, words),
                "available": refusal is None and missing == 0,
                "missing": {"unit": item.price.unit, "amount": missing} if item.price and missing else None,
                "tiers": sorted(item.tiers),
                "why": words.reward_missing(item, refusal=refusal, missing=missing),
            }
        )
    return seen


def _refusal(
    definition: Definition, state: MemberState, item: Reward, *, missing: int, now: datetime
) -> errors.Refusal | None:
    """How the engine would refuse a reward for another reason than the balance; None where it would not."""
    if item.tiers and state.tier not in item.tiers:
        return errors.NotEligible()
    if missing:  # what else stands in the way is said once there is enough
        return None
    wish = Redeem(id=UUID(int=0), occurred_at=now, reward=item.id, quantity=1, voucher_code="")
    try:
        decide(definition, state, wish, now=now, ids=(UUID(int=number) for number in count(1)))
    except errors.Refusal as refusal:
        return refusal
    return None


def unlocked(definition: Definition, decision: Decision) -> list[str]:
    """The rewards that an event has brought within reach."""
    before, after = decision.before, decision.after
    return [
        item.id
        for item in definition.rewards.values()
        if item.price and before.available(item.price.unit) < item.price.amount <= after.available(item.price.unit)
    ]


def challenge(definition: Definition, item: Challenge, state: MemberState, words: Explainer, *, today: date) -> Json:
    """A challenge as one member sees it; its badge says since when it is theirs."""
    return {
        "id": item.id,
        "name": words.text(item.name),
        "measure": item.measure,
        "goal": item.goal,
        "value": challenges.value_of(definition, state, item, day=today),
        "per": item.per.value,
        "days": {"first": item.days.first, "last": item.days.last} if item.days else None,
        "badge": item.badge,
        "earned_on": state.badges.get(item.badge) if item.badge else None,
        "rewards": [words.reward(reward) for reward in item.rewards],
        "units": {"unit": item.units.unit, "amount": item.units.amount} if item.units else None,
    }


def voucher(item: Voucher, words: Explainer) -> Json:
    """A voucher; its code is what the till scans or types."""
    return {
        "id": item.id,
        "code": item.code,
        "reward": item.reward,
        "name": words.reward(item.reward),
        "quantity": item.quantity,
        "status": item.status.value,
        "issued_at": item.issued_at,
        "valid_from": item.valid_from,
        "valid_until": item.valid_until,
    }


def codes(state: MemberState, redemption_id: UUID) -> list[str]:
    """The codes of all vouchers of one redemption: one for each piece, the first of them its voucher's own."""
    mine = [item for item in state.vouchers.values() if item.redemption_id == redemption_id]
    return [item.code for item in sorted(mine, key=lambda item: (item.id != redemption_id, item.id))]


def usable_vouchers(state: MemberState, words: Explainer, *, today: date) -> list[Json]:
    """The vouchers that can be used on this day."""
    return [voucher(item, words) for item in state.vouchers.values() if item.is_usable(today)]
