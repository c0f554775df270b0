"""`decide`: everything that a program can do to a member goes through this one function.

It is pure and total: the same definition, state, event, time and ids give the same decision, or the same refusal.
A preview is `decide` without the write; an import is `decide` over a member's history; a journey is `decide` with a
clock that moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor
from uuid import UUID

from wallet_api.domain import calendar, earning, errors, tiers
from wallet_api.domain.decision import Decision, Discount, Earned, EntryKind
from wallet_api.domain.definition import (
    Definition,
    EventKind,
    MoneyOff,
    PercentOff,
    Price,
    Reward,
    Season,
    Units,
)
from wallet_api.domain.due import limit_key, post_due, release
from wallet_api.domain.earning import GIFT_CARD, Basket, Scene
from wallet_api.domain.events import (
    Activity,
    Adjust,
    Capture,
    CheckIn,
    Event,
    Hold,
    Join,
    Line,
    RecordedSale,
    Redeem,
    Release,
    Return,
    Sale,
    TimePasses,
)
from wallet_api.domain.money import half_up, split
from wallet_api.domain.posting import Posting
from wallet_api.domain.state import (
    Count,
    MemberState,
    Redemption,
    RedemptionStatus,
    Standing,
    Voucher,
    VoucherStatus,
)
from wallet_api.domain.voucher_code import voucher_code


def decide(
    definition: Definition,
    state: MemberState,
    event: Event,
    *,
    now: datetime,
    ids: Iterator[UUID],
) -> Decision:
    """What this event does to this member, after everything that time has brought by `now`.

    Raises a `Refusal` if the program does not allow it; then nothing is to be written.
    """
    posting = Posting(definition, state, ids)
    post_due(posting, now=now)
    outcome = _outcome(posting, event, now=now)
    # What an event of the past brings may be over by now: a lot that has expired, a voucher given back too late.
    post_due(posting, now=now)
    return posting.decision(
        net=outcome.net, kept=outcome.kept, paid=outcome.paid, refund=outcome.refund, tier=outcome.tier
    )


def _outcome(posting: Posting, event: Event, *, now: datetime) -> Decision:  # noqa: C901 one case for each kind of event
    match event:
        case TimePasses():
            return posting.decision()
        case Join():
            return _join(posting, event)
        case Sale():
            return _sale(posting, event, now=now)
        case Return():
            return _return(posting, event)
        case CheckIn():
            return _check_in(posting, event, now=now)
        case Activity():
            return _activity(posting, event, now=now)
        case Redeem():
            return _redeem(posting, event)
        case Hold():
            return _hold(posting, event)
        case Capture():
            return _capture(posting, event)
        case Release():
            return _release(posting, event)
        case Adjust():
            return _adjust(posting, event)


def _join(posting: Posting, event: Join) -> Decision:
    definition = posting.definition
    if definition.tiers:
        standing = tiers.starting(definition.tiers, today=_day(posting, event.occurred_at))
        posting.stand(standing, at=event.occurred_at, reason={"because": "joined"})
    for earned in earning.for_event(definition, EventKind.JOIN, _scene(posting, event.occurred_at)):
        posting.earn(earned, at=event.occurred_at, source_id=event.id, kind=EntryKind.BONUS)
    posting.tell("welcome")
    return posting.decision()


def _sale(posting: Posting, event: Sale, *, now: datetime) -> Decision:
    definition, day = posting.definition, _day(posting, event.occurred_at)
    if event.pay_with:
        raise errors.NotEligible()  # a definition cannot say yet what a unit is worth in money
    used = _use_vouchers(posting, event)
    net = _net(event.lines, off=sum(discount.amount for discount in used))
    basket = Basket(lines=event.lines, net=net, kept=[Fraction(1)] * len(net))
    tier, scene = _tier(posting), _scene(posting, event.occurred_at, location=event.location)
    for earned in earning.for_sale(definition, basket, scene):
        posting.earn(_under_cap(posting, earned, day), at=event.occurred_at, source_id=event.id)
    posting.measure("spend", day, floor(basket.merchandise))
    posting.measure("orders", day, 1)
    _tell_of_earnings(posting, source_id=event.id)
    _promote(posting, at=event.occurred_at, now=now)
    _convert(posting, at=event.occurred_at)
    return posting.decision(net=tuple(net), kept=(Fraction(1),) * len(net), paid=sum(net), tier=tier)


def _return(posting: Posting, event: Return) -> Decision:
    sale = event.sale
    kept = _kept_after(event)
    before = Basket(lines=sale.lines, net=sale.net, kept=sale.kept)
    rest = Basket(lines=sale.lines, net=sale.net, kept=kept)
    is_whole = not any(kept)
    _reverse_earnings(posting, event, rest)
    day = _day(posting, sale.occurred_at)
    posting.measure("spend", day, floor(rest.merchandise) - floor(before.merchandise))
    if is_whole:
        posting.measure("orders", day, -1)
        _reissue_vouchers(posting, sale)
    given_back = half_up(
        sum(
            (net * (1 - part) for net, part in zip(sale.net, kept, strict=True)),
            Fraction(),
        )
    )
    _tell_of_reversals(posting)
    posting.tell("transaction_returned", sale=str(sale.id), refund=given_back - sale.refunded)
    return posting.decision(net=sale.net, kept=kept, refund=given_back - sale.refunded)


def _check_in(posting: Posting, event: CheckIn, *, now: datetime) -> Decision:
    day = _day(posting, event.occurred_at)
    scene = _scene(posting, event.occurred_at, location=event.location)
    for earned in earning.for_event(posting.definition, EventKind.CHECK_IN, scene):
        posting.earn(_under_cap(posting, earned, day), at=event.occurred_at, source_id=event.id)
    posting.measure("visits", day, 1)
    return _after_earning(posting, event.id, at=event.occurred_at, now=now)


def _activity(posting: Posting, event: Activity, *, now: datetime) -> Decision:
    day = _day(posting, event.occurred_at)
    scene = _scene(posting, event.occurred_at, fields=event.fields)
    for earned in earning.for_event(posting.definition, EventKind.ACTIVITY, scene, kind=event.kind):
        posting.earn(_under_cap(posting, earned, day), at=event.occurred_at, source_id=event.id)
    posting.measure(f"activity:{event.kind}", day, 1)
    return _after_earning(posting, event.id, at=event.occurred_at, now=now)


def _after_earning(posting: Posting, source_id: UUID, *, at: datetime, now: datetime) -> Decision:
    _tell_of_earnings(posting, source_id=source_id)
    _promote(posting, at=at, now=now)
    _convert(posting, at=at)
    return posting.decision()


def _redeem(posting: Posting, event: Redeem) -> Decision:
    reward = _affordable(posting, event)
    redemption, voucher = _exchange(posting, event, reward, kind=EntryKind.REDEEM)
    posting.set_redemption(replace(redemption, status=RedemptionStatus.CAPTURED))
    if isinstance(reward.gives, Units):
        _put_on_card(posting, reward.gives, redemption, at=event.occurred_at)
        voucher = replace(voucher, status=VoucherStatus.REDEEMED)
    posting.set_voucher(voucher)
    _tell_of_redemption(posting, redemption)
    return posting.decision()


def _hold(posting: Posting, event: Hold) -> Decision:
    reward = _affordable(posting, event)
    redemption, voucher = _exchange(posting, event, reward, kind=EntryKind.HOLD)
    posting.set_redemption(replace(redemption, hold_expires_at=event.expires_at))
    posting.set_voucher(replace(voucher, status=VoucherStatus.RESERVED))
    posting.tell("card_changed")
    return posting.decision()


def _capture(posting: Posting, event: Capture) -> Decision:
    redemption = posting.state.redemptions[event.redemption_id]
    if redemption.status is RedemptionStatus.CAPTURED:
        return posting.decision()
    if redemption.status is not RedemptionStatus.HELD:
        raise (errors.HoldExpired() if redemption.status is RedemptionStatus.EXPIRED else errors.AlreadyReleased())
    posting.settle(redemption, at=event.occurred_at)
    reward = posting.definition.rewards.get(redemption.reward)
    if reward and isinstance(reward.gives, Units):
        _put_on_card(posting, reward.gives, redemption, at=event.occurred_at)
    posting.set_redemption(replace(redemption, status=RedemptionStatus.CAPTURED))
    for voucher in posting.state.vouchers.values():
        if voucher.redemption_id == redemption.id:
            posting.set_voucher(replace(voucher, status=VoucherStatus.REDEEMED))
    _tell_of_redemption(posting, redemption)
    return posting.decision()


def _release(posting: Posting, event: Release) -> Decision:
    redemption = posting.state.redemptions[event.redemption_id]
    if redemption.status in {RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED}:
        return posting.decision()
    if redemption.status is RedemptionStatus.CAPTURED:
        raise errors.AlreadyCaptured()
    release(posting, redemption, at=event.occurred_at, status=RedemptionStatus.RELEASED)
    posting.tell("card_changed")
    return posting.decision()


def _adjust(posting: Posting, event: Adjust) -> Decision:
    posting.adjust(
        event.unit,
        event.amount,
        at=event.occurred_at,
        source_id=event.id,
        reason=event.reason,
    )
    posting.tell("card_changed")
    return posting.decision()


# ── Sales ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _use_vouchers(posting: Posting, event: Sale) -> list[Discount]:
    """Redeem the vouchers used on a sale; each takes its money off what the ones before it left."""
    open_by_code = {voucher.code: voucher for voucher in posting.state.vouchers.values()}
    merchandise = sum(line.amount for line in event.lines if GIFT_CARD not in line.tags)
    discounts: list[Discount] = []
    used: Counter[str] = Counter()
    for code in event.vouchers:
        voucher = open_by_code.pop(code, None)
        if voucher is None or voucher.status is not VoucherStatus.ISSUED:
            raise errors.VoucherNotFound(voucher=code)
        reward = _reward(posting.definition, voucher.reward)
        if merchandise < reward.needs_purchase_of:
            raise errors.MinimumNotReached(minimum=reward.needs_purchase_of, have=merchandise)
        if reward.per_sale is not None and used[reward.id] >= reward.per_sale:
            raise errors.LimitReached(limit=reward.per_sale)
        used[reward.id] += 1
        left = merchandise - sum(discount.amount for discount in discounts)
        off = _money_off(reward, left) * voucher.quantity
        discount = Discount(voucher_id=voucher.id, reward=reward.id, amount=min(off, left))
        discounts.append(discount)
        posting.discount(discount)
        posting.set_voucher(replace(voucher, status=VoucherStatus.REDEEMED))
    return discounts


def _money_off(reward: Reward, merchandise: int) -> int:
    """What one voucher for a reward takes off so much merchandise, in minor units."""
    match reward.gives:
        case MoneyOff(amount=amount):
            return amount
        case PercentOff(share=share):
            return half_up(merchandise * share)
        case _:
            return 0


def _net(lines: tuple[Line, ...], *, off: int) -> list[int]:
    """What each line costs once a discount on the order has been spread over its merchandise."""
    merchandise = [0 if GIFT_CARD in line.tags else line.amount for line in lines]
    return [line.amount - part for line, part in zip(lines, split(off, merchandise), strict=True)]


def _scene(
    posting: Posting, at: datetime, *, location: str | None = None, fields: earning.Fields | None = None
) -> Scene:
    """What the conditions of rules look at for an event of this member now."""
    state, day = posting.state, _day(posting, at)
    before = day - timedelta(days=1)
    return Scene(
        day=day,
        tier=_tier(posting),
        location=location,
        birth_date=state.birth_date,
        is_first_in_month=state.total("orders", first=day.replace(day=1), last=day) == 0,
        fields=fields or {},
        streak=calendar.streak(state.measures.get("visits", {}), today=before) + 1,
    )


def _under_cap(posting: Posting, earned: Earned, day: date) -> Earned:
    rule = earning.rule_of(posting.definition, earned.rule)
    if rule.cap is None:
        return earned
    name, period = rule.cap.name or rule.id, calendar.period_key(rule.cap.per, day)
    capped = earning.under_cap(earned, rule.cap, posting.state.counts.get((name, period), Count()))
    if rule.refuses and "cap" in capped.why:
        raise errors.AlreadyCheckedIn() if rule.on is EventKind.CHECK_IN else errors.LimitReached(limit=rule.cap.times)
    if capped.amount:
        posting.count(name, period, units=capped.amount)
    return capped


def _convert(posting: Posting, *, at: datetime) -> None:
    """Turn every full block of a unit that converts by itself into a voucher of its own."""
    for unit in posting.definition.units.values():
        if unit.converts_every is None or unit.converts_into is None:
            continue
        while posting.state.available(unit.id) >= unit.converts_every:
            reward = _reward(posting.definition, unit.converts_into)
            made_at = Redeem(id=posting.next_id(), occurred_at=at, reward=reward.id, quantity=1, voucher_code="")
            price = replace(reward, price=Price(unit=unit.id, amount=unit.converts_every))
            redemption, voucher = _exchange(posting, made_at, price, kind=EntryKind.REDEEM)
            posting.set_redemption(replace(redemption, status=RedemptionStatus.CAPTURED))
            posting.set_voucher(replace(voucher, code=voucher_code(voucher.id)))
            _tell_of_redemption(posting, redemption)


def _promote(posting: Posting, *, at: datetime, now: datetime) -> None:
    """A threshold reached is reached at the moment of the event; time alone lowers a tier.

    What counts are the years still valid now: an event of long ago gives no tier that has ended since.
    """
    scheme = posting.definition.tiers
    if scheme is None:
        return
    earned = tiers.earned_by(scheme, posting.state, today=_day(posting, max(at, now)))
    held = posting.state.standing
    if tiers.is_above(scheme, earned.level, held):
        posting.stand(
            Standing(tier=earned.level.id, since=_day(posting, at), until=earned.until),
            at=at,
            reason={
                "because": "reached",
                "measure": scheme.measure,
                "value": earned.value,
                "year": earned.year,
            },
        )
        posting.tell("tier_upgraded", previous=held.tier if held else None, tier=earned.level.id)


# ── Returns ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _kept_after(event: Return) -> tuple[Fraction, ...]:
    """The part of each line that stays with the member."""
    sale = event.sale
    if not any(sale.kept):
        raise errors.ReturnExceedsSale(left=0, asked=event.amount or sum(line.amount for line in event.lines))
    if event.lines:
        return _kept_of_lines(sale, event.lines)
    left = sum(
        (line.amount * kept for line, kept in zip(sale.lines, sale.kept, strict=True)),
        Fraction(),
    )
    asked = left if event.amount is None else Fraction(event.amount)
    if asked > left:
        raise errors.ReturnExceedsSale(left=floor(left), asked=floor(asked))
    share = 1 - asked / left if left else Fraction(0)
    return tuple(kept * share for kept in sale.kept)


def _kept_of_lines(sale: RecordedSale, returned: tuple[Line, ...]) -> tuple[Fraction, ...]:
    kept = list(sale.kept)
    for back in returned:
        asked = Fraction(back.amount)
        for place, line in enumerate(sale.lines):
            if line.sku != back.sku or not line.amount:
                continue
            part = min(kept[place], asked / line.amount)
            kept[place] -= part
            asked -= part * line.amount
        if asked > 0:
            raise errors.ReturnExceedsSale(left=floor(back.amount - asked), asked=back.amount)
    return tuple(kept)


def _rest_earns(sale: RecordedSale, basket: Basket, *, day: date, birth_date: date | None) -> dict[str, int]:
    """What a sale's rest earns, by rule: by the rules of its time, with the promotions that it had."""
    if not any(basket.kept):
        return {}
    had = frozenset[str]().union(*(earned.promotions for earned in sale.earned))
    promotions = [promotion for promotion in sale.definition.promotions if promotion.id in had]
    scene = Scene(day=day, tier=sale.tier, location=sale.location, birth_date=birth_date)
    earned = earning.for_sale(sale.definition, basket, scene, promotions=promotions)
    return {item.rule: item.amount for item in earned}


def _reverse_earnings(posting: Posting, event: Return, basket: Basket) -> None:
    """Take back what the sale earned less what its rest would earn, rule by rule."""
    sale_day = _day(posting, event.sale.occurred_at)
    rest = _rest_earns(event.sale, basket, day=sale_day, birth_date=posting.state.birth_date)
    for earned in event.sale.earned:
        stays = min(earned.left, rest.get(earned.rule, 0))
        amount = earned.left - stays
        if amount <= 0:
            continue
        posting.take_back(
            earned.unit,
            amount,
            at=event.occurred_at,
            source_id=event.id,
            reverses=earned.entry_id,
            of=event.sale.id,
            rule=earned.rule,
            why={"earned": earned.left, "rest_earns": stays},
        )
        posting.measure(f"earned:{earned.unit}", sale_day, -amount)


def _reissue_vouchers(posting: Posting, sale: RecordedSale) -> None:
    """A whole return gives the vouchers back with their old end; what has ended meanwhile stays ended."""
    for voucher_id in sale.voucher_ids:
        posting.set_voucher(replace(posting.state.vouchers[voucher_id], status=VoucherStatus.ISSUED))


# ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _reward(definition: Definition, reward_id: str) -> Reward:
    if reward_id not in definition.rewards:
        raise errors.RewardNotFound(reward=reward_id)
    return definition.rewards[reward_id]


def _affordable(posting: Posting, event: Redeem | Hold) -> Reward:
    """The reward, if this member may have it now; of several reasons against it the first of PROGRAMS.md's order."""
    reward, day = _reward(posting.definition, event.reward), _day(posting, event.occurred_at)
    if reward.season is Season.BIRTHDAY_MONTH and not earning.is_birthday_month(posting.state.birth_date, day):
        raise errors.OutOfSeason()
    if reward.tiers and _tier(posting) not in reward.tiers:
        raise errors.NotEligible()
    if reward.limit is not None:
        so_far = posting.state.counts.get(limit_key(reward, reward.limit, day), Count())
        if so_far.times + event.quantity > reward.limit.times:
            raise errors.LimitReached(limit=reward.limit.times)
    have, need = posting.state.available(reward.price.unit), reward.price.amount * event.quantity
    if have < need:
        raise errors.InsufficientBalance(unit=reward.price.unit, have=have, need=need)
    return reward


def _put_on_card(posting: Posting, gives: Units, redemption: Redemption, *, at: datetime) -> None:
    """Give a reward that is units."""
    amount = gives.amount * redemption.quantity
    given = Earned(rule=redemption.reward, unit=gives.unit, amount=amount, why={})
    posting.earn(given, at=at, source_id=redemption.id, kind=EntryKind.BONUS)


def _exchange(posting: Posting, event: Redeem | Hold, reward: Reward, *, kind: EntryKind) -> tuple[Redemption, Voucher]:
    """Take the price out of the lots; the redemption (still held) and its voucher."""
    at, amount = event.occurred_at, reward.price.amount * event.quantity
    why = {"reward": reward.id, "quantity": event.quantity}
    takes = posting.spend(reward.price.unit, amount, kind=kind, at=at, source_id=event.id, why=why)
    if reward.limit is not None:
        posting.count(*limit_key(reward, reward.limit, _day(posting, at)), units=amount, times=event.quantity)
    redemption = Redemption(
        id=event.id,
        reward=reward.id,
        quantity=event.quantity,
        unit=reward.price.unit,
        amount=amount,
        takes=takes,
        status=RedemptionStatus.HELD,
        made_at=at,
        hold_expires_at=None,
    )
    voucher = Voucher(
        id=event.id,
        code=event.voucher_code,
        reward=reward.id,
        quantity=event.quantity,
        status=VoucherStatus.ISSUED,
        issued_at=at,
        valid_until=calendar.last_valid(_day(posting, at), reward.valid) if reward.valid else None,
        redemption_id=event.id,
    )
    return redemption, voucher


# ── What others are told ─────────────────────────────────────────────────────────────────────────────────────────


def _tell_of_earnings(posting: Posting, *, source_id: UUID) -> None:
    totals: dict[str, int] = {}
    for earned in posting.earned:
        totals[earned.unit] = totals.get(earned.unit, 0) + earned.amount
    for unit, amount in totals.items():
        if amount:
            balance = posting.state.available(unit)
            posting.tell(
                "points_earned",
                unit=unit,
                amount=amount,
                balance=balance,
                source=str(source_id),
            )


def _tell_of_reversals(posting: Posting) -> None:
    totals: dict[str, int] = {}
    for entry in posting.entries:
        if entry.kind is EntryKind.REVERSAL:
            totals[entry.unit] = totals.get(entry.unit, 0) - entry.amount
    for unit, amount in totals.items():
        posting.tell("points_returned", unit=unit, amount=amount, balance=posting.state.available(unit))


def _tell_of_redemption(posting: Posting, redemption: Redemption) -> None:
    posting.tell(
        "reward_redeemed",
        reward=redemption.reward,
        unit=redemption.unit,
        amount=redemption.amount,
        balance=posting.state.available(redemption.unit),
    )


def _tier(posting: Posting) -> str | None:
    return posting.state.standing.tier if posting.state.standing else None


def _day(posting: Posting, at: datetime) -> date:
    return calendar.local_day(at, posting.definition.time_zone)
