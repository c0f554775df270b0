"""Campaigns: writing one, sending, pausing and cancelling it, and seeing how far it is and what came of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from notifications.render import check_template
from wallet_api.domain import campaign as rules
from wallet_api.domain import errors
from wallet_api.domain.campaign import Act, Campaign, Status, Texts, Trial, Words, kind_of
from wallet_api.domain.definition import Definition
from wallet_api.domain.errors import Invalid
from wallet_api.domain.experiment import CONTROL, Arm, Goal
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.services.reasons import REASONS
from wallet_api.services.recommend import can_name_items
from wallet_api.services.segments import asked_segment
from wallet_api.store import campaigns, job_queue, locks, surveys
from wallet_api.store.campaigns import NewCampaign
from wallet_api.store.session import Tx

WALK = "walk_campaigns"
"""The job that sends; see `jobs/campaigns.py`."""

WHOLE = 100
_NAMES = re.compile(r"\{(\w+)")


@dataclass(frozen=True, kw_only=True)
class CampaignWish:
    """A campaign as a manager describes it.

    `title` and `body`: one text, or one for each language. `experiment`: `arms` (name, share in per cent, and texts of
    their own where they have any), the share that is `control` and gets nothing, and the `goal`.
    """

    name: str
    segment: UUID
    title: str | Mapping[str, str]
    body: str | Mapping[str, str]
    channels: Sequence[str]
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    reward: str | None = None
    promotion: str | None = None
    survey: str | None = None
    experiment: Mapping[str, Any] | None = None
    purchases_within_days: int


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def create_campaign(app: App, tx: Tx, wish: CampaignWish, *, program: str) -> Json:
    """File a campaign: a draft, or scheduled where it has a start. Raises Invalid with all that is wrong."""
    filed = campaigns.add(tx, program, _checked(app, tx, wish, program=program), now=app.clock.now())
    return _shown_whole(app, tx, filed)


def change_campaign(app: App, tx: Tx, campaign_id: UUID, wish: CampaignWish, *, program: str) -> Json:
    """Write a campaign anew that has not begun. Raises NotFound, CampaignHasBegun, CampaignIsOver and Invalid."""
    locks.campaign(tx, campaign_id)
    status = Status(_row(tx, campaign_id, program=program).status)
    if status in {Status.DONE, Status.CANCELLED}:
        raise errors.CampaignIsOver(status=status.value)
    if status not in {Status.DRAFT, Status.SCHEDULED}:
        raise errors.CampaignHasBegun(status=status.value)
    return _shown_whole(app, tx, campaigns.change(tx, campaign_id, _checked(app, tx, wish, program=program)))


def act_on_campaign(app: App, tx: Tx, campaign_id: UUID, act: Act, *, program: str) -> Json:
    """Send, pause, resume or cancel; asked for again it is as it was. Raises NotFound and what the state refuses."""
    locks.campaign(tx, campaign_id)
    row = _row(tx, campaign_id, program=program)
    status = rules.after(act, Status(row.status))
    if status.value != row.status:
        campaigns.set_status(tx, campaign_id, status.value, now=app.clock.now())
        job_queue.defer(tx, WALK, {"timestamp": int(app.clock.now().timestamp())})
    return show_campaign(app, tx, campaign_id, program=program)


def _checked(app: App, tx: Tx, wish: CampaignWish, *, program: str) -> NewCampaign:
    definition = app.current_definition(tx, program)
    segment = asked_segment(tx, wish.segment, program=program)
    missing = _missing(wish, definition, can_name_items=can_name_items(tx, program))
    now = app.clock.now()
    if faults := [*_faults(wish, definition, missing, now=now), *_survey_faults(tx, wish, program=program, now=now)]:
        raise Invalid.of_all(faults)
    return NewCampaign(
        name=wish.name,
        segment_id=segment.id,
        rule=segment.rule,
        texts=_texts_json(wish.title, wish.body, definition),
        channels=list(dict.fromkeys(wish.channels)),
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        reward=wish.reward,
        promotion=wish.promotion,
        survey=wish.survey,
        experiment=_experiment_json(wish, definition),
        purchases_within_days=wish.purchases_within_days,
        status=(Status.SCHEDULED if wish.starts_at else Status.DRAFT).value,
    )


def _faults(
    wish: CampaignWish, definition: Definition, missing: Mapping[str, str], *, now: datetime
) -> Iterator[Invalid]:
    if wish.ends_at is not None and wish.ends_at <= max(now, wish.starts_at or now):
        yield Invalid(pointer="#/ends_at", detail="It would end before it begins.")
    if wish.reward is not None and wish.reward not in definition.rewards:
        yield _unknown("#/reward", wish.reward, definition.rewards)
    if wish.promotion is not None:
        startable = [each.id for each in definition.promotions if each.where.days is not None]
        if wish.promotion not in startable:
            yield _unknown("#/promotion", wish.promotion, startable)
        if wish.ends_at is None:
            yield Invalid(
                pointer="#/ends_at", detail="A promotion that starts with a campaign needs the campaign’s end."
            )
    yield from _text_faults(wish, wish.title, wish.body, definition, missing, pointer="#")
    if wish.experiment is not None:
        yield from _experiment_faults(wish.experiment, wish, definition, missing)


def _survey_faults(tx: Tx, wish: CampaignWish, *, program: str, now: datetime) -> Iterator[Invalid]:
    if wish.survey is None:
        return
    row = surveys.one(tx, wish.survey, program_id=program)
    if row is None:
        yield _unknown("#/survey", wish.survey, list(surveys.questions_by_survey(tx, program)))
    elif row.closes_at is not None and row.closes_at <= max(now, wish.starts_at or now):
        yield Invalid(pointer="#/survey", detail=f"“{wish.survey}” would be closed before it begins.")


def _unknown(pointer: str, value: str, known: Sequence[str] | Mapping[str, object]) -> Invalid:
    listed = ", ".join(known) or "there is none"
    return Invalid(pointer=pointer, detail=f"“{value}” is not one of the program’s: {listed}.")


def _experiment_faults(
    experiment: Mapping[str, Any], wish: CampaignWish, definition: Definition, missing: Mapping[str, str]
) -> Iterator[Invalid]:
    names = Counter(arm["name"] for arm in experiment["arms"])
    if sum(arm["share"] for arm in experiment["arms"]) + experiment["control"] != WHOLE:
        yield Invalid(pointer="#/experiment", detail="The shares of the arms and of the control group add up to 100.")
    if len(experiment["arms"]) == 1 and not experiment["control"]:
        yield Invalid(
            pointer="#/experiment", detail="There is nothing to compare: give two arms, or one and a control group."
        )
    for place, arm in enumerate(experiment["arms"]):
        pointer = f"#/experiment/arms/{place}"
        if arm["name"] == CONTROL or names[arm["name"]] > 1:
            yield Invalid(pointer=f"{pointer}/name", detail=f"“{arm['name']}” is taken.")
        if "title" in arm or "body" in arm:
            title, body = arm.get("title", wish.title), arm.get("body", wish.body)
            yield from _text_faults(wish, title, body, definition, missing, pointer=pointer)


# ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _text_faults(
    wish: CampaignWish,
    title: str | Mapping[str, str],
    body: str | Mapping[str, str],
    definition: Definition,
    missing: Mapping[str, str],
    *,
    pointer: str,
) -> Iterator[Invalid]:
    first = definition.languages[0]
    for name, text in (("title", title), ("body", body)):
        if not isinstance(text, str) and first not in text:
            yield Invalid(
                pointer=f"{pointer}/{name}", detail=f"It is missing in the program’s first language, {first}."
            )
        each = {"": text} if isinstance(text, str) else {f"/{language}": said for language, said in text.items()}
        for place, said in each.items():
            for problem in check_template(said, kind_of(wish.survey)):
                yield Invalid(pointer=f"{pointer}/{name}{place}", detail=f"{problem[0].upper()}{problem[1:]}.")
            for used in sorted(set(_NAMES.findall(said)) & missing.keys()):
                yield Invalid(pointer=f"{pointer}/{name}{place}", detail=f"{{{used}}} has no value: {missing[used]}.")


def _missing(wish: CampaignWish, definition: Definition, *, can_name_items: bool) -> dict[str, str]:
    """The placeholders that nothing would stand for, and why."""
    reward = definition.rewards.get(wish.reward or "")
    has_voucher = reward is not None and reward.has_voucher
    found = {
        "balance": None if definition.units else "the program has no units",
        "tier": None if definition.tiers else "the program has no tiers",
        "voucher": None if has_voucher else "the campaign gives no reward with a voucher",
        "day": None if wish.ends_at else "the campaign has no end",
        "items": None if can_name_items else "nothing is recommended yet",
    }
    return {name: why for name, why in found.items() if why}


def _texts_json(title: str | Mapping[str, str], body: str | Mapping[str, str], definition: Definition) -> Json:
    """Title and body by language; what is said in one text alone is said in the program's first language."""
    first = definition.languages[0]
    titles, bodies = ({first: text} if isinstance(text, str) else dict(text) for text in (title, body))
    languages = dict.fromkeys([first, *titles, *bodies])
    return {
        language: {
            "title": titles.get(language, titles[first]),
            "body": bodies.get(language, bodies[first]),
        }
        for language in languages
    }


def _experiment_json(wish: CampaignWish, definition: Definition) -> Json | None:
    if wish.experiment is None:
        return None
    arms = []
    for arm in wish.experiment["arms"]:
        has_own = "title" in arm or "body" in arm
        texts = _texts_json(arm.get("title", wish.title), arm.get("body", wish.body), definition) if has_own else None
        arms.append({"name": arm["name"], "share": arm["share"], "texts": texts})
    return {"arms": arms, "control": wish.experiment["control"], "goal": wish.experiment.get("goal", Goal.BUYERS.value)}


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def campaign_of(row: Row[Any]) -> Campaign:
    """A campaign out of its row."""
    return Campaign(
        id=row.id,
        program_id=row.program_id,
        status=Status(row.status),
        texts=_texts(row.texts),
        channels=tuple(row.channels),
        ends_at=row.ends_at,
        reward=row.reward,
        promotion=row.promotion,
        survey=row.survey,
        trial=_trial(row.experiment),
        started_at=row.started_at,
        audience=row.audience,
    )


def _texts(said: Mapping[str, Mapping[str, str]]) -> Texts:
    return {language: Words(title=words["title"], body=words["body"]) for language, words in said.items()}


def _trial(experiment: Mapping[str, Any] | None) -> Trial | None:
    if experiment is None:
        return None
    arms = [Arm(name=arm["name"], share=Fraction(arm["share"], WHOLE)) for arm in experiment["arms"]]
    if experiment["control"]:
        arms.append(Arm(name=CONTROL, share=Fraction(experiment["control"], WHOLE)))
    texts = {arm["name"]: _texts(arm["texts"]) for arm in experiment["arms"] if arm["texts"]}
    return Trial(arms=tuple(arms), texts=texts)


def list_campaigns(tx: Tx, *, program: str, before: UUID | None, limit: int) -> list[Json]:
    """A program's campaigns, the newest first."""
    return [_shown(row) for row in campaigns.of_program(tx, program, before=before, limit=limit)]


def show_campaign(app: App, tx: Tx, campaign_id: UUID, *, program: str) -> Json:
    """A campaign, how far it is, and what came of it. Raises NotFound."""
    return _shown_whole(app, tx, _row(tx, campaign_id, program=program))


def note_opened(app: App, tx: Tx, member_id: UUID, notification_id: UUID) -> None:
    """The member's app has shown a message. Raises NotFound for another one's."""
    if not campaigns.opened(tx, notification_id, member_id=member_id, now=app.clock.now()):
        raise errors.NotFound(what="notification")


def _row(tx: Tx, campaign_id: UUID, *, program: str) -> Row[Any]:
    row = campaigns.one(tx, campaign_id, program_id=program)
    if row is None:
        raise errors.NotFound(what="campaign")
    return row


def _shown(row: Row[Any]) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "segment": row.segment_id,
        "rule": row.rule,
        "title": {language: words["title"] for language, words in row.texts.items()},
        "body": {language: words["body"] for language, words in row.texts.items()},
        "channels": row.channels,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "reward": row.reward,
        "promotion": row.promotion,
        "survey": row.survey,
        "experiment": _experiment_shown(row.experiment),
        "purchases_within_days": row.purchases_within_days,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def _experiment_shown(experiment: Mapping[str, Any] | None) -> Json | None:
    if experiment is None:
        return None
    arms = []
    for arm in experiment["arms"]:
        said = arm["texts"] or {}
        arms.append(
            {
                "name": arm["name"],
                "share": arm["share"],
                "title": {language: words["title"] for language, words in said.items()} or None,
                "body": {language: words["body"] for language, words in said.items()} or None,
            }
        )
    return {"arms": arms, "control": experiment["control"], "goal": experiment["goal"]}


def _shown_whole(app: App, tx: Tx, row: Row[Any]) -> Json:
    definition = app.current_definition(tx, row.program_id)
    return {
        **_shown(row),
        "currency": definition.currency,
        "progress": _progress(tx, row, language=definition.languages[0]),
        "results": _results(tx, row),
    }


def _progress(tx: Tx, row: Row[Any], *, language: str) -> Json:
    found = campaigns.progress(tx, row.id) if row.audience is not None else []
    members: Counter[str] = Counter()
    for each in found:
        members[each.status] += each.members
    delivered = campaigns.delivered(tx, row.id)
    return {
        "audience": row.audience,
        **{status: members[status] for status in ("waiting", "sent", "withheld", "control", "cancelled", "failed")},
        "reasons": [
            {
                "reason": each.reason,
                "text": REASONS[each.reason].get(language, REASONS[each.reason]["en"]),
                "members": each.members,
            }
            for each in found
            if each.reason
        ],
        "deliveries": {
            "waiting": delivered.pop("waiting", 0),
            "accepted": delivered.pop("accepted", 0),
            "failed": sum(delivered.values()),
        },
    }


def _results(tx: Tx, row: Row[Any]) -> list[Json]:
    if row.started_at is None:
        return []
    within = timedelta(days=row.purchases_within_days)
    return [dict(each._mapping) for each in campaigns.results(tx, row.id, since=row.started_at, within=within)]
