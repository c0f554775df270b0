"""Before an experiment: how many members it takes, and whether there are so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never
from uuid import UUID

from wallet_api.domain.errors import Invalid
from wallet_api.domain.experiment import Goal
from wallet_api.domain.messages import EMAIL, PUSH
from wallet_api.domain.segment import All, Consent, Has, Reach, Rule
from wallet_api.domain.segment_reading import read_rule
from wallet_api.services.app import App
from wallet_api.services.campaigns import WHOLE
from wallet_api.services.experiment_words import Words
from wallet_api.services.present import Json
from wallet_api.services.segments import asked_segment, select
from wallet_api.services.uplift import CONFIDENCE, AmountGoal, RateGoal, members_needed, smallest_effect
from wallet_api.store import segment_query
from wallet_api.store.session import Tx

MEMBERS_MAX = 10**9
_REACHED_BY = {PUSH: Reach.APP, EMAIL: Reach.EMAIL}


@dataclass(frozen=True, kw_only=True)
class PowerWish:
    """An experiment that is planned.

    `arms` and `control`: their shares in per cent; without a control group the first arm is what the others are compared
    with. `power`: in how many of a hundred such experiments the effect is to be seen. `segment` or `members`: to whom it
    would go, if that is known; of a segment those count who can be written to by one of the `channels`.
    """

    goal: RateGoal | AmountGoal
    arms: Sequence[int]
    control: int
    power: int
    channels: Sequence[str] = ()
    segment: UUID | None = None
    members: int | None = None


def plan_experiment(app: App, tx: Tx, wish: PowerWish, *, program: str, language: str) -> Json:
    """How many members each arm needs, whether there are enough, and what the members there are would show.

    Raises Invalid for shares that do not make 100, fewer than two groups, an effect that cannot be or be seen, and an
    unknown segment.
    """
    _check(wish)
    shares = [Fraction(share, WHOLE) for share in (*wish.arms, *([wish.control] if wish.control else []))]
    reference, arms = (shares[-1], shares[:-1]) if wish.control else (shares[0], shares[1:])
    power = wish.power / 100
    needed = members_needed(wish.goal, arms=arms, reference=reference, power=power)
    if needed > MEMBERS_MAX:
        part = "buyers" if isinstance(wish.goal, RateGoal) else "amount"
        raise Invalid(pointer=f"#/{part}/effect", detail=f"It would take more than {MEMBERS_MAX} members.")
    audience = _audience(app, tx, wish, program=program)
    smallest = (
        None
        if audience is None
        else smallest_effect(wish.goal, arms=arms, reference=reference, members=audience, power=power)
    )
    return {
        "confidence": CONFIDENCE,
        "power": wish.power,
        "members_needed": needed,
        "arms_needed": [_part(needed, share) for share in wish.arms],
        "control_needed": _part(needed, wish.control),
        "audience": audience,
        "is_enough": None if audience is None else audience >= needed,
        "smallest_effect": smallest if smallest is None or isinstance(wish.goal, AmountGoal) else 100 * smallest,
        "text": _said(
            Words(app.current_definition(tx, program), language), wish, needed, audience=audience, smallest=smallest
        ),
    }


def _check(wish: PowerWish) -> None:
    if sum(wish.arms) + wish.control != WHOLE:
        raise Invalid(pointer="#/arms", detail="The shares of the arms and of the control group add up to 100.")
    if len(wish.arms) + bool(wish.control) <= 1:
        raise Invalid(pointer="#/arms", detail="Give two arms, or one and a control group.")
    if isinstance(wish.goal, RateGoal) and wish.goal.base + wish.goal.effect > 1:
        raise Invalid(pointer="#/buyers/effect", detail="More than all members would buy.")


def _part(members: int, share: int) -> int:
    """A share in per cent of some members, rounded up."""
    return -(-members * share // WHOLE)


def _audience(app: App, tx: Tx, wish: PowerWish, *, program: str) -> int | None:
    """How many members would be compared: those who may be written to, can be, and are not held out."""
    if wish.segment is None:
        return wish.members
    rule = read_rule(asked_segment(tx, wish.segment, program=program).rule, None)
    ways = tuple(_REACHED_BY[channel] for channel in wish.channels)
    reached: Rule = All(rules=(rule, Consent(kind="marketing", granted=True), Has(any_of=ways)))
    size, _ = segment_query.count(tx, select(app, tx, reached, program=program), sample=0)
    return int(size * (1 - app.current_definition(tx, program).sending.hold_out))


def _said(words: Words, wish: PowerWish, needed: int, *, audience: int | None, smallest: float | None) -> str:
    match wish.goal:
        case RateGoal():
            goal = Goal.BUYERS
        case AmountGoal():
            goal = Goal.AMOUNT
        case _:
            assert_never(wish.goal)
    said = [
        words.say("needed", members=words.number(needed), effect=words.much(goal, wish.goal.effect), power=wish.power)
    ]
    if audience is not None:
        there = words.number(audience)
        if audience >= needed:
            said.append(words.say("enough", audience=there))
        elif smallest is None:
            said.append(words.say("far_too_few", audience=there))
        else:
            said.append(words.say("too_few", audience=there, smallest=words.much(goal, smallest)))
    return " ".join(said)
