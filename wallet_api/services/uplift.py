"""How much more came of one group of members than of another, and how many members it takes to see that.

Rates are compared by Newcombe's interval (Statistics in Medicine 17, 1998, method 10: two of Wilson's intervals) and
the score test, amounts by Welch's test, which does not take both groups to scatter alike. Where several arms are
compared with one, Holm's correction keeps false alarms over all of them at one in twenty.

The distributions are SciPy's. It is loaded when they are asked for first: that takes longer than most processes need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
POWER = 0.8
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(1 - ALPHA / 2)
_STEPS = 60
"""So often an interval is halved: further than the numbers go."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """What members of one arm bought: how many bought at all, the sum, and the sum of its squares, in minor units."""

    members: int
    buyers: int
    amount: int
    squares: int

    @property
    def rate(self) -> float:
        """The share of members who bought; 0 where there are none."""
        return self.buyers / self.members if self.members else 0.0

    @property
    def mean(self) -> float:
        """What a member bought on average; 0 where there are none."""
        return self.amount / self.members if self.members else 0.0

    @property
    def variance(self) -> float:
        """How far the members' amounts scatter, squared; 0 for fewer than two members."""
        if self.members <= 1:
            return 0.0
        # In whole numbers: sums of squares are large, and their difference is small beside them.
        return (self.squares * self.members - self.amount**2) / (self.members * (self.members - 1))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What one group has more than another, between which bounds that lies, and how likely chance does as much."""

    value: float
    low: float
    high: float
    p_value: float


# ── Comparing ────────────────────────────────────────────────────────────────────────────────────────────────────


def difference_of_rates(group: Group, reference: Group) -> Difference | None:
    """What the share of buyers is higher by than the reference's; None where a group has no members."""
    if not group.members or not reference.members:
        return None
    here, there = group.rate, reference.rate
    low_here, high_here = _wilson(group)
    low_there, high_there = _wilson(reference)
    both = (group.buyers + reference.buyers) / (group.members + reference.members)
    error = sqrt(both * (1 - both) * (1 / group.members + 1 / reference.members))
    return Difference(
        value=here - there,
        low=here - there - sqrt((here - low_here) ** 2 + (high_there - there) ** 2),
        high=here - there + sqrt((high_here - here) ** 2 + (there - low_there) ** 2),
        p_value=2 * _NORMAL.cdf(-abs(here - there) / error) if error else 1.0,
    )


def difference_of_means(group: Group, reference: Group) -> Difference | None:
    """What a member buys more than one of the reference; None where that cannot be told from what there is."""
    if group.members <= 1 or reference.members <= 1:
        return None
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415 see above

    here, there = group.variance / group.members, reference.variance / reference.members
    value, error = group.mean - reference.mean, sqrt(here + there)
    if not error:  # all bought the same, mostly nothing
        return None if value else Difference(value=0.0, low=0.0, high=0.0, p_value=1.0)
    freedom = (here + there) ** 2 / (here**2 / (group.members - 1) + there**2 / (reference.members - 1))
    reach = float(stdtrit(freedom, 1 - ALPHA / 2)) * error
    return Difference(
        value=value,
        low=value - reach,
        high=value + reach,
        p_value=2 * float(stdtr(freedom, -abs(value) / error)),
    )


def _wilson(group: Group) -> tuple[float, float]:
    """Wilson's interval of a rate (Journal of the American Statistical Association 22, 1927)."""
    n, rate = group.members, group.rate
    centre = rate + _Z**2 / (2 * n)
    reach = _Z * sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    whole = 1 + _Z**2 / n
    return (centre - reach) / whole, (centre + reach) / whole


def holm(p_values: Sequence[float]) -> list[float]:
    """The same, corrected for their number (Scandinavian Journal of Statistics 6, 1979), in their order."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def chance_of_sizes(sizes: Mapping[str, int], shares: Mapping[str, Fraction]) -> float:
    """How likely groups are at least so far from the sizes that they should have (Pearson's chi-squared)."""
    from scipy.special import chdtrc  # noqa: PLC0415 see above

    total = sum(sizes.values())
    if not total or len(shares) <= 1:
        return 1.0
    wanted = {name: float(share * total) for name, share in shares.items()}
    distance = sum((sizes.get(name, 0) - size) ** 2 / size for name, size in wanted.items())
    return float(chdtrc(len(shares) - 1, distance))


# ── Planning ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class RateGoal:
    """The share of buyers is expected at `base`, and is to be seen once it is `effect` higher, which is more than 0."""

    base: float
    effect: float


@dataclass(frozen=True, kw_only=True)
class AmountGoal:
    """What members buy scatters by `deviation`, and is to be seen once it is `effect`, more than 0, higher on average."""

    deviation: float
    effect: float


def members_needed(
    goal: RateGoal | AmountGoal, *, arms: Sequence[Fraction], reference: Fraction, power: float = POWER
) -> int:
    """How many members it takes in all, so that each arm's effect is seen with this probability.

    `arms` and `reference`: their shares of the members. Rates: Fleiss, Statistical Methods for Rates and Proportions,
    2nd edition, 3.2; it is asked for what Holm's correction asks of the first of the arms.
    """
    doubt = _NORMAL.inv_cdf(1 - ALPHA / len(arms) / 2)
    hope = _NORMAL.inv_cdf(power)
    return max(ceil(_reference_needed(goal, float(arm / reference), doubt, hope) / float(reference)) for arm in arms)


def smallest_effect(
    goal: RateGoal | AmountGoal, *, arms: Sequence[Fraction], reference: Fraction, members: int, power: float = POWER
) -> float | None:
    """The smallest effect that so many members would show with this probability; None where they show none."""
    if members <= 0:
        return None

    def is_enough(effect: float) -> bool:
        other = (
            RateGoal(base=goal.base, effect=effect)
            if isinstance(goal, RateGoal)
            else AmountGoal(deviation=goal.deviation, effect=effect)
        )
        return members_needed(other, arms=arms, reference=reference, power=power) <= members

    low, high = 0.0, 1 - goal.base if isinstance(goal, RateGoal) else 1e3 * goal.deviation
    if not is_enough(high):
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _reference_needed(goal: RateGoal | AmountGoal, ratio: float, doubt: float, hope: float) -> float:
    """How many members the reference needs, with an arm `ratio` times as large."""
    if isinstance(goal, AmountGoal):
        return (doubt + hope) ** 2 * goal.deviation**2 * (1 + 1 / ratio) / goal.effect**2
    base, raised = goal.base, goal.base + goal.effect
    both = (base + ratio * raised) / (1 + ratio)
    alike = sqrt(both * (1 - both) * (1 + 1 / ratio))
    apart = sqrt(base * (1 - base) + raised * (1 - raised) / ratio)
    return (doubt * alike + hope * apart) ** 2 / goal.effect**2
