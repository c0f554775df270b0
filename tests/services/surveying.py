"""Surveys of a shop, and members who answer them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.shop import Shop
from wallet_api.domain.survey import Given
from wallet_api.services.answer_survey import answer_survey, surveys_of
from wallet_api.services.present import Json
from wallet_api.services.surveys import SurveyWish, create_survey, show_survey

RECOMMEND: dict[str, Any] = {
    "id": "recommend",
    "kind": "score",
    "text": {"en": "Would you recommend us?", "fr": "Nous recommanderiez-vous ?"},
    "options": None,
    "several": False,
}
WHY: dict[str, Any] = {
    "id": "why",
    "kind": "choice",
    "text": "Why?",
    "options": [{"id": name, "text": name.capitalize()} for name in ("price", "staff", "tea")],
    "several": True,
}
WORDS: dict[str, Any] = {"id": "words", "kind": "text", "text": "Anything else?", "options": None, "several": False}


def ask(shop: Shop, survey: str = "visit", **wish: Any) -> Json:
    """Maria asks everybody, or whom a segment selects, now."""
    said = {"title": "Your visit", "questions": [RECOMMEND, WHY, WORDS], **wish}
    with shop.app.db.begin() as tx:
        return create_survey(shop.app, tx, survey, SurveyWish(**said), program=shop.program)


def answer(shop: Shop, member: UUID, survey: str = "visit", *, score: int = 9) -> Json:
    """A member gives a score."""

    def work(tx: Any) -> Json:
        given = [Given(question="recommend", score=score)]
        return answer_survey(shop.app, tx, member, survey, given, program=shop.program)

    return shop.app.db.run(work)


def open_to(shop: Shop, member: UUID) -> list[object]:
    """The surveys that a member sees."""
    with shop.app.db.read() as tx:
        return [each["id"] for each in surveys_of(shop.app, tx, member, program=shop.program)]


def results(shop: Shop, survey: str = "visit") -> dict[str, Any]:
    """What has been answered so far."""
    with shop.app.db.read() as tx:
        return dict(show_survey(shop.app, tx, survey, program=shop.program))
