"""Running a program's worked examples through the real engine: the same services, a real database, a clock that moves.

What cannot be done at all (a return of a sale that was never made) is said of the step, and counts as a difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from wallet_api.clock import FixedClock
from wallet_api.domain import calendar, errors
from wallet_api.domain.definition import DayRange, Definition
from wallet_api.domain.events import Line, PlanAction, VerificationAction
from wallet_api.domain.money import half_up
from wallet_api.domain.state import MembershipStatus, MemberState, Voucher
from wallet_api.program_file.faults import did_you_mean, shown
from wallet_api.program_file.journeys import (
    AccessStep,
    ActivityStep,
    BasketStep,
    CampaignStep,
    CheckInStep,
    Expected,
    JoinStep,
    Journey,
    Person,
    PlanStep,
    QuoteStep,
    RedeemStep,
    ReturnedLine,
    ReturnStep,
    SaleStep,
    Step,
    VerificationStep,
    WaitStep,
)
from wallet_api.services import check_in, load_member, present, record_sale, redeem, return_sale
from wallet_api.services.access import AskAccess, may_buy
from wallet_api.services.app import App, Key
from wallet_api.services.create_key import create_key
from wallet_api.services.create_location import create_location
from wallet_api.services.enrol import Consents, enrol, join
from wallet_api.services.identify import GUEST, Till, Who
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.publish import publish
from wallet_api.services.quote_guest import quote_guest
from wallet_api.services.record_activity import RecordActivity, record_activity
from wallet_api.services.record_sale import RecordSale
from wallet_api.services.redeem import Wish
from wallet_api.services.referral import code_of
from wallet_api.services.return_sale import ReturnSale
from wallet_api.services.start_promotion import start_promotion
from wallet_api.services.verification import VerificationWish, verify
from wallet_api.settings import Settings
from wallet_api.store import programs
from wallet_api.store.ids import new_id
from wallet_api.store.members import NewMember
from wallet_api.store.session import Database

SHOP = "shop"
"""The location of what happens at no location in particular."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a step should have brought, and what it brought."""

    key: str
    expected: str
    actual: str


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """A step that was run: where it differs, or why it could not be done at all."""

    step: Step
    differences: tuple[Difference, ...] = ()
    cannot: str | None = None

    @property
    def is_as_expected(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.differences and self.cannot is None


@dataclass(frozen=True, kw_only=True)
class JourneyRun:
    """A journey that was run to its end."""

    journey: Journey
    steps: tuple[StepRun, ...]


def run_journeys(
    db: Database,
    settings: Settings,
    text: str,
    journeys: Sequence[Journey],
    *,
    files: Callable[[str], bytes] | None = None,
) -> Iterator[JourneyRun]:
    """Publish a definition in a database of its own, and run the journeys through it, each with its own member.

    Raises DefinitionFaults for the definition, Busy where the database goes away.
    """
    if not journeys:
        return
    first = min(step.at.value for journey in journeys for step in journey.steps)
    # A day earlier it is before the first step in every time zone.
    clock = FixedClock(first.replace(tzinfo=UTC) - timedelta(days=1))
    app = App(settings=settings, clock=clock, db=db)
    definition, _ = publish(app, text, now=clock.now(), files=files)
    key = app.authenticate_key(
        create_key(app, definition.program, name="journeys", scopes=("till", "members:act"), locations=())
    )
    assert key is not None
    for number, journey in enumerate(journeys, 1):
        traveller = _Traveller(app, clock, definition, person=journey.member, number=number, key=key)
        yield JourneyRun(journey=journey, steps=tuple(traveller.run(step) for step in journey.steps))
        with app.db.begin() as tx:
            programs.stop_promotions(tx, definition.program)  # what one journey starts is not on in the next


class _CannotRun(Exception):
    """A step that cannot be done; its text is the sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What a step answered: money in the program's currency, or the refusal and whether it changed something."""

    pay: Decimal | None = None
    shipping: Decimal | None = None
    charge: Decimal | None = None
    refund: Decimal | None = None
    allowed: bool | None = None
    refusal: errors.Refusal | None = None
    changed: bool = False


@dataclass(frozen=True, kw_only=True)
class _Sold:
    """A sale of this journey: what the engine calls it, and its lines."""

    id: UUID
    lines: tuple[Line, ...]


class _Traveller:
    """The member of one journey, and what a later step needs to know of the earlier ones."""

    def __init__(
        self, app: App, clock: FixedClock, definition: Definition, *, person: Person | None, number: int, key: Key
    ) -> None:
        self.app = app
        self.clock = clock
        self.definition = definition
        self.person = person
        self.email = f"traveller-{number}@example.org"
        self.key = key
        self.number = number
        self.joined: UUID | None = None
        self.sold: dict[str, _Sold] = {}

    def run(self, step: Step) -> StepRun:
        """Let time pass until the step, do it, and compare."""
        self.clock.set(step.at.value.replace(tzinfo=self.definition.time_zone))
        self.let_time_pass()
        try:
            outcome = self.outcome(step)
        except _CannotRun as why:
            return StepRun(step=step, cannot=str(why))
        return StepRun(step=step, differences=tuple(self.differences(step.expect, outcome)))

    def let_time_pass(self) -> None:
        """Write down what is due by now."""
        if self.joined is not None:
            with self.app.db.begin() as tx:
                load_member.up_to_date(self.app, tx, self.joined, now=self.clock.now())

    def outcome(self, step: Step) -> _Outcome:
        """Do what the step says; a refusal is an outcome too."""
        before = self.state()
        try:
            return self.do(step)
        except errors.Busy:
            raise  # says nothing of the program
        except errors.Refusal as refusal:
            return _Outcome(refusal=refusal, changed=self.state() != before)

    def state(self) -> MemberState | None:
        """The member as they stand now; None before they joined."""
        if self.joined is None:
            return None
        with self.app.db.read() as tx:
            return load_member.as_of_now(self.app, tx, self.joined, now=self.clock.now()).state

    # ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def do(self, step: Step) -> _Outcome:  # noqa: C901 one case for each kind of step
        match step:
            case JoinStep():
                return self.join(step)
            case SaleStep():
                return self.sale(step)
            case ReturnStep():
                return self.take_back(step)
            case CheckInStep():
                return self.check_in(step)
            case RedeemStep():
                return self.redeem(step)
            case WaitStep():
                return _Outcome()
            case QuoteStep():
                return self.quote(step)
            case ActivityStep():
                return self.activity(step)
            case AccessStep():
                return self.access(step)
            case PlanStep():
                return self.plan(step)
            case VerificationStep():
                return self.verification(step)
            case CampaignStep():
                return self.campaign(step)
        raise AssertionError(step)

    def join(self, step: JoinStep) -> _Outcome:
        now, person = self.clock.now(), self.person
        newcomer = NewMember(
            program_id=self.definition.program,
            joined_at=now,
            email=self.email,
            birth_date=person.birth_date if person else None,
            locale=(person and person.locale) or self.definition.languages[0],
            referral_code=None if step.referral is None else self.code_of_a_friend(step.referral),
        )
        with self.app.db.begin() as tx:
            joined = join(self.app, tx, newcomer, Consents(terms=True), now=now, plan=step.plan)
        self.joined = joined.member_id
        return _Outcome(charge=self.money_or_none(joined.charge))

    def code_of_a_friend(self, name: str) -> str:
        """Somebody else joins first, so that there is a code to come with."""
        now = self.clock.now()
        friend = NewMember(
            program_id=self.definition.program,
            joined_at=now,
            email=f"friend-{self.number}-{name}@example.org",
            locale=self.definition.languages[0],
        )
        with self.app.db.begin() as tx:
            return code_of(tx, enrol(self.app, tx, friend, Consents(terms=True), now=now))

    def sale(self, step: SaleStep) -> _Outcome:
        wish, till = self.basket(step, Who(member_id=self.member)), self.till(SHOP)
        with self.app.db.begin() as tx:
            answer = record_sale.record_sale(self.app, tx, till, wish)
        if step.id is not None:
            self.sold[step.id.value] = _Sold(id=UUID(str(answer["id"])), lines=wish.lines)
        return self.priced(answer)

    def quote(self, step: QuoteStep) -> _Outcome:
        till = self.till(SHOP)
        with self.app.db.begin() as tx:
            if step.guest or self.joined is None:
                answer = quote_guest(self.app, tx, till, self.basket(step, GUEST))
            else:
                answer = record_sale.preview_sale(self.app, tx, till, self.basket(step, Who(member_id=self.joined)))
            tx.rollback()  # what time had brought is written by itself; a quote leaves nothing
        return self.priced(answer)

    def priced(self, answer: Mapping[str, object]) -> _Outcome:
        """What a sale or a quote says of money."""
        return _Outcome(
            pay=self.money(answer["paid"]),
            shipping=self.money_or_none(answer["shipping"]),
            allowed=bool(answer.get("allowed", True)),
        )

    def access(self, step: AccessStep) -> _Outcome:
        opens_at = step.opens_at.replace(tzinfo=self.definition.time_zone) if step.opens_at else None
        who = GUEST if step.guest or self.joined is None else Who(member_id=self.joined)
        asked = AskAccess(who=who, tags=frozenset({step.tag}), opens_at=opens_at)
        with self.app.db.begin() as tx:
            answer = may_buy(self.app, tx, self.till(SHOP), asked)
        return _Outcome(allowed=bool(answer["allowed"]))

    def plan(self, step: PlanStep) -> _Outcome:
        wish, member = PlanWish(action=PlanAction(step.action), plan=step.plan), self.member
        with self.app.db.begin() as tx:
            answer = change_plan(self.app, tx, member, wish, program=self.definition.program)
        return _Outcome(charge=self.money_or_none(answer["charge"]), refund=self.money_or_none(answer["refund"]))

    def verification(self, step: VerificationStep) -> _Outcome:
        wish, member = VerificationWish(action=VerificationAction(step.action)), self.member
        with self.app.db.begin() as tx:
            verify(self.app, tx, member, wish, program=self.definition.program)
        return _Outcome()

    def take_back(self, step: ReturnStep) -> _Outcome:
        sold = self.sold.get(step.of.value)
        if sold is None:
            raise _CannotRun(f"The sale {shown(step.of.value)} was not made, so nothing of it can be returned.")
        wish = ReturnSale(
            sale_id=sold.id,
            external_id=str(new_id()),
            occurred_at=self.clock.now(),
            lines=tuple(self.returned(line, sold) for line in step.lines or ()),
            amount=None if step.amount is None else self.minor_units(step.amount),
            is_worn=bool(step.worn),
        )
        till = self.till(SHOP)
        with self.app.db.begin() as tx:
            answer = return_sale.return_sale(self.app, tx, till, wish)
        return _Outcome(refund=self.money(answer["refund"]))

    def check_in(self, step: CheckInStep) -> _Outcome:
        who, till = Who(member_id=self.member), self.till(step.location or SHOP)
        with self.app.db.begin() as tx:
            check_in.check_in(self.app, tx, till, who, occurred_at=self.clock.now())
        return _Outcome()

    def redeem(self, step: RedeemStep) -> _Outcome:
        member = self.member
        with self.app.db.begin() as tx:
            redeem.redeem_reward(self.app, tx, member, Wish(reward=step.reward, quantity=step.quantity or 1))
        return _Outcome()

    def activity(self, step: ActivityStep) -> _Outcome:
        wish = RecordActivity(
            who=Who(member_id=self.member),
            kind=step.kind,
            external_id=str(new_id()),
            occurred_at=self.clock.now(),
            quantity=step.quantity,
            fields={name: _value(text) for name, text in step.details.items()},
        )
        till = self.till(SHOP)
        with self.app.db.begin() as tx:
            record_activity(self.app, tx, till, wish)
        return _Outcome()

    def campaign(self, step: CampaignStep) -> _Outcome:
        day = self.clock.now().astimezone(self.definition.time_zone).date()
        start_promotion(self.app, self.definition.program, step.id, days=DayRange(first=day, last=day))
        return _Outcome()

    # ── What steps are made of ───────────────────────────────────────────────────────────────────────────────────

    @property
    def member(self) -> UUID:
        if self.joined is None:
            raise _CannotRun("Nobody has joined yet. Begin with `do: join`.")
        return self.joined

    def till(self, code: str) -> Till:
        """A till at the location with this code, which opens with the first step there."""
        place = create_location(self.app, self.definition.program, code=code, name=code)
        return Till(key_id=self.key.id, program=self.key.program, scopes=self.key.scopes, location_id=place.id)

    def basket(self, step: BasketStep, who: Who) -> RecordSale:
        """The purchase that a step describes."""
        return RecordSale(
            who=who,
            external_id=str(new_id()),  # two journeys may call their sales the same
            occurred_at=self.clock.now(),
            currency=self.definition.currency,
            lines=self.lines(step),
            vouchers=self.codes(step.use or ()),
            pay_with=tuple((unit, self.smallest_steps(unit, amount)) for unit, amount in (step.pay_with or {}).items()),
            tender=step.tender,
        )

    def lines(self, step: BasketStep) -> tuple[Line, ...]:
        if step.amount is not None:
            return (Line(sku="", amount=self.minor_units(step.amount)),)
        return tuple(
            Line(
                sku=line.sku or "",
                amount=self.minor_units(line.amount),
                quantity=line.quantity or 1,
                tags=frozenset(line.tags or ()),
            )
            for line in step.lines or ()
        )

    def returned(self, back: ReturnedLine, sold: _Sold) -> Line:
        """A line that comes back: its amount, else so many of the pieces sold, else all of them."""
        if back.amount is not None:
            return Line(sku=back.sku, amount=self.minor_units(back.amount), quantity=back.quantity or 1)
        same = [line for line in sold.lines if line.sku == back.sku]
        if not same:
            raise _CannotRun(f"There was no {shown(back.sku)} in this sale, so it cannot be returned.")
        amount, pieces = sum(line.amount for line in same), sum(line.quantity for line in same)
        quantity = back.quantity or pieces
        return Line(sku=back.sku, amount=half_up(Fraction(amount * quantity, pieces)), quantity=quantity)

    def codes(self, rewards: Sequence[str]) -> tuple[str, ...]:
        """The member's voucher for each of the rewards, the one that ends first; never one for two of them.

        Where there is none, the reward's id stands for it: a gift may be used by it, and the engine refuses the rest.
        """
        usable = sorted(self.usable(self.state()), key=lambda voucher: (voucher.valid_until or date.max, voucher.id))
        codes: list[str] = []
        for reward in rewards:
            mine = (voucher.code for voucher in usable if voucher.reward == reward and voucher.code not in codes)
            codes.append(next(mine, reward))
        return tuple(codes)

    def usable(self, state: MemberState | None) -> list[Voucher]:
        """The vouchers that can be used today."""
        today = calendar.local_day(self.clock.now(), self.definition.time_zone)
        return [each for each in state.vouchers.values() if each.is_usable(today)] if state else []

    def smallest_steps(self, unit_id: str, amount: Decimal) -> int:
        unit = self.definition.units.get(unit_id)
        if unit is None:
            near = did_you_mean(unit_id, self.definition.units, what="units")
            raise _CannotRun(f"There is no unit {shown(unit_id)}; {near}")
        steps = amount.scaleb(unit.decimals)
        if steps % 1:
            raise _CannotRun(f"{amount} has too many decimals. {shown(unit_id)} has {unit.decimals or 'none'}.")
        return int(steps)

    def minor_units(self, amount: Decimal) -> int:
        smallest = amount.scaleb(self.definition.currency_decimals)
        if smallest % 1:
            decimals, currency = self.definition.currency_decimals, self.definition.currency
            raise _CannotRun(f"{amount} has too many decimals. {currency} has {decimals or 'none'}.")
        return int(smallest)

    def money(self, amount: object) -> Decimal:
        """Minor units of an answer as people write them."""
        assert isinstance(amount, int)
        return Decimal(amount).scaleb(-self.definition.currency_decimals)

    def money_or_none(self, amount: object) -> Decimal | None:
        """The same where the answer may say nothing of it."""
        return None if amount is None else self.money(amount)

    # ── What was expected ────────────────────────────────────────────────────────────────────────────────────────

    def differences(self, expected: Expected | None, outcome: _Outcome) -> Iterator[Difference]:
        yield from _of_refusal(expected.refused if expected else None, outcome)
        if expected is None:
            return
        yield from self.of_member(expected)
        for key, wanted, got in (
            ("pay", expected.pay, outcome.pay),
            ("shipping", expected.shipping, outcome.shipping),
            ("charge", expected.charge, outcome.charge if outcome.charge is not None else Decimal(0)),
            ("refund", expected.refund, outcome.refund),
            ("allowed", expected.allowed, outcome.allowed),
        ):
            if wanted is not None and wanted != got:
                yield Difference(key=key, expected=_shown(wanted), actual=_shown(got))

    def of_member(self, expected: Expected) -> Iterator[Difference]:
        """Where the member stands elsewhere than they should."""
        state = self.state()
        status = state.membership.status if state else MembershipStatus.NONE
        if expected.membership is not None and expected.membership != status.value:
            yield Difference(key="membership", expected=expected.membership, actual=status.value)
        if state is None:
            asked = ("balance", "pending", "lifetime", "tier", "tier_until", "vouchers", "badges")
            for key in (key for key in asked if getattr(expected, key) is not None):
                yield Difference(key=key, expected=_shown(getattr(expected, key)), actual="nobody has joined yet")
            return
        for key, figure, units in (
            ("balance", "available", expected.balance),
            ("pending", "pending", expected.pending),
            ("lifetime", "lifetime", expected.lifetime),
        ):
            yield from self.of_units(key, figure, units or {}, state)
        held = state.standing
        for name, wanted, got in (
            ("tier", expected.tier, held and held.tier),
            ("tier_until", expected.tier_until, held and held.until),
            ("badges", expected.badges and tuple(sorted(expected.badges)), tuple(sorted(state.badges))),
        ):
            if wanted is not None and wanted != got:
                yield Difference(key=name, expected=_shown(wanted), actual=_shown(got))
        yield from self.of_vouchers(expected.vouchers or {}, state)

    def of_vouchers(self, expected: Mapping[str, int], state: MemberState) -> Iterator[Difference]:
        for reward, count in expected.items():
            usable = sum(voucher.reward == reward for voucher in self.usable(state))
            if reward not in self.definition.rewards:
                near = did_you_mean(reward, self.definition.rewards, what="rewards")
                yield Difference(
                    key=f"vouchers.{reward}", expected=str(count), actual=f"there is no reward {shown(reward)}; {near}"
                )
            elif usable != count:
                yield Difference(key=f"vouchers.{reward}", expected=str(count), actual=str(usable))

    def of_units(
        self, key: str, figure: str, expected: Mapping[str, Decimal], state: MemberState
    ) -> Iterator[Difference]:
        balances = present.balances(self.definition, state)
        for unit_id, wanted in expected.items():
            unit = self.definition.units.get(unit_id)
            if unit is None:
                near = did_you_mean(unit_id, self.definition.units, what="units")
                actual = f"there is no unit {shown(unit_id)}; {near}"
                yield Difference(key=f"{key}.{unit_id}", expected=_shown(wanted), actual=actual)
                continue
            figures = balances[unit_id]
            assert isinstance(figures, dict)
            got = Decimal(figures[figure]).scaleb(-unit.decimals)
            if got != wanted:
                yield Difference(key=f"{key}.{unit_id}", expected=_shown(wanted), actual=_shown(got))


def _of_refusal(expected: str | None, outcome: _Outcome) -> Iterator[Difference]:
    refusal = outcome.refusal
    if (refusal and refusal.code) != expected:
        # Without its facts: they count in smallest steps, which a reader of journeys does not know.
        actual = f"{refusal.code} ({refusal.title})" if refusal else "none"
        yield Difference(key="refused", expected=_shown(expected), actual=actual)
    if outcome.changed:
        yield Difference(key="refused", expected="nothing changes", actual="the member's account has changed")


def _shown(value: object) -> str:
    """A value as the file would have it."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in value.items()) + "}"
        case tuple():
            return "[" + ", ".join(_shown(each) for each in value) + "]"
        case _:
            return str(value)


def _value(text: str) -> Decimal | str | bool:
    """A field of an activity as it is written: yes or no, a number, else a text."""
    if text in {"true", "false"}:
        return text == "true"
    return Decimal(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text) else text
