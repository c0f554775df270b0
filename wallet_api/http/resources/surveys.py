"""Surveys: managers ask, members answer once, and the results are there at once."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from flask import Response
from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.domain.survey import Given
from wallet_api.http import idempotency
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_member, by_staff, caller, guarded
from wallet_api.http.headers import LOCATION, OptionalIdempotencyHeaders
from wallet_api.http.idempotency import once
from wallet_api.http.pagination import Page, PageQuery, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.surveys import (
    AnsweredSchema,
    AnswersBodySchema,
    ListedSurveySchema,
    MySurveyListSchema,
    NewSurveyBodySchema,
    SurveyAnswerSchema,
    SurveyBodySchema,
    SurveySchema,
)
from wallet_api.http.till import the_app
from wallet_api.services.answer_survey import answer_survey, surveys_of
from wallet_api.services.present import Json
from wallet_api.services.surveys import (
    SurveyWish,
    change_survey,
    close_survey,
    create_survey,
    list_answers,
    list_surveys,
    show_survey,
)

blueprint = Blueprint("surveys", __name__, url_prefix="/v1", description="Surveys")

Body = dict[str, Any]


@blueprint.route("/surveys")
class Surveys(MethodView):
    """The program's surveys."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(ListedSurveySchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List the surveys, the newest first."""
        app, limit = the_app(), query["limit"]
        with app.db.read() as tx:
            found = list_surveys(app, tx, program=caller().program, before=query["cursor"], limit=limit + 1)
        return page(found, limit=limit, id_of=itemgetter("key"))

    @blueprint.arguments(NewSurveyBodySchema)
    @blueprint.response(201, SurveySchema, headers=LOCATION)
    @refuses(errors.NameTaken, errors.Busy)
    def post(self, body: Body) -> tuple[Json, int, dict[str, str]]:
        """File a survey; what it may ask stands in docs/surveys.md."""
        app, survey_id = the_app(), body.pop("id")
        with app.db.begin() as tx:
            survey = create_survey(app, tx, survey_id, SurveyWish(**body), program=caller().program)
        return survey, 201, {"Location": f"/v1/surveys/{survey_id}"}


@blueprint.route("/surveys/<slug:survey_id>")
class OneSurvey(MethodView):
    """A survey."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, SurveySchema)
    @refuses(errors.NotFound, errors.Busy)
    def get(self, survey_id: str) -> Json:
        """Show a survey: how many have answered, each question's answers, and the net promoter score."""
        app = the_app()
        with app.db.read() as tx:
            return show_survey(app, tx, survey_id, program=caller().program)

    @blueprint.arguments(SurveyBodySchema)
    @blueprint.response(200, SurveySchema)
    @refuses(errors.NotFound, errors.SurveyHasAnswers, errors.Busy)
    def put(self, body: Body, survey_id: str) -> Json:
        """Write a survey anew; its questions only while nobody has answered."""
        app = the_app()
        with app.db.begin() as tx:
            return change_survey(app, tx, survey_id, SurveyWish(**body), program=caller().program)


@blueprint.route("/surveys/<slug:survey_id>/close")
class SurveyClosing(MethodView):
    """The end of a survey."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, SurveySchema)
    @refuses(errors.NotFound, errors.Busy)
    def post(self, survey_id: str) -> Json:
        """Take no more answers from now on."""
        app = the_app()
        with app.db.begin() as tx:
            return close_survey(app, tx, survey_id, program=caller().program)


@blueprint.route("/surveys/<slug:survey_id>/answers")
class SurveyAnswers(MethodView):
    """What members have answered."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(SurveyAnswerSchema))
    @refuses(errors.NotFound, errors.Busy)
    def get(self, query: Body, survey_id: str) -> Page[Json]:
        """List who has answered what, the newest first."""
        limit = query["limit"]
        with the_app().db.read() as tx:
            found = list_answers(tx, survey_id, program=caller().program, before=query["cursor"], limit=limit + 1)
        return page(found, limit=limit, id_of=itemgetter("id"))


@blueprint.route("/me/surveys")
class MySurveys(MethodView):
    """Surveys that wait for an answer."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, MySurveyListSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """List the open surveys that I have not answered, in my language; the twenty that opened last."""
        app, by = the_app(), caller()
        with app.db.read() as tx:
            return {"items": surveys_of(app, tx, by.id, program=by.program), "next_cursor": None}


@blueprint.route("/me/surveys/<slug:survey_id>/answers")
class MyAnswers(MethodView):
    """An answer."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(AnswersBodySchema)
    @blueprint.response(201, AnsweredSchema)
    @refuses(errors.NotFound, errors.SurveyNotOpen, errors.AlreadyAnswered, errors.LimitReached, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body, survey_id: str) -> Response:
        """Answer a survey, once; where the program says so, it earns."""
        app, by, given = the_app(), caller(), [Given(**each) for each in body["answers"]]
        return once(app, lambda tx: answer_survey(app, tx, by.id, survey_id, given, program=by.program))
