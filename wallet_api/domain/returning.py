"""A return: what its goods earned is taken back, what paid for them is given back, and periods are worked out again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor

from wallet_api.domain import benefits, calendar, crediting, earning, errors, standing
from wallet_api.domain.benefits import Status
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import EarningRule, EventKind, Period, Promotion, Rate, RateByTier, ReturnTerms
from wallet_api.domain.earning import Basket, Scene
from wallet_api.domain.events import EarnedEntry, Line, RecordedSale, Return, SpentEntry
from wallet_api.domain.money import half_up
from wallet_api.domain.occasions import cap_period, carry_key, purchases
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.state import VoucherStatus

LIFETIME = "lifetime"
WORN = "count:worn"
"""Under what worn pieces are counted by year, apart from rules."""


def take_back(posting: Posting, event: Return) -> Outcome:
    """Post a return; refuses what is too late, may not come back, or is more than was sold."""
    sale = event.sale
    kept = _kept_after(event)
    before = _basket(sale, sale.kept)
    rest = _basket(sale, kept)
    sale_day = calendar.local_day(sale.occurred_at, posting.definition.time_zone)
    _check_terms(posting, event, before, rest, sale_day)
    scene = _scene(posting, sale, sale_day)
    _reverse_earnings(posting, event, rest, scene)
    _reverse_carried(posting, event, before, rest, scene)
    _cancel_vouchers(posting, sale, rest, scene)
    _give_back_units(posting, event, kept)
    state = posting.state
    _lower_measures(posting, before, rest, scene)
    standing.count_what_is_left(posting, sale, sale_day, at=event.occurred_at, before=state)
    if not any(kept):
        if scene.partner is None:
            posting.measure("orders", sale_day, -1)
        if _basket(sale, (Fraction(1),) * len(sale.lines)).merchandise > 0:
            posting.count(*purchases(scene.partner), units=0, times=-1)
        _reissue_vouchers(posting, sale)
    crediting.reckon_again(posting, sale_day, at=event.occurred_at, source_id=event.id)
    given_back = half_up(
        sum((net * (1 - part) for net, part in zip(sale.net, kept, strict=True)), Fraction()),
    )
    refund = given_back - sale.refunded
    _tell_of_reversals(posting)
    posting.tell("transaction_returned", sale=str(sale.id), refund=refund)
    return Outcome(net=sale.net, kept=kept, refund=refund, by_units=sale.by_units, free=sale.free)


# ── What comes back ──────────────────────────────────────────────────────────────────────────────────────────────


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
    if not any(part for part, line in zip(kept, sale.lines, strict=True) if line.amount):
        return tuple(Fraction(0) for _ in kept)  # what cost nothing goes back with the last that cost something
    return tuple(kept)


def _check_terms(posting: Posting, event: Return, before: Basket, rest: Basket, sale_day: date) -> None:
    """Whether the sale's own terms let its goods come back now."""
    sale = event.sale
    terms = benefits.return_terms(sale.definition, Status(tier=sale.tier, membership=sale.membership))
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
    if terms is None:
        if event.is_worn:
            raise errors.NotReturnable()
        return
    if terms.is_refused:
        raise errors.NotReturnable()
    if event.is_worn:
        _check_worn(posting, terms, _pieces(before, rest), sale_day=sale_day, day=day)
    if terms.days is not None and day > (last := sale_day + timedelta(days=terms.days)):
        raise errors.ReturnPeriodOver(last_day=last)


def _check_worn(posting: Posting, terms: ReturnTerms, pieces: int, *, sale_day: date, day: date) -> None:
    year = f"{day:%Y}"
    if terms.worn_days is None or day > sale_day + timedelta(days=terms.worn_days):
        raise errors.NotReturnable()
    if posting.state.counted(WORN, year).times + pieces > terms.worn_items_per_year:
        raise errors.NotReturnable()
    posting.count(WORN, year, units=0, times=pieces)


def _pieces(before: Basket, rest: Basket) -> int:
    """How many pieces come back; a part of a line is a piece."""
    rows = zip(before.lines, before.kept, rest.kept, strict=True)
    return sum(ceil(line.quantity * (had - stays)) for line, had, stays in rows)


# ── Taking back and giving back ──────────────────────────────────────────────────────────────────────────────────


def _reverse_earnings(posting: Posting, event: Return, rest: Basket, scene: Scene) -> None:
    """Take back what the sale earned less what its rest would earn, rule by rule."""
    stays_by_rule = _rest_earns(event.sale, rest, scene)
    for earned in event.sale.earned:
        if _carries(event.sale, earned.rule):
            continue
        stays = min(earned.left, stays_by_rule.get(earned.rule, 0))
        if amount := earned.left - stays:
            _reverse(posting, event, earned, amount, scene, why={"earned": earned.left, "rest_earns": stays})


def _reverse(
    posting: Posting, event: Return, earned: EarnedEntry, amount: int, scene: Scene, *, why: dict[str, object]
) -> None:
    pending = sum(
        lot.left
        for lot in posting.state.lots.values()
        if lot.unit == earned.unit and lot.source_id == event.sale.id and lot.usable_at is not None
    )
    posting.take_back(
        earned.unit,
        amount,
        at=event.occurred_at,
        source_id=event.id,
        reverses=earned.entry_id,
        of=event.sale.id,
        rule=earned.rule,
        why=why,
    )
    unit = posting.definition.units.get(earned.unit)
    on_return_day = unit is not None and unit.taken_back_on_return_day
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone) if on_return_day else scene.day
    posting.measure(f"earned:{earned.unit}", day, -amount)
    posting.measure_usable(earned.unit, scene.day, -max(0, amount - pending))
    _give_cap_back(posting, event.sale, earned, amount, scene.day)


def _give_cap_back(posting: Posting, sale: RecordedSale, earned: EarnedEntry, amount: int, day: date) -> None:
    """What has been taken back counts towards no limit; an earning that is gone is no longer one of so many times."""
    rule = next((each for each in sale.definition.earning if each.id == earned.rule), None)
    if rule is None or rule.cap is None or rule.cap.per is Period.TRANSACTION:
        return
    key = (rule.cap.name or rule.id, cap_period(rule, rule.cap, day))
    if key in posting.state.counts:  # else that period is over, and nobody asks any more
        posting.count(*key, units=-amount, times=-1 if amount == earned.left else 0)


def _rest_earns(sale: RecordedSale, basket: Basket, scene: Scene) -> dict[str, int]:
    """What a sale's rest earns, by rule: by the rules of its time, with the promotions that it had."""
    if not any(basket.kept):
        return {}
    earned = earning.for_sale(sale.definition, basket, scene, promotions=_promotions_of(sale))
    return {item.rule: item.amount for item in earned}


def _promotions_of(sale: RecordedSale) -> list[Promotion]:
    had = frozenset[str]().union(*(earned.promotions for earned in sale.earned))
    return [promotion for promotion in sale.definition.promotions if promotion.id in had]


def _carries(sale: RecordedSale, rule_id: str) -> bool:
    return any(rule.id == rule_id and rule.carries for rule in sale.definition.earning)


def _reverse_carried(posting: Posting, event: Return, before: Basket, rest: Basket, scene: Scene) -> None:
    """Rules that carry what rounding leaves earn on the sum of all purchases: take out of that what comes back."""
    sale, promotions = event.sale, _promotions_of(event.sale)
    for rule in sale.definition.earning:
        if not rule.carries or rule.on is not EventKind.SALE or not earning.meets(rule.where, scene):
            continue
        rate = _rate(rule, sale.tier)
        if rate is None:
            continue
        mine = [promotion for promotion in promotions if promotion.unit == rule.unit]
        base = before.base(rule.where, mine) - rest.base(rule.where, mine)
        key = carry_key(rule)
        carried = posting.state.counted(*key).units
        left = Fraction(carried, rate.per * earning.PARTS) - rate.exact(1) * base
        blocks = max(0, ceil(-left))
        posting.count(*key, units=round((left + blocks) * rate.per * earning.PARTS) - carried, times=0)
        own = [earned for earned in sale.earned if earned.rule == rule.id]
        for earned in own:
            amount = min(blocks, earned.left)
            if amount:
                _reverse(posting, event, earned, amount, scene, why={"earned": earned.left, "carried": True})
            blocks -= amount
        if blocks:  # a later purchase had made the block full
            posting.take_back(
                rule.unit,
                blocks,
                at=event.occurred_at,
                source_id=event.id,
                reverses=None,
                of=sale.id,
                rule=rule.id,
                why={"carried": True},
            )
            day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
            posting.measure(f"earned:{rule.unit}", day, -blocks)


def _rate(rule: EarningRule, tier: str | None) -> Rate | None:
    rate = rule.amount.rates.get(tier or "") if isinstance(rule.amount, RateByTier) else rule.amount
    return rate if isinstance(rate, Rate) else None


def _give_back_units(posting: Posting, event: Return, kept: tuple[Fraction, ...]) -> None:
    """Units that paid for what comes back return to their lots, in proportion; where the program gives them back."""
    sale = event.sale
    whole = sum(sale.by_units)
    if not whole:
        return
    returned = sum((units * (1 - part) for units, part in zip(sale.by_units, kept, strict=True)), Fraction())
    for spent in sale.spent:
        unit = sale.definition.units.get(spent.unit)
        if unit is None or unit.worth is None or not unit.worth.given_back:
            continue
        amount = min(spent.left, _owed(spent, returned / whole))
        if amount > 0:
            posting.give_back_spent(spent, amount, at=event.occurred_at, source_id=event.id)


def _owed(spent: SpentEntry, share: Fraction) -> int:
    """What a returned share gives back beyond what earlier returns gave."""
    return half_up(spent.amount * share) - (spent.amount - spent.left)


def _lower_measures(posting: Posting, before: Basket, rest: Basket, scene: Scene) -> None:
    if scene.partner is None:
        posting.measure("spend", scene.day, floor(rest.merchandise) - floor(before.merchandise))
    for credit in posting.definition.credits:
        had, stays = crediting.counted(credit, before, scene), crediting.counted(credit, rest, scene)
        posting.measure(credit.measure, scene.day, floor(stays) - floor(had))


def _cancel_vouchers(posting: Posting, sale: RecordedSale, rest: Basket, scene: Scene) -> None:
    """Vouchers that the sale gave and its rest does not earn end, as far as they have not been used."""
    stays = _rest_earns(sale, rest, scene)
    for rule in sale.definition.earning:
        if rule.reward is None or rule.on is not EventKind.SALE:
            continue
        given = [
            voucher
            for voucher in posting.state.vouchers.values()
            if voucher.reward == rule.reward
            and voucher.issued_at == sale.occurred_at
            and voucher.status is VoucherStatus.ISSUED
        ]
        for voucher in given[stays.get(rule.id, 0) :]:
            posting.set_voucher(replace(voucher, status=VoucherStatus.CANCELLED))


def _reissue_vouchers(posting: Posting, sale: RecordedSale) -> None:
    """A whole return gives the vouchers back with their old end; what has ended meanwhile stays ended."""
    for voucher_id in sale.voucher_ids:
        posting.set_voucher(replace(posting.state.vouchers[voucher_id], status=VoucherStatus.ISSUED))


def _basket(sale: RecordedSale, kept: tuple[Fraction, ...]) -> Basket:
    return Basket(lines=sale.lines, net=sale.net, kept=kept, by_units=sale.by_units, free=sale.free)


def _scene(posting: Posting, sale: RecordedSale, day: date) -> Scene:
    """The scene of the sale, as far as a return has to know it: its promotions are known from its entries."""
    return Scene(
        day=day,
        tier=sale.tier,
        location=sale.location,
        birth_date=posting.state.birth_date,
        membership=sale.membership,
        partner=sale.definition.partner_at(sale.location),
        segments=frozenset(sale.definition.segments),
    )


def _tell_of_reversals(posting: Posting) -> None:
    totals: dict[str, int] = {}
    for entry in posting.entries:
        if entry.kind is EntryKind.REVERSAL and entry.amount < 0:
            totals[entry.unit] = totals.get(entry.unit, 0) - entry.amount
    for unit, amount in totals.items():
        posting.tell("points_returned", unit=unit, amount=amount, balance=posting.state.available(unit))
