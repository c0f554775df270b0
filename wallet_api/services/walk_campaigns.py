"""Sending campaigns: each walks through its audience, some members at a time, and may be broken off anywhere.

What became of a member is written in the transaction that files their message and gives them their voucher: a worker
that is killed has done all of it or nothing, and whoever goes on finds who waits. Members are filed no faster than
messages go out, so that a sale's own message never waits behind a campaign, and a campaign that is paused stops.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from notifications.render import Override, Value
from notifications.template import names_in, parse
from notifications.texts import TEXTS
from wallet_api.domain import calendar, survey
from wallet_api.domain.campaign import Campaign, Status, Texts
from wallet_api.domain.definition import DayRange, Definition, Reward
from wallet_api.domain.events import Award
from wallet_api.domain.experiment import CONTROL, arm_of
from wallet_api.domain.governor import Reason, Verdict
from wallet_api.domain.messages import KINDS
from wallet_api.domain.segment import All
from wallet_api.domain.segment_reading import read_rule
from wallet_api.domain.state import Voucher
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.campaigns import campaign_of
from wallet_api.services.notify import Recipients, Wish, file_messages, look_ahead, recipients_of
from wallet_api.services.recommend import items_to_name
from wallet_api.services.segments import select
from wallet_api.store import campaigns, filing, programs, surveys
from wallet_api.store.campaigns import Done
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, is_passing

log = structlog.get_logger(__name__)

MEMBERS_A_CHUNK = 500
WITH_VOUCHERS_A_CHUNK = 50
"""Each is locked until the chunk is written, and a till that serves one of them waits as long."""

DELIVERIES_WAITING_MAX = 4_000
"""Two seconds' worth for one worker."""

PAUSE_SECONDS = 0.1
SOON = timedelta(seconds=5)
LET_GO_AT_ONCE = 2_000


def walk_campaigns(app: App, *, seconds: float | None = None, chunk: int = MEMBERS_A_CHUNK) -> bool:
    """Begin what is due, and send what runs; False where the time was over before all was done.

    A campaign at which something fails is logged, and tried again by the next run; the others go on.
    """
    start = time.monotonic()
    with app.db.begin() as tx:
        campaigns.start_due(tx, now=app.clock.now())
    failed: set[UUID] = set()
    while seconds is None or time.monotonic() < start + seconds:
        with app.db.read() as tx:
            open_ones = [campaign_of(row) for row in campaigns.to_walk(tx) if row.id not in failed]
        steps = [_step(app, campaign, failed, chunk=chunk) for campaign in open_ones]
        if not any(steps):
            return True
    return False


def _step(app: App, campaign: Campaign, failed: set[UUID], *, chunk: int) -> bool:
    """One step of a campaign; whether another one may follow."""
    try:
        if campaign.status is Status.CANCELLED:
            return _let_go(app, campaign)
        if campaign.audience is None:
            return _begin(app, campaign)
        if _is_ahead(app):
            time.sleep(PAUSE_SECONDS)
            return True
        return _walk(app, campaign, limit=min(chunk, WITH_VOUCHERS_A_CHUNK) if campaign.reward else chunk)
    except Exception as fault:
        if is_passing(fault):
            raise
        log.error("campaign stopped", campaign=str(campaign.id), fault=type(fault).__name__)  # noqa: TRY400 the message may hold names
        failed.add(campaign.id)
        return False


def _is_ahead(app: App) -> bool:
    """Whether more waits to be sent than goes out in a moment."""
    with app.db.read() as tx:
        waiting = campaigns.due_deliveries(tx, now=app.clock.now(), most=DELIVERIES_WAITING_MAX)
    return waiting >= DELIVERIES_WAITING_MAX


# ── The beginning and the end ────────────────────────────────────────────────────────────────────────────────────


def _begin(app: App, campaign: Campaign) -> bool:
    """Fix to whom it goes, and start the promotion that goes with it."""
    now = app.clock.now()
    with app.db.begin() as tx:
        definition = app.current_definition(tx, campaign.program_id)
        row = campaigns.one(tx, campaign.id, program_id=campaign.program_id)
        assert row is not None
        # What the rules named when they were saved may be gone by now. A survey may be for some members only.
        asked = _survey(tx, campaign)
        rules = [row.rule, *([asked.rule] if asked and asked.rule is not None else [])]
        rule = All(rules=tuple(read_rule(each, None) for each in rules))
        selected = select(app, tx, rule, program=campaign.program_id)
        if not campaigns.fix_audience(tx, campaign.id, selected):
            return False
        if campaign.promotion is not None and campaign.ends_at is not None:
            first, last = (calendar.local_day(at, definition.time_zone) for at in (now, campaign.ends_at))
            programs.start_promotion(tx, campaign.program_id, campaign.promotion, days=DayRange(first=first, last=last))
    return True


def _survey(tx: Tx, campaign: Campaign) -> Row[Any] | None:
    """The survey that a campaign asks its members to answer."""
    return surveys.one(tx, campaign.survey, program_id=campaign.program_id) if campaign.survey else None


def _let_go(app: App, campaign: Campaign) -> bool:
    """Have those who wait for a campaign that was called off get nothing, some at a time."""
    now = app.clock.now()
    with app.db.begin() as tx:
        members = campaigns.let_go(tx, campaign.id, limit=LET_GO_AT_ONCE)
        messages = campaigns.unsent(tx, campaign.id, now=now, limit=LET_GO_AT_ONCE)
        filing.end(tx, dict.fromkeys(messages, "campaign_cancelled"), now=now)
        if not members and not messages:
            campaigns.close(tx, campaign.id, now=now)
    return bool(members or messages)


# ── The way through the audience ─────────────────────────────────────────────────────────────────────────────────


def _walk(app: App, campaign: Campaign, *, limit: int) -> bool:
    """Work on some members; whether there were any."""

    def work(tx: Tx) -> int:
        now = app.clock.now()
        claimed = campaigns.claim(tx, campaign.id, now=now, limit=limit)
        if not claimed:
            campaigns.finish(tx, campaign.id, now=now)
            return 0
        try:
            with tx.begin_nested():
                done = _Chunk(app=app, tx=tx, campaign=campaign, members=claimed, now=now).send()
        except Exception as fault:
            if is_passing(fault):
                raise
            done = [_send_alone(app, tx, campaign, member, now=now) for member in claimed]
        campaigns.mark(tx, campaign.id, done, now=now)
        return len(claimed)

    return app.db.run(work) > 0


def _send_alone(app: App, tx: Tx, campaign: Campaign, member: UUID, *, now: datetime) -> Done:
    """One of the members cannot be worked on: find out which, and let the others have theirs."""
    try:
        with tx.begin_nested():
            return _Chunk(app=app, tx=tx, campaign=campaign, members=[member], now=now).send()[0]
    except Exception as fault:
        if is_passing(fault):
            raise
        log.error(  # noqa: TRY400 the message may hold names
            "member left out", campaign=str(campaign.id), member=str(member), fault=type(fault).__name__
        )
        return Done(member_id=member, status="failed", reason="failed")


@dataclass(frozen=True, kw_only=True)
class _Chunk:
    """Some members of a campaign, claimed in this transaction."""

    app: App
    tx: Tx
    campaign: Campaign
    members: Sequence[UUID]
    now: datetime

    def send(self) -> list[Done]:
        """File the messages of those who get one; what became of each member."""
        readers = recipients_of(self.app, self.tx, self.members, now=self.now, marketing=True)
        here = [member for member in self.members if member in readers and readers[member].status == "active"]
        arms = {member: self._arm(member) for member in here}
        wishes = [self._wish(member, arms[member], {}) for member in here]
        ahead = dict(zip(here, look_ahead(self.app, wishes, readers, now=self.now), strict=True))
        untold = [
            self._untold(readers, member, arm=arms.get(member), verdict=ahead.get(member)) for member in self.members
        ]
        done = {each.member_id: each for each in untold if each}
        told = [member for member in here if member not in done]
        return [*done.values(), *self._tell(told, arms, ahead, readers)]

    def _untold(self, readers: Recipients, member: UUID, *, arm: str | None, verdict: Verdict | None) -> Done | None:
        """What becomes of a member who is not to find this in their list, or not yet; None for all others."""
        if verdict is None:
            is_merged = member in readers and readers[member].status == "merged"
            return Done(member_id=member, status="withheld", reason="merged" if is_merged else Reason.ERASED.value)
        if member in self._answered:
            return Done(member_id=member, status="withheld", arm=arm, reason="answered")
        if self._survey_ends_at is not None and self._survey_ends_at <= self.now:
            return Done(member_id=member, status="withheld", arm=arm, reason="survey_closed")
        if self._survey is not None and self._survey.opens_at > self.now:
            return Done(member_id=member, status="waiting", not_before=self._survey.opens_at)
        if Reason.HOLD_OUT in verdict.withheld.values():
            return Done(member_id=member, status="withheld", arm=arm, reason=Reason.HOLD_OUT.value)
        if verdict.goes_at is not None and verdict.goes_at > self.now + SOON:
            return Done(member_id=member, status="waiting", not_before=verdict.goes_at)
        # Who is compared with those who get it is one of those who would have got it.
        if arm == CONTROL and verdict.goes:
            return Done(member_id=member, status="control", arm=CONTROL)
        return None

    def _tell(
        self,
        members: Sequence[UUID],
        arms: Mapping[UUID, str | None],
        ahead: Mapping[UUID, Verdict],
        readers: Recipients,
    ) -> list[Done]:
        going = [member for member in members if ahead[member].goes]
        vouchers = self._give(going)
        # Of a limited reward nothing may be left: then there is nothing to write about.
        without = {member for member in going if member not in vouchers} if self._gives_vouchers else set()
        members = [member for member in members if member not in without]
        values = self._values(members, vouchers, readers)
        wishes = [self._wish(member, arms[member], values[member]) for member in members]
        filed = file_messages(self.app, self.tx, wishes, readers, now=self.now)
        return [
            *(
                Done(member_id=member, status="withheld", arm=arms[member], reason="reward_gone")
                for member in sorted(without)
            ),
            *(
                Done(
                    member_id=each.wish.member_id,
                    status="sent" if each.verdict.goes else "withheld",
                    arm=arms[each.wish.member_id],
                    reason=None if each.verdict.goes else next(iter(each.verdict.withheld.values())).value,
                    notification_id=each.id,
                    voucher_id=vouchers[each.wish.member_id].id if each.wish.member_id in vouchers else None,
                )
                for each in filed
            ),
        ]

    def _arm(self, member: UUID) -> str | None:
        return arm_of(self.campaign.id, member, self.campaign.trial.arms) if self.campaign.trial else None

    def _wish(self, member: UUID, arm: str | None, values: Mapping[str, Value]) -> Wish:
        campaign = self.campaign
        return Wish(
            member_id=member,
            kind=campaign.kind,
            caused_at=self.now,
            expires_at=self._expires_at,
            about=f"campaign:{campaign.id}",
            channels=campaign.channels,
            values=values,
            texts=self._texts[arm],
            campaign_id=campaign.id,
            data={"campaign": str(campaign.id), **({"survey": campaign.survey} if campaign.survey else {})},
        )

    @cached_property
    def _expires_at(self) -> datetime:
        end = self.campaign.ends_at or self.now + KINDS[self.campaign.kind].is_worth
        return min(end, self._survey_ends_at or end)

    # ── The survey that it is about ──────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _survey(self) -> Row[Any] | None:
        return _survey(self.tx, self.campaign)

    @cached_property
    def _answered(self) -> set[UUID]:
        """Who needs no asking any more."""
        return surveys.answered_by(self.tx, self._survey.key, self.members) if self._survey else set()

    @property
    def _survey_ends_at(self) -> datetime | None:
        return self._survey.closes_at if self._survey else None

    # ── What it says ─────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _texts(self) -> Mapping[str | None, Mapping[str, Override]]:
        """By arm what is said, in every language in which somebody else's words would be found otherwise."""
        trial, first, kind = self.campaign.trial, self._definition.languages[0], self.campaign.kind
        usual = {kind: _in_all_languages(self.campaign.texts, first, kind)}
        own = {
            arm: {kind: _in_all_languages(texts, first, kind)} for arm, texts in (trial.texts if trial else {}).items()
        }
        arms = [arm.name for arm in trial.arms] if trial else []
        return {None: usual, **{arm: own.get(arm, usual) for arm in arms}}

    @cached_property
    def _definition(self) -> Definition:
        return self.app.current_definition(self.tx, self.campaign.program_id)

    def _values(
        self, members: Sequence[UUID], vouchers: Mapping[UUID, Voucher], readers: Recipients
    ) -> dict[UUID, dict[str, Value]]:
        """What the placeholders stand for, for each member."""
        unit = next(iter(self._definition.units), None)
        figures = campaigns.figures(self.tx, members, unit=unit)
        items = self._items(members, readers)
        values: dict[UUID, dict[str, Value]] = {}
        for member in members:
            words, figure = readers.words(member), figures[member]
            # A message that goes nowhere stands in the member's list with its reason, and without a voucher.
            said: dict[str, Value] = {"voucher": vouchers[member].code if member in vouchers else ""}
            if unit is not None:
                said["balance"] = words.quantity(unit, figure.balance)
            said["tier"] = words.explain.tier(figure.tier) if figure.tier else ""
            said["items"] = items.get(member, "")
            if self._survey is not None:
                said["survey"] = survey.said(
                    self._survey.title, locale=words.locale, first=self._definition.languages[0]
                )
            if self.campaign.ends_at is not None:
                said["day"] = calendar.local_day(self.campaign.ends_at, self._definition.time_zone)
            values[member] = said
        return values

    def _items(self, members: Sequence[UUID], readers: Recipients) -> Mapping[UUID, str]:
        """What is recommended to each member, where the campaign's texts say it."""
        if not self._names_items:
            return {}
        locales = {member: readers[member].locale for member in members}
        return items_to_name(self.app, self.tx, locales, program=self.campaign.program_id)

    @cached_property
    def _names_items(self) -> bool:
        said = [self.campaign.texts, *(self.campaign.trial.texts.values() if self.campaign.trial else ())]
        texts = (text for texts in said for words in texts.values() for text in (words.title, words.body))
        return any("items" in names_in(parse(text)) for text in texts)

    # ── What it gives ────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _reward(self) -> Reward | None:
        return self._definition.rewards.get(self.campaign.reward or "")

    @property
    def _gives_vouchers(self) -> bool:
        return self._reward is not None and self._reward.has_voucher

    def _give(self, members: Sequence[UUID]) -> dict[UUID, Voucher]:
        """Give these members the campaign's reward; the voucher of each who got one. The message itself tells of it."""
        reward = self._reward
        if reward is None:
            return {}
        # Of a limited one each sees what those before have left.
        batches = [[member] for member in members] if reward.stock is not None else [members]
        given: dict[UUID, Voucher] = {}
        for batch in filter(None, batches):
            decisions = load_member.post_to_each(
                self.app, self.tx, batch, lambda _: self._award(reward.id), now=self.now, quiet=True
            )
            for member, decision in decisions.items():
                if decision.voucher_id is not None:
                    given[member] = decision.after.vouchers[decision.voucher_id]
        return given

    def _award(self, reward: str) -> Award:
        return Award(id=new_id(), occurred_at=self.now, reward=reward, cause=f"campaign:{self.campaign.id}")


def _in_all_languages(texts: Texts, first: str, kind: str) -> dict[str, dict[str, str]]:
    """The campaign's texts, its first language's in the place of those that Carnet has and the campaign has not."""
    languages = dict.fromkeys([*texts, *TEXTS[kind]])
    said = {language: texts.get(language, texts[first]) for language in languages}
    return {language: {"title": words.title, "body": words.body} for language, words in said.items()}
