"""What is counted: how it expires, what it turns into, what it pays for."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from wallet_api.domain.definition.basics import Localised, MonthDay, Span


class ExpiryAnchor(enum.StrEnum):
    """From when a lot's life counts."""

    EARNED = "earned"
    END_OF_MONTH = "end_of_month"
    END_OF_YEAR = "end_of_year"
    FIXED_DAY = "fixed_day"
    LAST_ACTIVITY = "last_activity"


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """When units expire: `after` a span from an anchor.

    From the day on which they were earned (an empty span: at the end of that day); from the end of the month or the
    year in which they were earned; on the fixed day `on` (its last valid day) `years_after` the year in which they were
    earned, the next such day where that is 0; or all together from the last earning or spending.

    `extended_by`: any activity in a month moves the lots that are due at its end by so much. `tiers`: only what
    members of these tiers hold expires; who leaves them holds lots without an end, who comes back has them dated as if
    they had been earned then. Empty: in every tier.
    """

    after: Span = field(default_factory=Span)
    anchor: ExpiryAnchor = ExpiryAnchor.EARNED
    on: MonthDay | None = None
    years_after: int = 0
    extended_by: Span | None = None
    tiers: frozenset[str] = frozenset()

    def applies_to(self, tier: str | None) -> bool:
        """Whether what a member of this tier holds expires."""
        return not self.tiers or tier in self.tiers


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of whole months, every year: from `first` to `last` (1 to 12; 10 to 1 crosses the year).

    What is worked out at its end is handed out on the next day `issued`.
    """

    first: int
    last: int
    issued: MonthDay

    def end_after(self, day: date) -> date:
        """The first end of this window (the first day that is no longer in it) after a day."""
        end_month = self.last % 12 + 1
        end = date(day.year, end_month, 1)
        return end if end > day else date(day.year + 1, end_month, 1)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Every full `every` smallest steps turn by themselves into the reward `into`.

    Without windows at once, each block into a voucher of its own. With windows at the end of each, all blocks into one
    voucher; at most so many blocks a window and a calendar year, the rest is carried on.
    """

    every: int
    into: str
    windows: tuple[Window, ...] = ()
    blocks_per_window: int | None = None
    blocks_per_year: int | None = None


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What units pay for at the till: `units` smallest steps are worth `money` minor units.

    `multiples_of`: only such multiples can be paid with; `share`: at most this share of the purchase;
    `from_balance`: only from such a balance on; `given_back`: whether a return gives them back.
    """

    units: int
    money: int
    multiples_of: int = 1
    share: Fraction = Fraction(1)
    from_balance: int = 0
    given_back: bool = True

    def value(self, amount: int) -> int:
        """What so many smallest steps pay, in minor units."""
        return amount * self.money // self.units


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is counted: its id, name (one and many) and number of decimals; how it expires.

    `is_counter`: it only counts (for tiers, for challenges) and can be neither spent nor expire. `pending`: what a sale
    earns can be used from the day after this span has passed (day + span is the last day of waiting). `converts`: into
    which reward it turns by itself. `worth`: what it pays for. `taken_back_on_return_day`: a return lowers what counts
    towards tiers on its own day, not on the day of the sale.
    """

    id: str
    name: Localised
    one: Localised
    decimals: int = 0
    expires: Expiry | None = None
    converts: Conversion | None = None
    is_counter: bool = False
    pending: Span | None = None
    worth: Worth | None = None
    taken_back_on_return_day: bool = False
