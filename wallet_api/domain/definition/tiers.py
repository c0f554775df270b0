"""How status levels are reached and kept."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from wallet_api.domain.definition.basics import Localised, Span


@dataclass(frozen=True, kw_only=True)
class TierLevel:
    """A tier: it is reached when the measure reaches `threshold` (minor units of money, or smallest steps).

    Without a threshold it is given by invitation only.
    """

    id: str
    name: Localised
    threshold: int | None


class YearKind(enum.StrEnum):
    """Which years a tier is counted over: those of the calendar, or those since the member joined."""

    CALENDAR = "calendar year"
    MEMBERSHIP = "membership year"


class Downgrade(enum.StrEnum):
    """Which tier follows when one ends."""

    AS_EARNED = "as earned"
    ONE_DOWN = "one down"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class TierScheme:
    """How tiers are reached and kept.

    `measure` is `spend`, `visits`, `orders`, `earned:<unit>`, or `usable:<unit>` (what became usable, by the day on
    which it was earned). It is counted over `years`, or over the last months that `rolling` says.

    A tier lasts in one of four ways. `years_after`: the rest of the year that reached it and so many more; then the last
    year's measure decides. `valid`: so long from the day on which it was reached; it is kept by reaching the same number
    again within that time (what lifted the member does not count). `effective_day`: worked out on the last day of every
    month, in force from that day of the next, up and down. None of them: for as long as the measure reaches it.

    `grace`: so long after its end it is still held, and can still be kept. `then`: what follows. `levels` rise, the
    first starts at 0; those by invitation stand at the end.
    """

    measure: str
    levels: tuple[TierLevel, ...]
    years: YearKind | None = YearKind.CALENDAR
    rolling: Span | None = None
    years_after: int | None = 1
    valid: Span | None = None
    effective_day: int | None = None
    grace: Span | None = None
    then: Downgrade = Downgrade.AS_EARNED

    def level(self, tier: str) -> TierLevel:
        """The level with this id; KeyError if there is none."""
        for level in self.levels:
            if level.id == tier:
                return level
        raise KeyError(tier)

    def rank(self, tier: str | None) -> int:
        """How high a tier stands, the first at 0; -1 for one that is not (or no longer) known."""
        return next((place for place, level in enumerate(self.levels) if level.id == tier), -1)

    def earned_by(self, value: int) -> TierLevel:
        """The highest level whose threshold the value reaches; reached exactly is reached."""
        reached = [level for level in self.levels if level.threshold is not None and level.threshold <= value]
        return reached[-1] if reached else self.levels[0]

    def below(self, tier: str) -> TierLevel:
        """The level under this one; the first has none under it but itself."""
        return self.levels[max(0, self.rank(tier) - 1)]

    def next_after(self, tier: str) -> TierLevel | None:
        """The next level above this one that can be reached, or None at the top; above an unknown one, the first."""
        above = self.levels[self.rank(tier) + 1 :]
        return next((level for level in above if level.threshold is not None), None)
