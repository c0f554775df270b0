"""Surveys: what a manager asks, what a member answers, and what the answers come to."""

from __future__ import annotations

import marshmallow as ma

from notifications.render import TEXT_MAX_CHARACTERS
from wallet_api.domain.survey import SCORE_MAX, QuestionKind, Status
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.campaigns import Said
from wallet_api.http.schemas.fields import (
    Localised,
    Matching,
    OneOf,
    StrictInteger,
    Text,
    UtcDateTime,
    Uuid,
    YesOrNo,
    left_out,
)
from wallet_api.http.schemas.segments import RuleField
from wallet_api.http.schemas.till import EarnedSchema

fields = ma.fields
QUESTIONS_MAX = 20
OPTIONS_MAX = 20
ANSWER_CHARACTERS_MAX = 2_000
ID_PATTERN = "^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$"


class SurveyId(Matching):
    """What a survey, a question or an option is called where it is not read by members."""

    def __init__(self, **rest: object) -> None:
        super().__init__(ID_PATTERN, error="Not an id such as after-visit.", **rest)  # type: ignore[arg-type]  # Field's own


class OptionBodySchema(Schema):
    """One of the answers to choose from."""

    id = SurveyId(required=True)
    text = Said(required=True)


class QuestionBodySchema(Schema):
    """A question: a score from 0 to 10, a choice of options, or a text."""

    id = SurveyId(required=True)
    text = Said(required=True)
    kind = OneOf(*QuestionKind, required=True)
    options = fields.List(
        fields.Nested(OptionBodySchema),
        load_default=left_out,
        validate=ma.validate.Length(max=OPTIONS_MAX),
        metadata={"description": "Of a choice: at least two"},
    )
    several = YesOrNo(load_default=False, metadata={"description": "Whether more than one option may be chosen"})


class SurveyBodySchema(Schema):
    """A survey as a manager writes it."""

    title = Said(required=True)
    questions = fields.List(
        fields.Nested(QuestionBodySchema), required=True, validate=ma.validate.Length(min=1, max=QUESTIONS_MAX)
    )
    segment = Uuid(load_default=left_out, metadata={"description": "For whom; for everybody if left out"})
    opens_at = UtcDateTime(load_default=left_out, metadata={"description": "At once if left out"})
    closes_at = UtcDateTime(load_default=left_out, metadata={"description": "When somebody closes it if left out"})


class NewSurveyBodySchema(SurveyBodySchema):
    """A survey as a manager writes it, and what it is called in segments and campaigns."""

    id = SurveyId(required=True)


class OptionSchema(AnswerSchema):
    """One of the answers to choose from."""

    id = fields.String()
    text = Localised(longest=TEXT_MAX_CHARACTERS)


class QuestionSchema(AnswerSchema):
    """A question."""

    id = fields.String()
    kind = OneOf(*QuestionKind)
    text = Localised(longest=TEXT_MAX_CHARACTERS)
    options = fields.List(fields.Nested(OptionSchema))
    several = fields.Boolean()


class ListedSurveySchema(AnswerSchema):
    """A survey."""

    id = fields.String()
    status = OneOf(*Status)
    title = Localised(longest=TEXT_MAX_CHARACTERS)
    questions = fields.List(fields.Nested(QuestionSchema))
    segment = Uuid(
        allow_none=True,
        metadata={"description": "The segment whose rule was taken; it may have changed since, or be gone"},
    )
    rule = RuleField(allow_none=True, metadata={"description": "Null: for everybody"})
    opens_at = UtcDateTime()
    closes_at = UtcDateTime(allow_none=True)
    created_at = UtcDateTime()
    updated_at = UtcDateTime()


class ScoreCountSchema(AnswerSchema):
    """How many gave a score."""

    score = fields.Integer()
    members = fields.Integer()


class OptionCountSchema(AnswerSchema):
    """How many chose an option."""

    option = fields.String()
    members = fields.Integer()


class SurveyResultSchema(AnswerSchema):
    """What the answers to one question come to."""

    question = fields.String()
    kind = OneOf(*QuestionKind)
    answered = fields.Integer(metadata={"description": "How many members answered this question"})
    scores = fields.List(fields.Nested(ScoreCountSchema), allow_none=True, metadata={"description": "From 0 to 10"})
    nps = fields.Float(
        allow_none=True,
        metadata={
            "description": "Those who gave 9 or 10 less those who gave 0 to 6, in per cent of all who gave a score"
        },
    )
    options = fields.List(fields.Nested(OptionCountSchema), allow_none=True)


class SurveySchema(ListedSurveySchema):
    """A survey, and what its answers come to so far."""

    answered = fields.Integer(metadata={"description": "How many members have answered"})
    results = fields.List(fields.Nested(SurveyResultSchema))


class AnswerPartSchema(AnswerSchema):
    """What a member answered to one question, in one of three ways."""

    question = fields.String()
    score = fields.Integer(allow_none=True)
    options = fields.List(fields.String(), allow_none=True)
    text = fields.String(allow_none=True)


class SurveyAnswerSchema(AnswerSchema):
    """What a member answered."""

    id = Uuid()
    member = Uuid()
    answered_at = UtcDateTime()
    answers = fields.List(fields.Nested(AnswerPartSchema))


# ── The member's own ─────────────────────────────────────────────────────────────────────────────────────────────


class MyOptionSchema(AnswerSchema):
    """One of the answers to choose from, in the member's language."""

    id = fields.String()
    text = fields.String()


class MyQuestionSchema(AnswerSchema):
    """A question, in the member's language."""

    id = fields.String()
    kind = OneOf(*QuestionKind)
    text = fields.String()
    options = fields.List(fields.Nested(MyOptionSchema))
    several = fields.Boolean()


class MySurveySchema(AnswerSchema):
    """A survey that waits for the member's answer."""

    id = fields.String()
    title = fields.String()
    questions = fields.List(fields.Nested(MyQuestionSchema))
    closes_at = UtcDateTime(allow_none=True)


class MySurveyListSchema(AnswerSchema):
    """The surveys that wait for the member's answer."""

    items = fields.List(fields.Nested(MySurveySchema))
    next_cursor = fields.String(allow_none=True)


class GivenSchema(Schema):
    """The answer to one question, in the way that its kind takes."""

    exactly_one = (("score", "options", "text"),)

    question = SurveyId(required=True)
    score = StrictInteger(minimum=0, maximum=SCORE_MAX, load_default=left_out)
    options = fields.List(SurveyId(), load_default=left_out, validate=ma.validate.Length(min=1, max=OPTIONS_MAX))
    text = Text(longest=ANSWER_CHARACTERS_MAX, lines=True, load_default=left_out)


class AnswersBodySchema(Schema):
    """What a member answers; questions may be left out."""

    answers = fields.List(
        fields.Nested(GivenSchema), required=True, validate=ma.validate.Length(min=1, max=QUESTIONS_MAX)
    )


class AnsweredSchema(AnswerSchema):
    """An answer that was noted, and what it has earned."""

    id = Uuid()
    survey = fields.String()
    answered_at = UtcDateTime()
    earned = fields.List(fields.Nested(EarnedSchema))
