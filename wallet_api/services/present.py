"""What callers see of a member: plain values, ready for JSON."""

from __future__ import annotations

from datetime import date, datetime

from wallet_api.domain import calendar
from wallet_api.domain.decision import Decision
from wallet_api.domain.definition import Definition, FreeItem, MoneyOff, PercentOff, Reward, Units
from wallet_api.domain.state import MemberState, Voucher, VoucherStatus
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
            "pending": 0,
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
    scheme, held = definition.tiers, state.standing
    if scheme is None or held is None or (above := scheme.next_after(held.tier)) is None:
        return None
    value = state.total(scheme.measure, first=date(today.year, 1, 1), last=date(today.year, 12, 31))
    return {"id": above.id, "missing": max(0, above.threshold - value)}


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


def earned(decision: Decision, words: Explainer) -> list[Json]:
    """What each rule gave, nothing included, and why."""
    return [
        {
            "unit": item.unit,
            "amount": item.amount,
            "rule": item.rule,
            "why": words.earning(rule=item.rule, unit=item.unit, amount=item.amount, why=item.why),
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
    """An item of the reward list."""
    return {
        "id": item.id,
        "name": words.reward(item.id),
        "price": {"unit": item.price.unit, "amount": item.price.amount},
        "gives": gives(item, words),
    }


def gives(item: Reward, words: Explainer) -> str:
    """What a reward gives, in words."""
    match item.gives:
        case MoneyOff(amount=amount):
            return words.money(amount)
        case PercentOff(share=share):
            return words.percent(share)
        case Units(unit=unit, amount=amount):
            return words.units(unit, amount)
        case FreeItem(item=what):
            return words.text(what)


def rewards_for(definition: Definition, state: MemberState, words: Explainer) -> list[Json]:
    """The reward list as one member sees it: which they can have now, and what is missing for the others."""
    held = state.standing.tier if state.standing else None
    seen: list[Json] = []
    for item in definition.rewards.values():
        missing = max(0, item.price.amount - state.available(item.price.unit))
        eligible = not item.tiers or held in item.tiers
        seen.append(
            {
                **reward(item, words),
                "available": eligible and missing == 0,
                "missing": {"unit": item.price.unit, "amount": missing} if missing else None,
                "tiers": sorted(item.tiers),
            }
        )
    return seen


def unlocked(definition: Definition, decision: Decision) -> list[str]:
    """The rewards that an event has brought within reach."""
    return [
        item.id
        for item in definition.rewards.values()
        if decision.before.available(item.price.unit) < item.price.amount <= decision.after.available(item.price.unit)
    ]


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
        "valid_until": item.valid_until,
    }


def usable_vouchers(state: MemberState, words: Explainer) -> list[Json]:
    """The vouchers that can be used now."""
    return [voucher(item, words) for item in state.vouchers.values() if item.status is VoucherStatus.ISSUED]
