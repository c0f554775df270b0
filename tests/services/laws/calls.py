"""What can be asked for a member of the club: each call is a function of a transaction, to be made alone or beside others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from tests.shop import Shop
from wallet_api.domain.events import Line, PlanAction, TimePasses
from wallet_api.services import load_member, redeem
from wallet_api.services.adjust import Adjustment, adjust
from wallet_api.services.check_in import check_in
from wallet_api.services.identify import Who
from wallet_api.services.invite import Invitation, invite
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.present import Json
from wallet_api.services.record_activity import RecordActivity, record_activity
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.services.redeem import Wish
from wallet_api.services.return_sale import ReturnSale, return_sale
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

Call: TypeAlias = Callable[[Tx], Json]
PayWith: TypeAlias = tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Calls:
    """The calls of one shop; each has its receipt from the beginning, so that it can be made twice."""

    shop: Shop

    @property
    def now(self) -> datetime:
        return self.shop.app.clock.now()

    def sale(
        self,
        member: UUID,
        lines: tuple[Line, ...],
        *,
        at: datetime | None = None,
        pay_with: PayWith = (),
        vouchers: tuple[str, ...] = (),
    ) -> Call:
        """A purchase, now or reported late."""
        wish = RecordSale(
            who=Who(member_id=member),
            external_id=str(new_id()),
            occurred_at=at or self.now,
            currency="EUR",
            lines=lines,
            pay_with=pay_with,
            vouchers=vouchers,
        )
        return lambda tx: record_sale(self.shop.app, tx, self.shop.till, wish)

    def give_back(
        self, sale: UUID, *, amount: int | None = None, lines: tuple[Line, ...] = (), is_worn: bool = False
    ) -> Call:
        """A return of all that is left, of an amount, or of lines."""
        wish = ReturnSale(
            sale_id=sale,
            external_id=str(new_id()),
            occurred_at=self.now,
            amount=amount,
            lines=lines,
            is_worn=is_worn,
        )
        return lambda tx: return_sale(self.shop.app, tx, self.shop.till, wish)

    def visit(self, member: UUID, *, at: datetime | None = None) -> Call:
        """A check-in."""
        who, when = Who(member_id=member), at or self.now
        return lambda tx: check_in(self.shop.app, tx, self.shop.till, who, occurred_at=when)

    def run(self, member: UUID, km: int, *, at: datetime | None = None) -> Call:
        """An activity."""
        wish = RecordActivity(
            who=Who(member_id=member),
            kind="run",
            external_id=str(new_id()),
            occurred_at=at or self.now,
            quantity=Decimal(km),
        )
        return lambda tx: record_activity(self.shop.app, tx, self.shop.till, wish)

    def redeem(self, member: UUID, reward: str, *, quantity: int = 1) -> Call:
        """A reward in the app."""
        wish = Wish(reward=reward, quantity=quantity)
        return lambda tx: redeem.redeem_reward(self.shop.app, tx, member, wish)

    def hold(self, member: UUID, reward: str) -> Call:
        """A till holds a reward."""
        who, wish = Who(member_id=member), Wish(reward=reward)
        return lambda tx: redeem.hold_reward(self.shop.app, tx, self.shop.till, who, wish)

    def capture(self, held: UUID) -> Call:
        """The till hands it over."""
        return lambda tx: redeem.capture_reward(self.shop.app, tx, self.shop.till, held)

    def release(self, held: UUID) -> Call:
        """The till gives it back."""
        return lambda tx: redeem.release_reward(self.shop.app, tx, self.shop.till, held)

    def adjust(self, member: UUID, unit: str, amount: int) -> Call:
        """A manager gives or takes."""
        wish = Adjustment(unit=unit, amount=amount, reason="goodwill")
        return lambda tx: adjust(self.shop.app, tx, member, wish, program=self.shop.program)

    def invite(self, member: UUID, tier: str, *, until: date | None = None) -> Call:
        """A manager gives a tier."""
        wish = Invitation(tier=tier, reason="a friend", until=until)
        return lambda tx: invite(self.shop.app, tx, member, wish, program=self.shop.program)

    def plan(self, member: UUID, action: PlanAction) -> Call:
        """A plan starts or ends, or the provider gives word."""
        wish = PlanWish(action=action, plan="monthly" if action is PlanAction.START else None)
        return lambda tx: change_plan(self.shop.app, tx, member, wish, program=self.shop.program)

    def merge(self, gone: UUID, into: UUID) -> Call:
        """Two members are one person."""
        wish = MergeWish(gone=gone, into=into, reason="the same person")
        return lambda tx: merge_members(self.shop.app, tx, wish, program=self.shop.program)

    def time_passes(self, member: UUID) -> Call:
        """What is due is posted, whether anything is or not."""
        now = self.now

        def post(tx: Tx) -> Json:
            loaded = load_member.locked(self.shop.app, tx, member, at=now, now=now)
            load_member.post(tx, loaded, TimePasses(occurred_at=now), now=now)
            return {}

        return post
