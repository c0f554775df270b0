"""Arms and the hold-out group: always the same, as large as they should be, and independent of each other."""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction
from uuid import UUID

import pytest

from wallet_api.domain.experiment import Arm, arm_of, hold_out_end, hold_out_text, is_held_out

SPRING, SUMMER = UUID(int=1), UUID(int=2)
MEMBERS = [UUID(int=number) for number in range(10_000)]
ARMS = [Arm(name=name, share=Fraction(share, 100)) for name, share in (("a", 60), ("b", 30), ("control", 10))]


def test_a_member_stays_in_the_arm_that_the_hash_gives() -> None:
    # As sha256sum says of "<experiment> <member>"; 999a… and more is past the first 60 %, e666… past 90 %.
    assert [arm_of(SPRING, member, ARMS) for member in MEMBERS[:6]] == ["b", "a", "b", "a", "a", "a"]


def test_arms_have_their_shares_and_fall_anew_in_another_experiment() -> None:
    spring = [arm_of(SPRING, member, ARMS) for member in MEMBERS]
    summer = [arm_of(SUMMER, member, ARMS) for member in MEMBERS]

    sizes = Counter(spring)
    twice = sum(both == ("b", "b") for both in zip(spring, summer, strict=True))

    # Five standard deviations.
    assert [abs(sizes[arm.name] - 10_000 * arm.share) < 250 for arm in ARMS] == [True] * 3
    assert abs(twice - 900) < 145


def test_who_is_held_out_of_a_share_is_held_out_of_a_larger_one() -> None:
    few, more = (
        {member for member in MEMBERS if is_held_out("club", member, share=share)}
        for share in (Fraction(1, 20), Fraction(1, 10))
    )

    assert few < more
    assert (abs(len(few) - 500) < 110, abs(len(more) - 1_000) < 150) == (True, True)
    assert not any(is_held_out("club", member, share=Fraction(0)) for member in MEMBERS)
    assert all(is_held_out("club", member, share=Fraction(1)) for member in MEMBERS)
    assert {member for member in MEMBERS if is_held_out("other", member, share=Fraction(1, 10))} != more


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1, 7), Fraction(1, 2), Fraction(1)])
def test_a_database_that_compares_bytes_finds_the_same_members(share: Fraction) -> None:
    digests = {member: hashlib.sha256(hold_out_text("club", member).encode()).digest() for member in MEMBERS[:500]}

    found = {member for member, digest in digests.items() if digest[:8] < hold_out_end(share)}

    assert found == {member for member in MEMBERS[:500] if is_held_out("club", member, share=share)}
