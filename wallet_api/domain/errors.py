"""Everything that the domain refuses: one class a refusal.

A refusal's docstring is the title that the caller sees, its `code` is stable, its fields are the facts.
HTTP statuses stand in `wallet_api/http/problems.py` and nowhere else. Refusals are not frozen: Python writes the
traceback into an exception on its way through a context manager.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import ClassVar


@dataclass(kw_only=True, eq=False)
class Refusal(Exception):
    """The request was refused."""

    code: ClassVar[str] = "refused"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def title(self) -> str:
        """The one-line reason, the same for every case of this refusal."""
        return (type(self).__doc__ or "").strip().splitlines()[0]

    @property
    def facts(self) -> dict[str, object]:
        """The fields of this case, as the caller may see them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        told = ", ".join(f"{name}: {value}" for name, value in self.facts.items() if value is not None)
        return f"{self.title} ({told})" if told else self.title


# ── Cards and scans ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class CardNotFound(Refusal):
    """No card has this code. Ask the member to open the card again, or type its number."""


@dataclass(kw_only=True, eq=False)
class CodeExpired(Refusal):
    """This code is too old. Ask the member to open the card again."""


@dataclass(kw_only=True, eq=False)
class CodeReplayed(Refusal):
    """This code was already used at another till. Ask the member to open the card again."""


@dataclass(kw_only=True, eq=False)
class CardBlocked(Refusal):
    """This card is blocked. The member gets a new one from the shop's service desk."""


@dataclass(kw_only=True, eq=False)
class ScanExpired(Refusal):
    """This scan is no longer valid here. Scan the card again."""


@dataclass(kw_only=True, eq=False)
class FreshCodeRequired(Refusal):
    """A redemption needs the live code from the member's app or card page, not a printed or stored one."""


@dataclass(kw_only=True, eq=False)
class TooManyWrongCodes(Refusal):
    """Too many wrong codes. Wait a few minutes and scan again."""

    retry_after: int


# ── Sales, returns, check-ins ────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class DuplicateReceipt(Refusal):
    """This location already recorded another transaction under this receipt number."""

    external_id: str


@dataclass(kw_only=True, eq=False)
class ReturnExceedsSale(Refusal):
    """More would be returned than is left of this sale."""

    left: int
    asked: int


@dataclass(kw_only=True, eq=False)
class ReturnPeriodOver(Refusal):
    """It is too late to bring this back."""

    last_day: date


@dataclass(kw_only=True, eq=False)
class NotReturnable(Refusal):
    """This cannot be brought back."""


@dataclass(kw_only=True, eq=False)
class WrongCurrency(Refusal):
    """The program counts in another currency."""

    expected: str
    given: str


@dataclass(kw_only=True, eq=False)
class InTheFuture(Refusal):
    """The time of this event lies in the future. Check the till's clock."""

    occurred_at: datetime
    now: datetime


@dataclass(kw_only=True, eq=False)
class InThePast(Refusal):
    """Rules cannot come into force at a time that is over: what happened then was decided by others."""

    valid_from: datetime
    now: datetime


@dataclass(kw_only=True, eq=False)
class AlreadyCheckedIn(Refusal):
    """The member has already checked in today."""


# ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class RewardNotFound(Refusal):
    """The program has no such reward."""

    reward: str


@dataclass(kw_only=True, eq=False)
class VoucherNotFound(Refusal):
    """The member has no such voucher."""

    voucher: str


@dataclass(kw_only=True, eq=False)
class OutOfSeason(Refusal):
    """This is not on today."""


@dataclass(kw_only=True, eq=False)
class NotEligible(Refusal):
    """The member's tier or membership does not include this."""


@dataclass(kw_only=True, eq=False)
class LimitReached(Refusal):
    """The limit for this has been reached."""

    limit: int | None = None


@dataclass(kw_only=True, eq=False)
class MinimumNotReached(Refusal):
    """The purchase is too small for this."""

    minimum: int
    have: int


@dataclass(kw_only=True, eq=False)
class ExceedsShare(Refusal):
    """Units can pay for a share of the purchase only."""

    most: int
    asked: int


@dataclass(kw_only=True, eq=False)
class InsufficientBalance(Refusal):
    """The member does not have enough units for this."""

    unit: str
    have: int
    need: int


@dataclass(kw_only=True, eq=False)
class HoldExpired(Refusal):
    """This redemption was held too long and its units went back. Start it again."""


@dataclass(kw_only=True, eq=False)
class AlreadyCaptured(Refusal):
    """This redemption has been captured and can no longer be released."""


@dataclass(kw_only=True, eq=False)
class AlreadyReleased(Refusal):
    """This redemption has been released; its units are back on the card."""


@dataclass(kw_only=True, eq=False)
class AliasTaken(Refusal):
    """Somebody takes part under this name already. Choose another one."""


# ── Segments and campaigns ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class NameTaken(Refusal):
    """There is one of this name already. Choose another name."""


@dataclass(kw_only=True, eq=False)
class CampaignHasBegun(Refusal):
    """The campaign has begun, and is changed no more."""

    status: str


@dataclass(kw_only=True, eq=False)
class CampaignIsOver(Refusal):
    """The campaign is over."""

    status: str


@dataclass(kw_only=True, eq=False)
class CampaignNotBegun(Refusal):
    """The campaign has not begun."""

    status: str


@dataclass(kw_only=True, eq=False)
class CampaignPaused(Refusal):
    """The campaign has been paused. Let it go on instead."""

    status: str


# ── Surveys ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class SurveyNotOpen(Refusal):
    """The survey is not open."""

    status: str


@dataclass(kw_only=True, eq=False)
class AlreadyAnswered(Refusal):
    """The member has answered this survey before."""


@dataclass(kw_only=True, eq=False)
class SurveyHasAnswers(Refusal):
    """The survey has answers, and its questions are changed no more."""


# ── Joining and signing in ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class InvalidCode(Refusal):
    """This code is wrong or too old. Ask for a new one."""


@dataclass(kw_only=True, eq=False)
class InvalidCredentials(Refusal):
    """E-mail address or password is wrong."""


@dataclass(kw_only=True, eq=False)
class RefreshTokenReused(Refusal):
    """This refresh token was used before, so the whole session has ended. Sign in again."""


@dataclass(kw_only=True, eq=False)
class InvalidRefreshToken(Refusal):
    """This session has ended. Sign in again."""


@dataclass(kw_only=True, eq=False)
class TermsNotAccepted(Refusal):
    """Joining needs the member's consent to the program's terms."""


@dataclass(kw_only=True, eq=False)
class AlreadyMember(Refusal):
    """Somebody with this address is a member already."""


@dataclass(kw_only=True, eq=False)
class TooManyRequests(Refusal):
    """Too many requests. Wait, then try again."""

    retry_after: int


# ── Calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True, eq=False)
class NotFound(Refusal):
    """There is nothing here under this name."""

    what: str


@dataclass(kw_only=True, eq=False)
class Unauthenticated(Refusal):
    """Sign in, or send a valid key, as `Authorization: Bearer …`."""


@dataclass(kw_only=True, eq=False)
class WrongPassToken(Refusal):
    """This is not the token of this pass."""


@dataclass(kw_only=True, eq=False)
class ForgedCallback(Refusal):
    """Google Wallet has not signed this for this issuer, or it is too old."""


@dataclass(kw_only=True, eq=False)
class Forbidden(Refusal):
    """This key or account may not do this."""

    needs: str


@dataclass(kw_only=True, eq=False)
class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used for another request. Take a new key for a new request."""


@dataclass(kw_only=True, eq=False)
class InProgress(Refusal):
    """The same request is still being worked on. Ask again in a moment."""

    retry_after: int = 1


@dataclass(kw_only=True, eq=False)
class Busy(Refusal):
    """The server is busy for a moment. Send the same request again."""

    retry_after: int = 1


@dataclass(kw_only=True, eq=False)
class Invalid(Refusal):
    """The request does not fit what this call takes."""

    pointer: str
    detail: str
    more: tuple[Invalid, ...] | None = None

    @classmethod
    def of_all(cls, faults: Iterable[Invalid]) -> Invalid:
        """One refusal for all that is wrong, of which there is something, in its order."""
        first, *more = faults
        first.more = tuple(more)
        return first
