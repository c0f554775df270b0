"""A segment's rule is read whole, and each fault in it is named with its place, the value, and what would be right."""

from __future__ import annotations

from datetime import date

import pytest

from wallet_api.domain.segment import (
    All,
    Answered,
    AnyOf,
    Balance,
    Bought,
    BoughtOneOf,
    Chose,
    Joined,
    Language,
    Measured,
    Not,
    Rfm,
    RfmClass,
    Scored,
    Tier,
)
from wallet_api.domain.segment_reading import DEPTH_MAX, FORMS, RULES_MAX, Known, RuleRefused, read_rule, rule_schema
from wallet_api.domain.survey import Option, Question, QuestionKind

KNOWN = Known(
    tiers=("bronze", "silver"),
    units=("points",),
    badges=("regular",),
    locations=("paris",),
    surveys={
        "visit": (
            Question(id="recommend", kind=QuestionKind.SCORE, text={}),
            Question(id="why", kind=QuestionKind.CHOICE, text={}, options=(Option(id="price", text={}),)),
        ),
        "words": (Question(id="words", kind=QuestionKind.TEXT, text={}),),
    },
)


def test_a_rule_is_read_into_what_it_says() -> None:
    rule = read_rule(
        {
            "all": [
                {"tier": {"any_of": ["silver", "silver"]}},
                {"any": [{"spend": {"within_days": 90, "at_least": 100_00}}, {"rfm": {"any_of": ["champions"]}}]},
                {"not": {"language": {"any_of": ["fr"]}}},
                {"activity": {"kind": "run", "at_least": 2.0}},
                {"earned": {"unit": "points", "at_most": 5}},
                {"balance": {"unit": "points", "at_least": -1}},
                {"bought": {"locations": ["paris"], "last_within_days": 30}},
                {"joined": {"from": "2026-01-01"}},
                {"answered": {"survey": "words"}},
                {"scored": {"survey": "visit", "question": "recommend", "at_least": 9}},
                {"chose": {"survey": "visit", "question": "why", "any_of": ["price"]}},
            ]
        },
        KNOWN,
    )

    assert rule == All(
        rules=(
            Tier(any_of=("silver",)),
            AnyOf(
                rules=(
                    Measured(measure="spend", within_days=90, at_least=100_00),
                    Rfm(any_of=(RfmClass.CHAMPIONS,)),
                )
            ),
            Not(rule=Language(any_of=("fr",))),
            Measured(measure="activity:run", at_least=2),
            Measured(measure="earned:points", at_most=5),
            Balance(unit="points", at_least=-1),
            BoughtOneOf(what=Bought.LOCATIONS, any_of=("paris",), at_least=1, last_within_days=30),
            Joined(first=date(2026, 1, 1)),
            Answered(survey="words"),
            Scored(survey="visit", question="recommend", at_least=9),
            Chose(survey="visit", question="why", any_of=("price",)),
        )
    )


@pytest.mark.parametrize(
    ("rule", "pointer", "detail"),
    [
        (None, "#", "null is not an object with one key: all, any, not, or a condition."),
        ([], "#", "A list is not an object with one key: all, any, not, or a condition."),
        ({}, "#", "An object is not an object with one key: all, any, not, or a condition."),
        (
            {"all": [], "any": []},
            "#",
            "An object is not an object with one key: all, any, not, or a condition.",
        ),
        ({"any": {}}, "#/any", "An object is not a list of rules."),
        ({"a/b~c": {}}, "#/a~1b~0c", f"“a/b~c” is not one of all, any, not, {', '.join(FORMS)}."),
        ({"tier": ["silver"]}, "#/tier", "A list is not an object with any_of."),
        ({"tier": {}}, "#/tier/any_of", "Missing."),
        ({"tier": {"any_of": []}}, "#/tier/any_of", "A list is not a list of 1 to 100."),
        (
            {"not": {"tier": {"any_of": ["silver", "gold"]}}},
            "#/not/tier/any_of/1",
            "“gold” is not one of the program’s tiers: bronze, silver.",
        ),
        (
            {"tier": {"any_of": [["silver"]]}},
            "#/tier/any_of/0",
            "A list is not one of the program’s tiers: bronze, silver.",
        ),
        ({"badge": {"any_of": [True]}}, "#/badge/any_of/0", "true is not one of the program’s badges: regular."),
        ({"spend": {}}, "#/spend", "Give at least one of at_least, at_most."),
        ({"spend": {"at_least": "5"}}, "#/spend/at_least", "“5” is not a whole number from 0 to 1000000000000."),
        ({"spend": {"at_least": True}}, "#/spend/at_least", "true is not a whole number from 0 to 1000000000000."),
        ({"age": {"at_least": 18.5}}, "#/age/at_least", "18.5 is not a whole number from 0 to 150."),
        ({"age": {"at_least": 30, "at_most": 18}}, "#/age/at_most", "18 is less than at_least, 30."),
        (
            {"joined": {"from": "2026-02-02", "until": "2026-02-01"}},
            "#/joined/until",
            "2026-02-01 is less than from, 2026-02-02.",
        ),
        ({"joined": {"from": "2026-02-30"}}, "#/joined/from", "“2026-02-30” is not a day such as 2026-03-01."),
        (
            {"bought": {"skus": ["tea"], "categories": ["drinks"]}},
            "#/bought",
            "Give exactly one of categories, skus, locations.",
        ),
        (
            {"bought": {"skus": ["a\nb"]}},
            "#/bought/skus/0",
            "“a\nb” is not a text of 1 to 100 characters in one line.",
        ),
        (
            {"answered": {"survey": "vist"}},
            "#/answered/survey",
            "“vist” is not one of the program’s surveys: visit, words.",
        ),
        (
            {"scored": {"survey": "visit", "question": "recommend", "at_least": 11}},
            "#/scored/at_least",
            "11 is not a whole number from 0 to 10.",
        ),
        (
            {"scored": {"survey": "visit", "question": "why", "at_least": 9}},
            "#/scored/question",
            "“why” is not one of the survey’s questions of the kind score: recommend.",
        ),
        (
            {"scored": {"survey": "words", "question": "words", "at_most": 6}},
            "#/scored/question",
            "“words” is not one of the survey’s questions of the kind score: it has none.",
        ),
        (
            {"scored": {"survey": "visit", "question": "recommend"}},
            "#/scored",
            "Give at least one of at_least, at_most.",
        ),
        (
            {"chose": {"survey": "visit", "question": "why", "any_of": ["price", "staff"]}},
            "#/chose/any_of/1",
            "“staff” is not one of the question’s options: price.",
        ),
        ({"chose": {"survey": "visit", "any_of": ["price"]}}, "#/chose/question", "Missing."),
        ({"language": {"any_of": ["french"]}}, "#/language/any_of/0", "“french” is not a language such as fr."),
        (
            {"consent": {"kind": "marketing", "granted": "yes"}},
            "#/consent/granted",
            "“yes” is not true or false.",
        ),
        ({"spend": {"at_most": 1, "over": 5}}, "#/spend/over", "“over” is not one of within_days, at_least, at_most."),
        (
            {"has": {"any_of": ["app", "x" * 50]}},
            "#/has/any_of/1",
            f"“{'x' * 40}…” is not one of app, apple_pass, google_pass, email, phone.",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(rule: object, pointer: str, detail: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_rule(rule, KNOWN)

    assert [(fault.pointer, fault.detail) for fault in refused.value.faults] == [(pointer, detail)]


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(RuleRefused) as refused:
        read_rule({"all": [{"tier": {}}, {"birthday_month": {"any_of": [0, 3, 13]}}]}, KNOWN, pointer="#/rule")

    assert [fault.pointer for fault in refused.value.faults] == [
        "#/rule/all/0/tier/any_of",
        "#/rule/all/1/birthday_month/any_of/0",
        "#/rule/all/1/birthday_month/any_of/2",
    ]


@pytest.mark.parametrize("levels", [DEPTH_MAX - 1, DEPTH_MAX])
def test_rules_are_nested_so_deep_and_no_deeper(levels: int) -> None:
    rule: object = {"all": []}
    for _ in range(levels):
        rule = {"not": rule}

    if levels < DEPTH_MAX:
        read_rule(rule, KNOWN)
    else:
        with pytest.raises(RuleRefused, match="Too much: at most 8 rules within each other and 50 in all"):
            read_rule(rule, KNOWN)


def test_a_rule_has_so_many_parts_and_no_more() -> None:
    one = {"age": {"at_least": 18}}
    read_rule({"all": [one] * (RULES_MAX - 1)}, KNOWN)

    with pytest.raises(RuleRefused) as refused:
        read_rule({"all": [one] * 1_000}, KNOWN)

    assert len(refused.value.faults) == 1


def test_what_was_saved_is_read_whatever_is_gone_since() -> None:
    rule = read_rule({"tier": {"any_of": ["platinum"]}}, None)

    assert rule == Tier(any_of=("platinum",))


def test_the_schema_names_every_condition() -> None:
    schema = rule_schema("#/components/schemas/SegmentRule")

    assert schema["properties"].keys() == {"all", "any", "not", *FORMS}  # type: ignore[attr-defined]  # JSON
