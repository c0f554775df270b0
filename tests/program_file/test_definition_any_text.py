"""Whatever a file holds, it is read or its faults are named; and the JSON Schema takes all that the reader takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet_api.domain.definition import Definition
from wallet_api.program_file import DefinitionFaults, definition_schema, read_definition

Complete = Callable[[str], str]

PROGRAMS: Final = sorted((Path(__file__).parents[2] / "programs").glob("*.yaml"))
TEXTS: Final = tuple(path.read_text(encoding="utf-8") for path in PROGRAMS)
RULES: Final = tuple(text.split("\njourneys:\n")[0] + "\n" for text in TEXTS)
VALUES: Final = re.compile(r"(?<=[:\[{,] )[^\s,:{}\[\]]+|\{[^{}\n]*\}|\[[^\[\]\n]*\]")
FRAGMENTS: Final = (
    *(
        "",
        "0",
        "1",
        "-1",
        "1.5",
        "5.00",
        "1e3",
        "no",
        "on",
        "null",
        "~",
        "12:30",
        "2026-01-31",
        "points",
        "en",
        "é",
        "€",
    ),
    *(
        "1 per day",
        "5 points per year",
        "50 points",
        "12 months",
        "last 12 months",
        "any purchase",
        "28 days after",
        "30 days after a sale",
        "first Monday of March",
        "15 June",
        "10 %",
        "yes",
        "[]",
        "{}",
        "[a]",
        "{en: A}",
        "'#ffffff'",
        '""',
        "&a b",
    ),
    *(
        "*a",
        "!!int 1",
        "|",
        ">",
        "- ",
        ": ",
        "# ",
        "{",
        "}",
        "[",
        "]",
        "? ",
        "\t",
        "\n",
        "---",
        "...",
        "%",
        '"\\0"',
        "\x00",
    ),
)


class EditorLoader(yaml.SafeLoader):
    """Reads YAML as editors do, by version 1.2: only numbers, true, false and null are not text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


NUMBER_STARTS: Final = list("+-.0123456789")
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), NUMBER_STARTS)
EditorLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)$"), NUMBER_STARTS
)
EditorLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), None
)
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:|~|null|Null|NULL)$"), None)


@cache
def schema() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(definition_schema())


def complaints(text: str) -> list[str]:
    document = yaml.load(text, EditorLoader)
    return [f"{error.instance_path}: {error.message}" for error in schema().iter_errors(document)]


def read(text: str) -> Definition | None:
    """The definition, or None where faults are named; anything else that happens is the test's failure."""
    try:
        return read_definition(text)
    except DefinitionFaults as refused:
        assert refused.faults
        assert all(fault.line >= 1 and fault.column >= 1 and fault.found and fault.expected for fault in refused.faults)
        assert len(str(refused).splitlines()) == len(refused.faults)
        return None


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS)).map("".join)))
def test_no_text_is_worse_than_faulty(text: str) -> None:
    assert read(text) is None


@st.composite
def changed_programs(draw: st.DrawFn) -> str:
    """A good program in which a few stretches gave way to something else."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        words = [match.span() for match in re.finditer(r"[^\s,:{}\[\]]+|\n *", text)]
        start, end = draw(st.sampled_from(words))
        text = text[:start] + draw(st.sampled_from(FRAGMENTS) | st.text(max_size=5)) + text[end:]
    return text


@settings(max_examples=150, deadline=None)
@given(changed_programs())
def test_a_changed_program_is_read_or_its_faults_are_named_and_the_schema_takes_what_is_read(text: str) -> None:
    program = read(text)

    assert program is None or complaints(text) == []


@st.composite
def crossed_programs(draw: st.DrawFn) -> str:
    """A good program in which a value or two gave way to one of another place, or of another program."""
    text = draw(st.sampled_from(RULES))
    for _ in range(draw(st.integers(1, 2))):
        start, end = draw(st.sampled_from([match.span() for match in VALUES.finditer(text)]))
        other = draw(st.sampled_from(RULES))
        text = text[:start] + draw(st.sampled_from(VALUES.findall(other))) + text[end:]
    return text


@settings(max_examples=150, deadline=None)
@given(crossed_programs())
def test_a_program_crossed_with_another_is_read_or_its_faults_are_named(text: str) -> None:
    program = read(text)

    assert program is None or complaints(text) == []


@pytest.mark.parametrize("text", TEXTS, ids=[path.stem for path in PROGRAMS])
def test_the_schema_takes_the_programs_that_come_with_carnet(text: str) -> None:
    assert complaints(text) == []


@pytest.mark.parametrize(
    "part",
    [
        "brand: {nam: X}",
        "brand: {colours: {text: red}}",
        "units: {Points: {}}",
        "units: {points: {decimals: 5}}",
        "units: {points: {expires: {}}}",
        "units: {points: {expires: {after: soon}}}",
        "earning: [{id: r, on: sail, earn: 1}]",
        "earning: [{id: r, on: sale}]",
        "earning: [{id: r, on: sale, earn: '1'}]",
        "earning: [{id: r, on: sale, earn: 1, at_most: daily}]",
        "earning: [{id: r, on: sale, earn: 1, bands: [{up_to: 5, earn: 1}, {earn: 2}]}]",
        "earning: [{id: r, on: sale, earn: 1, days: [soon]}]",
        "earning: [{id: r, on: sale, earn: 1, birthday_month: no}]",
        "promotions: [{id: p}]",
        "units: {points: {expires: end of week}}",
        "units: {points: {counter: no}}",
        "units: {points: {pays: {units: 1}}}",
        "units: {points: {expires: {on: 1 january}}}",
        "units: {points: {turns_into: {reward: r, every: 1, windows: [{months: May}]}}}",
        "earning: [{id: r, on: sale, earn: 1, weekdays: [Mondag]}]",
        "earning: [{id: r, on: sale, earn: 1, again_after: 0 hours}]",
        "promotions: [{id: p, multiply: 2, extra: 2}]",
        "credits: [{id: c, earn: 1, per: 1, credited: 28 days after}]",
        "choices: [{kind: k, field: f, options: [a]}]",
        "gifts: {birthday: {}}",
        "gifts: {birthday: []}",
        "tiers: {measure: spend, period: last 12 months, valid: 12 months, levels: [{id: a}]}",
        "membership: {plans: {a: {every: 1 year}}}",
        "membership: {verified: {days: 365}}",
        "benefits: {shipping: [{members: no, fee: 1}]}",
        "benefits: {access: [{members: yes}]}",
        "challenges: [{id: c, measure: {usable: points, activity: run}, goal: 1}]",
        "contests: [{id: c, measure: spend}]",
        "partners: {a: {locations: [], pays: 1, per: 1 points}}",
        "segments: {a: {over: 6 months}}",
        "carry_over: {lots: gone}",
        "units: {points: {turns_into: {reward: mug}}}",
        "rewards: [{id: r, price: 5 points, gives: {percent_off: 10}}]",
        "rewards: [{id: r, gives: {item: x}, limit: 5 points per year}]",
        "gifts: {welcome: {earn: 50}}",
        "rewards: [{id: r, price: 5 points, gives: {money_off: 1, item: x}}]",
        "messages: {welcom: Hello}",
        "tiers: {measure: spend}",
        "currency: euro",
        "languages: english",
        "name: ''",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(part: str, complete: Complete) -> None:
    text = complete(part)

    assert read(text) is None
    assert complaints(text) != []


def test_the_schema_is_itself_a_good_schema() -> None:
    jsonschema_rs.meta.validate(definition_schema())
