"""The hash chain: nothing in an entry, and no entry, can be changed, moved or left out unnoticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from uuid import UUID

import pytest

from tests.domain.club import NOON
from wallet_api.domain import chain
from wallet_api.domain.decision import Entry, EntryKind
from wallet_api.domain.state import Take

ENTRY = Entry(
    id=UUID(int=1),
    unit="points",
    kind=EntryKind.EARN,
    amount=10,
    occurred_at=NOON,
    source_id=UUID(int=2),
    rule="purchase",
    takes=(Take(lot_id=UUID(int=3), amount=4),),
)


def test_the_same_entry_gives_the_same_link() -> None:
    # The value is fixed: ledgers that were written once must verify with every later version.
    link = chain.link(b"", ENTRY, position=1)

    assert link.hex() == "fd8c235ad306d3cbd2b1a66790c292e8c1c04b58472d494c2f90141f39b0fd20"


@pytest.mark.parametrize(
    "changed",
    [
        replace(ENTRY, id=UUID(int=9)),
        replace(ENTRY, unit="stars"),
        replace(ENTRY, kind=EntryKind.BONUS),
        replace(ENTRY, amount=11),
        replace(ENTRY, occurred_at=NOON + timedelta(microseconds=1)),
        replace(ENTRY, source_id=None),
        replace(ENTRY, rule=None),
        replace(ENTRY, reverses=UUID(int=9)),
        replace(ENTRY, takes=()),
        replace(ENTRY, takes=(Take(lot_id=UUID(int=3), amount=5),)),
    ],
    ids=["id", "unit", "kind", "amount", "time", "source", "rule", "reverses", "no takes", "takes"],
)
def test_every_changed_fact_changes_the_link(changed: Entry) -> None:
    assert chain.link(b"", changed, position=1) != chain.link(b"", ENTRY, position=1)


def test_an_entry_elsewhere_or_after_another_one_has_another_link() -> None:
    link = chain.link(b"", ENTRY, position=1)

    assert chain.link(b"", ENTRY, position=2) != link
    assert chain.link(link, ENTRY, position=1) != link


def test_the_link_does_not_depend_on_how_the_time_is_written() -> None:
    elsewhere = replace(ENTRY, occurred_at=NOON.astimezone(timezone(timedelta(hours=9))))

    assert chain.link(b"", elsewhere, position=1) == chain.link(b"", ENTRY, position=1)
