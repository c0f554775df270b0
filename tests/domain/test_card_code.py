"""Card codes: their format, their check digit, their age and their key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_api.domain import card_code
from wallet_api.domain.card_code import CardKey

DRAWN = datetime.fromtimestamp(1_790_000_000, UTC)
KEY = CardKey(master=bytes(range(32)), card_id=UUID(int=0), key_version=1)
NUMBER = "12345678901234"
NUMBERS = st.from_regex(r"[0-9]{14}", fullmatch=True)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_one_time_codes_are_those_of_rfc_6238_appendix_b(seconds: int, expected: str) -> None:
    key = b"12345678901234567890"

    code = card_code.totp(key, step=seconds // 30)

    assert code == expected


def test_the_worked_example_comes_out_to_the_digit() -> None:
    code = card_code.rotating_code(NUMBER, KEY, drawn_at=DRAWN)

    assert KEY.totp.hex() == "01b1b6c0a634f19b782766468cbdd188ebe0c4d7"
    assert code == "7123456789012346179000000079175564"


def test_the_check_digit_is_the_one_of_the_published_example() -> None:
    assert card_code.damm_digit("572") == "4"


@given(NUMBERS)
def test_every_single_wrong_digit_is_noticed(number: str) -> None:
    code = card_code.static_code(number, KEY)[:16]

    for place in range(1, 16):
        for digit in set("0123456789") - {code[place]}:
            wrong = code[:place] + digit + code[place + 1 :]
            assert card_code.parse(wrong + "0" * 8) is None


@given(NUMBERS)
def test_every_swap_of_neighbours_is_noticed(number: str) -> None:
    code = card_code.static_code(number, KEY)[:16]

    for place in range(1, 15):
        left, right = code[place], code[place + 1]
        wrong = code[:place] + right + left + code[place + 2 :]
        assert (card_code.parse(wrong + "0" * 8) is None) is (left != right)


@given(NUMBERS, st.integers(0, 9_999_999_999))
def test_a_rotating_code_has_34_digits_and_says_what_was_put_in(number: str, seconds: int) -> None:
    drawn_at = datetime.fromtimestamp(seconds, UTC)

    code = card_code.rotating_code(number, KEY, drawn_at=drawn_at)
    reading = card_code.parse(code)

    assert len(code) == 34
    assert code.isdecimal()
    assert code.isascii()
    assert reading is not None
    assert (reading.number, reading.drawn_at) == (number, drawn_at)
    assert card_code.is_genuine(reading, KEY)


@given(NUMBERS)
def test_a_static_code_has_24_digits_and_needs_no_clock(number: str) -> None:
    code = card_code.static_code(number, KEY)
    reading = card_code.parse(code)

    assert len(code) == 24
    assert code.isdecimal()
    assert reading is not None
    assert (reading.number, reading.drawn_at, reading.step) == (number, None, None)
    assert card_code.is_genuine(reading, KEY)
    assert card_code.is_timely(reading, now=DRAWN)


@pytest.mark.parametrize(
    "other",
    [
        CardKey(master=bytes(32), card_id=KEY.card_id, key_version=1),
        CardKey(master=KEY.master, card_id=UUID(int=1), key_version=1),
        CardKey(master=KEY.master, card_id=KEY.card_id, key_version=2),
    ],
    ids=["another master", "another card", "a raised key version"],
)
@pytest.mark.parametrize("make", ["rotating", "static"])
def test_a_code_of_another_key_is_not_genuine(other: CardKey, make: str) -> None:
    code = (
        card_code.rotating_code(NUMBER, other, drawn_at=DRAWN)
        if make == "rotating"
        else card_code.static_code(NUMBER, other)
    )

    reading = card_code.parse(code)

    assert reading is not None
    assert not card_code.is_genuine(reading, KEY)


def test_the_time_in_a_code_cannot_be_changed_beyond_its_step() -> None:
    code = card_code.rotating_code(NUMBER, KEY, drawn_at=DRAWN)

    later = card_code.parse(code[:16] + f"{1_790_000_030:010d}" + code[26:])

    assert later is not None
    assert not card_code.is_genuine(later, KEY)


@pytest.mark.parametrize(
    ("age", "timely"),
    [
        (timedelta(seconds=60), True),
        (timedelta(seconds=60, microseconds=1), False),
        (timedelta(seconds=61), False),
        (timedelta(0), True),
        (timedelta(seconds=-30), True),
        (timedelta(seconds=-30, microseconds=-1), False),
        (timedelta(seconds=-31), False),
    ],
)
def test_a_code_is_good_from_30_seconds_before_to_60_seconds_after_it_was_drawn(
    age: timedelta, *, timely: bool
) -> None:
    reading = card_code.parse(card_code.rotating_code(NUMBER, KEY, drawn_at=DRAWN))

    assert reading is not None
    assert card_code.is_timely(reading, now=DRAWN + age) is timely


@pytest.mark.parametrize("direction", [1, -1], ids=["too old", "of the future"])
def test_within_ten_minutes_differing_clocks_explain_a_wrong_age(direction: int) -> None:
    reading = card_code.parse(card_code.rotating_code(NUMBER, KEY, drawn_at=DRAWN))
    limit = direction * timedelta(minutes=10)

    assert reading is not None
    assert card_code.is_merely_late(reading, now=DRAWN + limit)
    assert not card_code.is_merely_late(reading, now=DRAWN + limit + direction * timedelta(seconds=1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7" * 33,
        "7123456789012346179000000079175564 ",
        "7123456789012346179000000079175564\n",
        "8123456789012346179000000079175564",
        "7\uff1123456789012346179000000079175564",
        "https://example.org/7123456789012346179000000079175564",
        "1234567890123",
        "123456789012345",
    ],
    ids=["empty", "short", "blank", "newline", "other version", "full-width digit", "address", "13", "15"],
)
def test_what_is_not_exactly_a_code_is_not_read(text: str) -> None:
    assert card_code.parse(text) is None


def test_a_card_number_may_be_typed_with_blanks() -> None:
    reading = card_code.parse("1234 5678 9012 34")

    assert reading is not None
    assert reading.number == NUMBER
    assert reading.totp is None
    assert reading.mac is None
