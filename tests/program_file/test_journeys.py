"""Journeys are read strictly: what they say, and where they are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wallet_api.program_file import DefinitionFaults
from wallet_api.program_file.journeys import (
    JOURNEYS,
    KINDS,
    AccessStep,
    ActivityStep,
    JoinStep,
    Journey,
    ReturnStep,
    SaleStep,
    read_journeys,
)

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "program-format.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^```yaml example\n(journeys:.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
SHIPPED: Final = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "programs").glob("*.yaml"))]
JOIN: Final = "{at: 2026-03-10, do: join}"


def journey(*steps: str, member: str = "{}") -> str:
    """A file with one journey; its first step stands in line 5."""
    head = f"journeys:\n  - name: alice\n    member: {member}\n    steps:\n"
    return head + "".join(f"      - {step}\n" for step in steps)


def test_a_journey_is_read_as_it_is_written() -> None:
    text = journey(
        JOIN,
        "{at: 2026-03-10T18:30, do: sale, id: s1, amount: 12.90, use: [off-5], expect: {balance: {stars: -3.5}, pay: 7.90}}",
        "{at: 2026-03-11, do: return, of: s1, lines: [{sku: mug, quantity: 2}]}",
        member="{birth_date: 1990-05-12, locale: fr}",
    )

    (alice,) = read_journeys(text)

    join, sale, back = alice.steps
    assert alice.name == "alice"
    assert alice.member is not None
    assert (alice.member.birth_date, alice.member.locale) == (date(1990, 5, 12), "fr")
    assert isinstance(join, JoinStep)
    assert (join.at.value, join.line, join.expect) == (datetime(2026, 3, 10, 12), 5, None)
    assert isinstance(sale, SaleStep)
    assert (sale.at.value, sale.amount, sale.use) == (datetime(2026, 3, 10, 18, 30), Decimal("12.90"), ("off-5",))
    assert sale.expect is not None
    assert (sale.expect.balance, sale.expect.pay) == ({"stars": Decimal("-3.5")}, Decimal("7.90"))
    assert sale.expect.pending is None
    assert isinstance(back, ReturnStep)
    assert back.lines is not None
    assert (back.of.value, back.lines[0].sku, back.lines[0].quantity, back.lines[0].amount) == ("s1", "mug", 2, None)


def test_an_activity_may_have_keys_of_its_own() -> None:
    text = journey(
        "{at: 2026-03-10, do: activity, kind: trade_in, quantity: 1.5, category: technical shell, mail: true}"
    )

    step = read_journeys(text)[0].steps[0]

    assert isinstance(step, ActivityStep)
    assert (step.kind, step.quantity) == ("trade_in", Decimal("1.5"))
    assert step.details == {"category": "technical shell", "mail": "true"}


def test_a_step_may_say_who_invited_and_how_something_is_paid() -> None:
    text = journey(
        "{at: 2026-03-10, do: join, referral: true}",
        "{at: 2026-03-10, do: sale, amount: 5.00, tender: card}",
        "{at: 2026-03-10, do: sale, amount: 5.00, tender: {gift-card: 2.00, cash: 3.00}}",
    )

    join, card, both = read_journeys(text)[0].steps

    assert isinstance(join, JoinStep)
    assert join.referral == "true"
    assert isinstance(card, SaleStep)
    assert isinstance(both, SaleStep)
    assert (card.tender, both.tender) == ("card", "gift-card, cash")


def test_access_may_be_asked_for_by_a_guest() -> None:
    text = journey("{at: 2026-03-10, do: access, tag: event, guest: true, opens_at: 2026-03-10T18:00:00}")

    step = read_journeys(text)[0].steps[0]

    assert isinstance(step, AccessStep)
    assert (step.tag, step.guest, step.opens_at) == ("event", True, datetime(2026, 3, 10, 18))


def test_the_other_keys_of_a_program_are_left_to_their_reader() -> None:
    text = "program: my-shop\nunits: nonsense\n" + journey(JOIN)

    assert len(read_journeys(text, program="my-shop")) == 1


def test_a_file_without_journeys_has_none() -> None:
    assert read_journeys("program: my-shop\n") == ()


class Case(NamedTuple):
    text: str
    line: int
    path: str
    found: str
    expected: str


STEP = "journeys[0].steps[0]"
SALE = "{at: 2026-03-10, do: sale, id: s1, amount: 5.00}"
CASES = {
    "no keys": Case("- a", 1, "", "this is no file of journeys", "begin with `journeys:`"),
    "unknown key of the file": Case("journey: []", 1, "journey", "the key `journey` is unknown", "did you mean `journeys`?"),
    "another program": Case("program: other\n" + journey(JOIN), 1, "program", "these are journeys of `other`", "`my-shop`"),
    "no list": Case("journeys: {}", 1, "journeys", "keys and values stand here", "a list of 1 to 200"),
    "no steps": Case("journeys:\n  - name: a", 2, "journeys[0]", "`steps` is missing", "a list of 1 to 2000"),
    "unknown key of a journey": Case("journeys: [{name: a, nam: a, steps: [" + JOIN + "]}]", 1, "journeys[0].nam", "unknown", "`name`?"),
    "bad birthday": Case(journey(JOIN, member="{birth_date: 1990-02-30}"), 3, "journeys[0].member.birth_date", "`1990-02-30`", "2026-03-10"),
    "step is a word": Case(journey("join"), 5, STEP, "`join` does not fit", "a step such as"),
    "step without do": Case(journey("{at: 2026-03-10}"), 5, STEP, "`do` is missing", "one of `join`, `sale`"),
    "unknown step": Case(journey("{at: 2026-03-10, do: sail}"), 5, f"{STEP}.do", "`sail` is unknown", "did you mean `sale`?"),
    "step without at": Case(journey("{do: join}"), 5, STEP, "`at` is missing", "a day such as `2026-03-10`"),
    "no such day": Case(journey("{at: 2026-02-30, do: join}"), 5, f"{STEP}.at", "`2026-02-30` does not fit", "a day such as"),
    "no such time": Case(journey("{at: 2026-02-20T25:00, do: join}"), 5, f"{STEP}.at", "`2026-02-20T25:00`", "a moment such as"),
    "a zone": Case(journey("{at: 2026-02-20T20:00:00Z, do: join}"), 5, f"{STEP}.at", "does not fit", "a moment such as"),
    "key of another step": Case(journey("{at: 2026-03-10, do: join, amount: 5}"), 5, f"{STEP}.amount", "`amount` is unknown", "keys here"),
    "steps out of order": Case(journey(JOIN, "{at: 2026-03-09, do: wait}"), 6, "journeys[0].steps[1].at", "before the step in line 5", "order of time"),
    "sale of nothing": Case(journey("{at: 2026-03-10, do: sale}"), 5, STEP, "neither `amount` nor `lines`", "just one of"),
    "sale of both": Case(journey("{at: 2026-03-10, do: quote, amount: 1, lines: [{amount: 1}]}"), 5, STEP, "both stand here", "just one of"),
    "negative amount": Case(journey("{at: 2026-03-10, do: sale, amount: -5}"), 5, f"{STEP}.amount", "`-5` does not fit", "an amount of money"),
    "line without amount": Case(journey("{at: 2026-03-10, do: sale, lines: [{sku: a}]}"), 5, f"{STEP}.lines[0]", "`amount` is missing", "money"),
    "sale twice": Case(journey(SALE, SALE), 6, "journeys[0].steps[1].id", "a sale `s1` stands already in line 5", "an id of its own"),
    "return of nothing": Case(journey(SALE, "{at: 2026-03-10, do: return}"), 6, "journeys[0].steps[1]", "`of` is missing", "the id of a sale"),
    "return of no sale": Case(journey(SALE, "{at: 2026-03-10, do: return, of: s2}"), 6, "journeys[0].steps[1].of", "there is no sale `s2`", "sales here: `s1`"),
    "return of both": Case(journey(SALE, "{at: 2026-03-10, do: return, of: s1, amount: 1, lines: [{sku: a}]}"), 6, "journeys[0].steps[1]", "both `amount` and `lines`", "leave one out"),
    "unknown action": Case(journey("{at: 2026-03-10, do: plan, action: begin}"), 5, f"{STEP}.action", "`begin` is unknown", "`start`"),
    "activity with a list": Case(journey("{at: 2026-03-10, do: activity, kind: run, tags: [a]}"), 5, f"{STEP}.tags", "a list stands here", "a word or a number"),
    "unknown expectation": Case(journey("{at: 2026-03-10, do: join, expect: {points: 5}}"), 5, f"{STEP}.expect.points", "`points` is unknown", "keys here: `balance`"),
    "a word for a number": Case(journey("{at: 2026-03-10, do: join, expect: {balance: {points: '5'}}}"), 5, f"{STEP}.expect.balance.points", "`5` does not fit", "without quotes"),
    "half a voucher": Case(journey("{at: 2026-03-10, do: join, expect: {vouchers: {off-5: 1.5}}}"), 5, f"{STEP}.expect.vouchers.off-5", "`1.5`", "a whole number"),
    "unknown membership": Case(journey("{at: 2026-03-10, do: join, expect: {membership: payed}}"), 5, f"{STEP}.expect.membership", "`payed` is unknown", "`paid`?"),
    "neither yes nor no": Case(journey("{at: 2026-03-10, do: join, expect: {allowed: yes}}"), 5, f"{STEP}.expect.allowed", "`yes` is unknown", "`true`"),
    "neither guest nor member": Case(journey("{at: 2026-03-10, do: access, tag: a, guest: maybe}"), 5, f"{STEP}.guest", "`maybe` is unknown", "`true`"),
    "access to nothing": Case(journey("{at: 2026-03-10, do: access, guest: true}"), 5, STEP, "`tag` is missing", "a tag"),
    "worn or not": Case(journey(SALE, "{at: 2026-03-10, do: return, of: s1, worn: yes}"), 6, "journeys[0].steps[1].worn", "`yes` is unknown", "`true`"),
    "opens at some time": Case(journey("{at: 2026-03-10, do: access, tag: a, opens_at: noon}"), 5, f"{STEP}.opens_at", "`noon` does not fit", "a day such as"),
    "no code": Case(journey("{at: 2026-03-10, do: join, expect: {refused: Not eligible}}"), 5, f"{STEP}.expect.refused", "does not fit", "`insufficient_balance`"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_fault_is_named_with_line_key_and_what_would_be_right(case: Case) -> None:
    with pytest.raises(DefinitionFaults) as caught:
        read_journeys(case.text, program="my-shop")

    (fault,) = caught.value.faults
    assert (fault.line, fault.path) == (case.line, case.path)
    assert case.found in fault.found
    assert case.expected in fault.expected


def test_all_faults_are_found_in_one_reading() -> None:
    text = journey("{at: 2026-02-30, do: join}", "{at: 2026-03-10, do: sail}", "{at: 2026-03-10, do: sale, amount: x}")

    with pytest.raises(DefinitionFaults) as caught:
        read_journeys(text)

    assert [fault.line for fault in caught.value.faults] == [5, 6, 7]


@given(
    st.recursive(
        st.sampled_from([None, True, 0, -1, 1.5, "s1", "2026-03-10", "2026-03-10T25:00", "é", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["at", "do", "id", "of", "amount", "lines", "sku", "expect", "balance", "use", "x"]),
                inner | st.sampled_from(KINDS),
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_step_holds_it_is_read_or_its_faults_are_named(step: object) -> None:
    text = yaml.safe_dump({"journeys": [{"name": "a", "steps": [step]}]}, allow_unicode=True)

    try:
        journeys = read_journeys(text)
    except DefinitionFaults as faults:
        assert all(fault.line and fault.found and fault.expected for fault in faults.faults)
    else:
        assert isinstance(journeys[0], Journey)


@pytest.mark.parametrize("text", [*EXAMPLES, *SHIPPED])
def test_what_is_read_fits_the_schema_too(text: str) -> None:
    schema = jsonschema_rs.Draft202012Validator(JOURNEYS.schema())
    # The schema sees what an editor sees: days stay texts.
    loaded = yaml.load(text, Loader=yaml.BaseLoader)

    journeys = read_journeys(text)

    assert journeys
    schema.validate(as_an_editor_sees(loaded["journeys"]))


def test_the_schema_refuses_the_keys_of_another_step() -> None:
    schema = jsonschema_rs.Draft202012Validator(JOURNEYS.schema())

    assert schema.is_valid([{"name": "a", "steps": [{"at": "2026-03-10", "do": "join"}]}])
    assert not schema.is_valid([{"name": "a", "steps": [{"at": "2026-03-10", "do": "join", "amount": 5}]}])


def test_every_key_and_kind_of_step_stands_in_an_example() -> None:
    examples = "\n".join(EXAMPLES)

    missing = [key for key in {*keys(JOURNEYS.schema())} if not re.search(rf"(?<![\w-]){key}:", examples)]

    assert missing == []
    assert [kind for kind in KINDS if f"do: {kind}" not in examples] == []


def as_an_editor_sees(value: object) -> object:
    """Plain scalars as YAML 1.2 reads them: numbers, `true` and `false`, else text."""
    if isinstance(value, dict):
        return {key: as_an_editor_sees(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_an_editor_sees(inner) for inner in value]
    if value in {"true", "false"}:
        return value == "true"
    text = str(value)
    return (float(text) if "." in text else int(text)) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text


def keys(part: object) -> Iterator[str]:
    """The fixed keys of a schema and of all that it holds."""
    if isinstance(part, Mapping):
        properties = part.get("properties")
        if isinstance(properties, Mapping):
            yield from properties
        for inner in part.values():
            yield from keys(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from keys(inner)
