"""Importing history: the same outcome as if the tills had reported it, once, and nothing lost without a reason."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.errors import NotFound
from wallet_api.services.import_transactions import (
    SALES_A_TRANSACTION,
    Progress,
    Rejection,
    SaleLine,
    Summary,
    import_transactions,
)
from wallet_api.services.load_member import as_of_now
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import cards, members, sql

JUNE = "2025-06-01T10:00:00Z"


def line(number: int = 2, **columns: str) -> SaleLine:
    given = {"member": "crm-7", "external_id": f"r-{number}", "occurred_at": JUNE, "amount": "12.90"}
    return SaleLine(number=number, columns=given | columns)


def run(shop: Shop, *lines: SaleLine) -> tuple[Summary, list[Rejection]]:
    rejections: list[Rejection] = []
    return import_transactions(shop.app, shop.program, lines, reject=rejections.append), rejections


def test_an_unknown_reference_becomes_a_guest_who_joined_at_their_first_sale(shop: Shop) -> None:
    later = line(2, occurred_at="2025-06-03T10:00:00Z", given_name="Bob")
    first = line(3, occurred_at="2025-06-01T10:00:00+02:00")

    summary, _ = run(shop, later, first)

    assert summary == Summary(imported=2, guests=1)
    with shop.app.db.read() as tx:
        bob = members.by_external_ref(tx, shop.program, "crm-7")
        assert bob is not None
        person, consents = members.profile(tx, bob), members.consents(tx, bob, before=None, limit=10)
    assert (person.status, person.given_name, person.locale) == ("guest", "Bob", "en")
    assert person.joined_at == datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert [(consent.kind, consent.channel) for consent in consents] == [("terms", "import")]


def test_history_leads_to_the_same_as_sales_at_the_till_would_have(shop: Shop, clock: FixedClock) -> None:
    now, start = clock.now(), datetime(2023, 12, 30, 12, tzinfo=UTC)
    history = [(start + timedelta(days=40 * step), 10_000 + 7_777 * (step % 5)) for step in range(20)]
    clock.set(start)
    bob = shop.join("bob", at=start)
    for at, cents in history:
        clock.set(at)
        shop.sell(cents, to=bob, at=at)
    clock.set(now)

    run(
        shop,
        *(line(n, occurred_at=at.isoformat(), amount=f"{cents / 100:.2f}") for n, (at, cents) in enumerate(history)),
    )

    with shop.app.db.read() as tx:
        guest = members.by_external_ref(tx, shop.program, "crm-7")
        assert guest is not None
        sold, imported = (as_of_now(shop.app, tx, member, now=now).state for member in (bob, guest))
        tiers = [
            [
                (change.tier, change.since, change.until)
                for change in sql.every(tx, "SELECT * FROM tier_changes WHERE member_id = :id ORDER BY id", id=member)
            ]
            for member in (bob, guest)
        ]
    assert imported.standing == sold.standing
    assert imported.available("points") == sold.available("points")
    assert imported.measures == sold.measures
    assert tiers[0] == tiers[1]
    assert len(tiers[0]) > 2
    assert list(verify_ledger(shop.app)) == []


def test_nobody_is_told_of_history(shop: Shop) -> None:
    with shop.app.db.read() as tx:
        before = sql.one(tx, "SELECT count(*) AS rows FROM outbox").rows

    run(shop, line(member="alice@example.org", amount="900"), line(3))

    with shop.app.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS rows FROM outbox").rows == before


def test_a_second_run_finds_everything_known(shop: Shop) -> None:
    lines = [line(2), line(3), line(4, member="alice@example.org")]
    run(shop, *lines)

    summary, _ = run(shop, *lines, line(5))

    assert summary == Summary(imported=1, known=3)
    with shop.app.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS rows FROM transactions").rows == 4


def test_a_run_that_was_stopped_goes_on_with_the_next_member(shop: Shop) -> None:
    lines = [line(2, member="a"), line(3, member="b"), line(4, member="c")]

    def stop_after_one(progress: Progress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_transactions(shop.app, shop.program, lines, progress=stop_after_one)
    summary, _ = run(shop, *lines)

    assert summary == Summary(imported=2, known=1, guests=2)


@pytest.mark.parametrize("changed", [{"amount": "12.91"}, {"occurred_at": "2025-06-02"}, {"member": "crm-8"}])
def test_a_known_receipt_with_other_contents_is_rejected_and_leaves_no_trace(
    shop: Shop, changed: dict[str, str]
) -> None:
    run(shop, line(2))

    summary, rejections = run(shop, line(2, **changed))

    assert summary == Summary(rejected=1)
    assert rejections[0].reason.startswith("This receipt is recorded with other contents")
    with shop.app.db.read() as tx:
        assert members.by_external_ref(tx, shop.program, "crm-8") is None


def test_a_till_that_sends_an_imported_receipt_again_gets_its_answer(shop: Shop) -> None:
    at = datetime(2025, 6, 1, 10, tzinfo=UTC)
    run(shop, line(2, member="alice@example.org"))

    answer = shop.sell(1290, receipt="r-2", at=at)

    assert answer["earned"] == [
        {
            "unit": "points",
            "amount": 12,
            "rule": "purchase",
            "why": "1 point for each €1.00 of €12.90, rounded down",
            "usable_at": None,
        }
    ]
    with shop.app.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS rows FROM transactions").rows == 1


def test_a_receipt_that_a_till_recorded_is_known_to_the_import(shop: Shop) -> None:
    shop.sell(1290, receipt="r-2", at=datetime(2025, 6, 1, 10, tzinfo=UTC))

    summary, _ = run(shop, line(2, member="alice@example.org"))

    assert summary == Summary(known=1)


def test_members_are_found_by_address_and_card_number(shop: Shop) -> None:
    with shop.app.db.read() as tx:
        card = cards.of_member(tx, shop.alice)
    assert card is not None
    spaced = f"{card.number[:4]} {card.number[4:]}"

    summary, _ = run(shop, line(2, member=" Alice@Example.org "), line(3, member=card.number), line(4, member=spaced))

    assert summary == Summary(imported=3)
    with shop.app.db.read() as tx:
        found = sql.every(tx, "SELECT DISTINCT member_id FROM transactions")
    assert [row.member_id for row in found] == [shop.alice]


def test_a_day_without_a_time_is_its_noon_in_the_program(shop: Shop) -> None:
    run(shop, line(2, occurred_at="2025-06-01"), line(3, occurred_at="2025-12-01"))

    with shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT occurred_at FROM transactions ORDER BY occurred_at")
    assert [row.occurred_at.hour for row in rows] == [10, 11]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"member": " "}, "member is missing"),
        ({"member": "dave@example.org"}, "Nobody in the program has the address dave@example.org"),
        ({"member": "+33612345678"}, "Nobody in the program has the address +33612345678"),
        ({"external_id": ""}, "external_id is missing"),
        ({"external_id": "r\x00"}, "cannot be printed"),
        ({"external_id": "r" * 256}, "longer than 255 characters"),
        ({"occurred_at": "01/06/2025"}, "neither a day"),
        ({"occurred_at": "2025-06-01T10:00:00"}, "neither a day"),
        ({"occurred_at": "2025-02-29"}, "no such time"),
        ({"occurred_at": "2025-06-01T25:00:00Z"}, "no such time"),
        ({"occurred_at": "2026-03-11"}, "in the future"),
        ({"occurred_at": "2026-03-10T12:05:01Z"}, "in the future"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "no such time"),
        ({"occurred_at": "1899-12-31"}, "before 1900"),
        ({"amount": "-1"}, "returns are not imported"),
        ({"amount": "1e3"}, "not a number"),
        ({"amount": "12.905"}, "more than 2 decimals"),
        ({"amount": "99999999999.00"}, "too large"),
        ({"currency": "USD"}, "counts in EUR, not in USD"),
        ({"location": "lyon"}, "no location lyon"),
    ],
)
def test_a_bad_line_is_rejected_with_its_reason_and_the_good_ones_go_in(
    shop: Shop, columns: dict[str, str], reason: str
) -> None:
    bad = line(3, **columns)

    summary, rejections = run(shop, line(2), bad, line(4))

    assert summary == Summary(imported=2, rejected=1, guests=1)
    assert [rejection.line for rejection in rejections] == [bad]
    assert reason in rejections[0].reason


def test_a_receipt_that_the_file_has_twice_is_imported_once(shop: Shop) -> None:
    summary, rejections = run(shop, line(2), line(3, external_id="r-2"))

    assert summary == Summary(imported=1, rejected=1, guests=1)
    assert rejections[0].reason == "Line 2 has the same receipt (location and external_id)."


def test_a_till_whose_clock_is_a_little_ahead_is_believed(shop: Shop) -> None:
    summary, _ = run(shop, line(2, occurred_at="2026-03-10T12:05:00Z"))

    assert summary.imported == 1


def test_a_location_that_the_program_lacks_stops_the_import(shop: Shop) -> None:
    with pytest.raises(NotFound):
        import_transactions(shop.app, shop.program, [line()], location="lyon")


def test_a_long_history_is_written_in_parts(shop: Shop) -> None:
    count = SALES_A_TRANSACTION + 1
    start = datetime(2025, 1, 1, 12, tzinfo=UTC)
    lines = [line(n, occurred_at=(start + timedelta(hours=n)).isoformat(), amount="1") for n in range(count)]

    summary, _ = run(shop, *lines)

    assert summary == Summary(imported=count, guests=1)
    assert list(verify_ledger(shop.app)) == []


def test_two_imports_of_one_file_at_once_record_each_sale_once(shop: Shop) -> None:
    def lines() -> Iterator[SaleLine]:
        return (line(n, member=f"crm-{n % 7}") for n in range(70))

    with ThreadPoolExecutor(2) as two:
        both = list(two.map(lambda _: import_transactions(shop.app, shop.program, lines()), range(2)))

    assert sum(summary.imported for summary in both) == 70
    assert sum(summary.known for summary in both) == 70
    assert sum(summary.guests for summary in both) == 7
    assert list(verify_ledger(shop.app)) == []
