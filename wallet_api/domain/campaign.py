"""Campaigns: what one is, and what may be done with it when."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.experiment import Arm


class Status(enum.StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class Act(enum.StrEnum):
    """What a manager does with a campaign."""

    SEND = "send"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class Words:
    """A title and a body, with `{placeholders}`."""

    title: str
    body: str


Texts = Mapping[str, Words]
"""By language."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The arms of a campaign that is an experiment; `texts` of the arms that say something else than the campaign."""

    arms: tuple[Arm, ...]
    texts: Mapping[str, Texts]


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A message to the members of a segment; `reward`: what each of them is given with it.

    `audience`: to how many it goes, once that is fixed. `ends_at`: it is not sent after that. `survey`: which one it
    asks them to answer.
    """

    id: UUID
    program_id: str
    status: Status
    texts: Texts
    channels: tuple[str, ...]
    ends_at: datetime | None
    reward: str | None
    promotion: str | None
    survey: str | None
    trial: Trial | None
    started_at: datetime | None
    audience: int | None

    @property
    def kind(self) -> str:
        """The kind of its messages."""
        return kind_of(self.survey)


def kind_of(survey: str | None) -> str:
    """The kind of a campaign's messages: either is marketing, for those who have agreed to it, and not too often."""
    return "survey" if survey else "promotion"


_TO: Mapping[Act, Status] = {
    Act.SEND: Status.RUNNING,
    Act.PAUSE: Status.PAUSED,
    Act.RESUME: Status.RUNNING,
    Act.CANCEL: Status.CANCELLED,
}
_FROM: Mapping[Act, frozenset[Status]] = {
    Act.SEND: frozenset({Status.DRAFT, Status.SCHEDULED}),
    Act.PAUSE: frozenset({Status.RUNNING}),
    Act.RESUME: frozenset({Status.PAUSED}),
    Act.CANCEL: frozenset({Status.DRAFT, Status.SCHEDULED, Status.RUNNING, Status.PAUSED}),
}


def after(act: Act, status: Status) -> Status:
    """Where a campaign stands after an act; asked for again, an act changes nothing.

    Raises CampaignIsOver, CampaignNotBegun, and CampaignPaused for sending one that was.
    """
    if status in _FROM[act]:
        return _TO[act]
    if status is _TO[act] or (act is Act.SEND and status is Status.DONE):
        return status
    match status:
        case Status.DONE | Status.CANCELLED:
            raise errors.CampaignIsOver(status=status.value)
        case Status.PAUSED:
            raise errors.CampaignPaused(status=status.value)
        case _:
            raise errors.CampaignNotBegun(status=status.value)
