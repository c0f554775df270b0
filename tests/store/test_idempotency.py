"""Idempotency keys: one effect and one answer, however often and however many at once ask."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.services.wishes import wish_of
from tests.shop import NOON, Shop
from tests.store.laws import available, count
from tests.store.threads import at_once
from wallet_api.domain.errors import InProgress, Refusal
from wallet_api.services.record_sale import record_sale
from wallet_api.store import idempotency
from wallet_api.store.idempotency import Answered, Call


def call_of(shop: Shop, *, key: str = "k-1") -> Call:
    """A till's call under a key."""
    return Call(
        program_id=shop.program, caller=shop.till.key_id, route="POST /v1/transactions", key=key, fingerprint=b"asked"
    )


def sell_once(shop: Shop, call: Call) -> bytes:
    """The pattern of every write: claim, effect and answer in one transaction."""
    with shop.app.db.begin() as tx:
        known = idempotency.claim(tx, call, now=NOON)
        if known is not None:
            return known.body
        answer = uuid4().bytes
        record_sale(shop.app, tx, shop.till, wish_of(shop, 10_00))
        idempotency.answer(tx, call, status=201, body=answer)
        return answer


def test_one_key_twenty_times_at_once_has_one_effect_and_one_answer(shop: Shop) -> None:
    call = call_of(shop)

    answers = at_once([lambda: sell_once(shop, call)] * 20)

    assert len(set(answers)) == 1
    assert available(shop.app.db, shop.alice) == 50 + 10
    assert count(shop.app.db, "transactions") == 1


def test_a_call_that_failed_leaves_no_key_behind(shop: Shop) -> None:
    call = call_of(shop)

    def fail_after_the_effect() -> None:
        with shop.app.db.begin() as tx:
            idempotency.claim(tx, call, now=NOON)
            record_sale(shop.app, tx, shop.till, wish_of(shop, 10_00))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_the_effect()

    assert count(shop.app.db, "idempotency_keys") == 0
    assert available(shop.app.db, shop.alice) == 50


@pytest.mark.parametrize("changed", [{"caller": UUID(int=7)}, {"route": "POST /v1/check-ins"}, {"key": "k-2"}], ids=str)
def test_a_key_is_the_callers_own_on_that_route(shop: Shop, changed: dict[str, object]) -> None:
    call = call_of(shop)
    with shop.app.db.begin() as tx:
        idempotency.claim(tx, call, now=NOON)
        idempotency.answer(tx, call, status=201, body=b"first")

    with shop.app.db.begin() as tx:
        same = idempotency.claim(tx, call, now=NOON)
        other = idempotency.claim(tx, replace(call, **changed), now=NOON)  # type: ignore[arg-type]  # by name

    assert same == Answered(fingerprint=b"asked", status=201, body=b"first")
    assert other is None


def test_who_waits_too_long_for_the_first_answer_is_told_to_ask_again(shop: Shop) -> None:
    call, claimed, let_go = call_of(shop), threading.Event(), threading.Event()

    def first() -> None:
        with shop.app.db.begin() as tx:
            idempotency.claim(tx, call, now=NOON)
            claimed.set()
            let_go.wait(timeout=10)

    def second() -> object:
        claimed.wait(timeout=10)
        try:
            with shop.app.db.begin() as tx:
                return idempotency.claim(tx, call, now=NOON)
        finally:
            let_go.set()

    outcomes: list[object | Refusal] = at_once([first, second])

    assert isinstance(outcomes[1], InProgress)
