"""What came of an experiment: how much more each arm bought than the one that it is compared with, and who may tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import calendar, errors
from wallet_api.domain.campaign import Status
from wallet_api.domain.experiment import CONTROL, Goal, hold_out_end, hold_out_text
from wallet_api.services.app import App
from wallet_api.services.campaigns import WHOLE, campaign_of
from wallet_api.services.experiment_words import HOLD_OUT, OTHERS, Words
from wallet_api.services.present import Json
from wallet_api.services.uplift import (
    ALPHA,
    CONFIDENCE,
    Difference,
    Group,
    chance_of_sizes,
    difference_of_means,
    difference_of_rates,
    holm,
)
from wallet_api.store import campaigns, experiments
from wallet_api.store.session import Tx

UNEVEN = 0.001
"""Groups whose sizes chance makes less often than that were not made by chance."""

FEW_BUYERS: Mapping[Goal, int] = {Goal.BUYERS: 10, Goal.AMOUNT: 100}
"""With fewer of them in a group the bounds hold only roughly; amounts scatter more."""

DAYS = timedelta(days=90)
FIRST_DAY, AHEAD_MAX = date(2000, 1, 1), timedelta(days=366)
_NOBODY = Group(members=0, buyers=0, amount=0, squares=0)


def show_experiment(app: App, tx: Tx, campaign_id: UUID, *, program: str, language: str) -> Json:
    """What came of a campaign's arms. Raises NotFound, also for a campaign that is no experiment."""
    row = campaigns.one(tx, campaign_id, program_id=program)
    if row is None or row.experiment is None:
        raise errors.NotFound(what="experiment")
    campaign, definition = campaign_of(row), app.current_definition(tx, program)
    assert campaign.trial is not None
    words, goal = Words(definition, language), Goal(row.experiment["goal"])
    shares = {arm.name: arm.share for arm in campaign.trial.arms}
    waiting, last = campaigns.progress_in_time(tx, campaign_id)
    window = timedelta(days=row.purchases_within_days)
    is_sent = campaign.status in {Status.DONE, Status.CANCELLED} and not waiting
    ends_at = last + window if is_sent and last else None
    groups = dict.fromkeys(shares, _NOBODY)
    if row.started_at is not None:
        groups |= {
            each.arm: _group(each) for each in campaigns.compared(tx, campaign_id, since=row.started_at, within=window)
        }
    found = _Found(
        goal=goal,
        groups={name: groups[name] for name in shares},
        shares=shares,
        reference=CONTROL if CONTROL in shares else next(iter(shares)),
        ends_at=ends_at,
        is_final=is_sent and (ends_at is None or ends_at <= app.clock.now()),
    )
    warnings = []
    if row.started_at is not None and not is_sent:
        # Before the audience is fixed nobody knows how many wait.
        warnings.append(_warning("running", words, waiting=words.number(waiting)))
    elif ends_at is not None and not found.is_final:
        warnings.append(_warning("early", words, day=words.day(calendar.local_day(ends_at, definition.time_zone))))
    if campaign.status is Status.CANCELLED:
        warnings.append(_warning("cut_short", words))
    if CONTROL not in shares:
        warnings.append(_warning("no_control", words))
    return {
        "campaign": campaign_id,
        "status": row.status,
        "currency": definition.currency,
        **_shown(found, words, warnings=warnings),
    }


def show_hold_out(app: App, tx: Tx, *, program: str, first: date | None, last: date | None, language: str) -> Json:
    """What members who get marketing bought more than those who are held out, from one day to another, both included.

    Without days: the last 90, up to yesterday. Raises Invalid.
    """
    definition, now = app.current_definition(tx, program), app.clock.now()
    today = calendar.local_day(now, definition.time_zone)
    last = last or today - timedelta(days=1)
    first = first or last - DAYS + timedelta(days=1)
    if first > last:
        raise errors.Invalid(pointer="query/from", detail="It lies after the last day.")
    if first < FIRST_DAY:
        raise errors.Invalid(pointer="query/from", detail=f"It lies before {FIRST_DAY}.")
    if last > today + AHEAD_MAX:
        raise errors.Invalid(pointer="query/to", detail="It lies more than a year ahead.")
    words, share = Words(definition, language), definition.sending.hold_out
    groups = {OTHERS: _NOBODY, HOLD_OUT: _NOBODY}
    if share:
        rows = experiments.hold_out(
            tx,
            program,
            text=hold_out_text(program, ""),
            end=hold_out_end(share),
            since=calendar.start_of(first, definition.time_zone),
            first=first,
            last=last,
        )
        groups |= {HOLD_OUT if row.is_held_out else OTHERS: _group(row) for row in rows}
    ends_at = calendar.end_of(last, definition.time_zone)
    found = _Found(
        goal=Goal.AMOUNT,
        groups=groups,
        shares={OTHERS: 1 - share, HOLD_OUT: share},
        reference=HOLD_OUT,
        ends_at=ends_at,
        is_final=ends_at <= now,
    )
    warnings = [] if found.is_final else [_warning("early", words, day=words.day(last))]
    shown = _shown(found, words, warnings=warnings)
    return {
        **shown,
        "from": first,
        "to": last,
        "currency": definition.currency,
        "conclusion": shown["conclusion"] if share else [words.say("no_hold_out")],
    }


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the groups have bought, and how they are to be compared."""

    goal: Goal
    groups: Mapping[str, Group]
    shares: Mapping[str, Fraction]
    reference: str
    ends_at: datetime | None
    is_final: bool


def _group(row: Row[Any]) -> Group:
    return Group(members=int(row.members), buyers=int(row.buyers), amount=int(row.amount), squares=int(row.squares))


def _shown(found: _Found, words: Words, *, warnings: Sequence[Json]) -> Json:
    told = [*warnings, *(_warning(name, words) for name in _doubts(found))]
    comparisons = [line for goal in Goal for line in _comparisons(found, goal, words)]
    return {
        "goal": found.goal.value,
        "confidence": CONFIDENCE,
        "reference": found.reference,
        "ends_at": found.ends_at,
        "is_final": found.is_final,
        "warnings": told,
        "arms": [
            {
                "name": name,
                "share": float(WHOLE * found.shares[name]),
                "members": group.members,
                "buyers": group.buyers,
                "rate": group.rate,
                "amount": group.amount,
                "amount_per_member": group.mean,
            }
            for name, group in found.groups.items()
        ],
        "comparisons": comparisons,
        "conclusion": [line["text"] for line in comparisons if line["decides"]] or [words.say("nothing")],
    }


def _doubts(found: _Found) -> list[str]:
    """What else speaks against trusting the figures."""
    sizes = {name: group.members for name, group in found.groups.items()}
    doubts = ["uneven"] if chance_of_sizes(sizes, found.shares) < UNEVEN else []
    if any(group.members > 0 and group.buyers < FEW_BUYERS[found.goal] for group in found.groups.values()):
        doubts.append("few_buyers")
    return doubts


def _warning(name: str, words: Words, **facts: object) -> Json:
    return {"warning": name, "text": words.say(name, **facts)}


def _comparisons(found: _Found, goal: Goal, words: Words) -> list[Json]:
    """Each arm beside the reference, by one measure."""
    reference = found.groups[found.reference]
    differences = {
        name: difference
        for name, group in found.groups.items()
        if name != found.reference and (difference := _difference(group, reference, goal)) is not None
    }
    corrected = holm([each.p_value for each in differences.values()])
    before = reference.mean if goal is Goal.AMOUNT else reference.rate
    return [
        {
            "arm": name,
            "reference": found.reference,
            "measure": goal.value,
            "decides": goal is found.goal,
            "difference": difference.value,
            "low": difference.low,
            "high": difference.high,
            "relative": difference.value / before if before > 0 else None,
            "p_value": difference.p_value,
            "p_value_corrected": p_value,
            "is_significant": p_value < ALPHA,
            "text": words.told(name, found.reference, goal, difference, is_significant=p_value < ALPHA),
        }
        for (name, difference), p_value in zip(differences.items(), corrected, strict=True)
    ]


def _difference(group: Group, reference: Group, goal: Goal) -> Difference | None:
    if goal is Goal.AMOUNT:
        return difference_of_means(group, reference)
    return difference_of_rates(group, reference)
