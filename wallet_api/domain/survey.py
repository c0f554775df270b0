"""Surveys: what is asked, which answers it takes, and what answers come to."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TypeAlias

from wallet_api.domain import errors

SCORE_MAX = 10
PROMOTERS_FROM = 9
DETRACTORS_TO = 6

Answer: TypeAlias = int | str | list[str]
"""A score, a text, or the ids of the options that were chosen."""

Texts: TypeAlias = Mapping[str, str]
"""One text by language."""


class QuestionKind(enum.StrEnum):
    """How a question is answered."""

    SCORE = "score"
    """From 0 to 10, as “would you recommend us?” is."""
    CHOICE = "choice"
    TEXT = "text"


_ANSWERED_BY: Mapping[QuestionKind, str] = {
    QuestionKind.SCORE: "score",
    QuestionKind.CHOICE: "options",
    QuestionKind.TEXT: "text",
}


class Status(enum.StrEnum):
    """Where a survey stands."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Option:
    """One of the answers to choose from."""

    id: str
    text: Texts


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question; `options` of a choice, `several` where more than one of them may be chosen."""

    id: str
    kind: QuestionKind
    text: Texts
    options: tuple[Option, ...] = ()
    several: bool = False


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a member answers to a question, in one of three ways."""

    question: str
    score: int | None = None
    options: Sequence[str] | None = None
    text: str | None = None

    @property
    def way(self) -> str:
        """By which of the three."""
        return "score" if self.score is not None else "options" if self.options is not None else "text"

    @property
    def answer(self) -> Answer:
        """The answer itself; an option that is named twice is chosen once."""
        if self.score is not None:
            return self.score
        return list(dict.fromkeys(self.options)) if self.options is not None else self.text or ""


def status(*, opens_at: datetime, closes_at: datetime | None, now: datetime) -> Status:
    """Where a survey stands; without `closes_at` it stays open until somebody closes it."""
    if closes_at is not None and closes_at <= now:
        return Status.CLOSED
    return Status.OPEN if opens_at <= now else Status.PLANNED


def answers_of(questions: Sequence[Question], given: Sequence[Given]) -> dict[str, Answer]:
    """The answers by question. Raises Invalid with all that is wrong, each at its place."""
    if faults := list(_faults(questions, given)):
        raise errors.Invalid.of_all(faults)
    return {each.question: each.answer for each in given}


def net_promoter_score(members: Sequence[int]) -> Fraction | None:
    """Promoters (9 and 10) less detractors (0 to 6), in per cent of all who gave a score; None where nobody did.

    `members`: how many gave each score, from 0 to 10. Reichheld, “The One Number You Need to Grow”, 2003.
    """
    total = sum(members)
    if not total:
        return None
    return Fraction(100 * (sum(members[PROMOTERS_FROM:]) - sum(members[: DETRACTORS_TO + 1])), total)


def said(texts: Texts, *, locale: str, first: str) -> str:
    """A text in a reader's language, else in the program's first one, else in any."""
    tag = locale.replace("_", "-")
    found = (texts.get(each) for each in (tag, tag.split("-")[0].lower(), first))
    return next((text for text in found if text is not None), next(iter(texts.values())))


def _faults(questions: Sequence[Question], given: Sequence[Given]) -> Iterator[errors.Invalid]:
    known, answered = {question.id: question for question in questions}, set[str]()
    for place, each in enumerate(given):
        pointer, question = f"#/answers/{place}", known.get(each.question)
        if question is None:
            yield _unknown(f"{pointer}/question", each.question, "the survey’s questions", list(known))
            continue
        if question.id in answered:
            yield errors.Invalid(pointer=f"{pointer}/question", detail=f"“{question.id}” is answered twice.")
        answered.add(question.id)
        if each.way != _ANSWERED_BY[question.kind]:
            detail = f"“{question.id}” is answered by {_ANSWERED_BY[question.kind]}."
            yield errors.Invalid(pointer=f"{pointer}/{each.way}", detail=detail)
        elif each.options is not None:
            yield from _option_faults(question, each.options, pointer=f"{pointer}/options")


def _option_faults(question: Question, chosen: Sequence[str], *, pointer: str) -> Iterator[errors.Invalid]:
    known = [option.id for option in question.options]
    for place, option in enumerate(chosen):
        if option not in known:
            yield _unknown(f"{pointer}/{place}", option, f"the options of “{question.id}”", known)
    if not question.several and len(set(chosen)) > 1:
        yield errors.Invalid(pointer=pointer, detail=f"“{question.id}” takes one option.")


def _unknown(pointer: str, value: str, what: str, known: Sequence[str]) -> errors.Invalid:
    return errors.Invalid(pointer=pointer, detail=f"“{value}” is not one of {what}: {', '.join(known)}.")
