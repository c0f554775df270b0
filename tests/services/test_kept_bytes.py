"""Finished files in memory: bounded, the least wanted go first."""

from __future__ import annotations

from tests.store.threads import at_once
from wallet_api.services.kept_bytes import KeptBytes


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = KeptBytes(at_most=10)
    kept.put("a", b"1234")
    kept.put("b", b"1234")
    kept.get("a")

    kept.put("c", b"1234")

    assert [key for key in "abc" if kept.get(key)] == ["a", "c"]
    assert kept.bytes == 8


def test_the_same_file_again_counts_once() -> None:
    kept = KeptBytes(at_most=10)

    for _ in range(5):
        kept.put("a", b"1234")

    assert (kept.bytes, kept.get("a")) == (4, b"1234")


def test_a_file_larger_than_all_may_be_is_not_kept() -> None:
    kept = KeptBytes(at_most=10)
    kept.put("a", b"1234")

    kept.put("b", b"12345678901")

    assert (kept.get("b"), kept.bytes) == (None, 0)


def test_threads_leave_the_count_right() -> None:
    kept = KeptBytes(at_most=100)

    def put(thread: int) -> None:
        for number in range(500):
            kept.put(f"{thread}-{number % 7}", bytes(number % 13))

    at_once([lambda thread=thread: put(thread) for thread in range(4)])  # type: ignore[misc]  # bound early

    held = [content for thread in range(4) for key in range(7) if (content := kept.get(f"{thread}-{key}")) is not None]
    assert kept.bytes == sum(map(len, held)) <= 100
