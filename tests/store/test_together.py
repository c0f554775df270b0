"""Many calls whose statements go to the database together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

import psycopg
import pytest

from wallet_api.store import sql, together
from wallet_api.store.session import Database, Tx
from wallet_api.store.together import NotRepeatable


@pytest.fixture
def numbers(db: Database) -> Database:
    with db.begin() as tx:
        sql.run(tx, "CREATE TABLE numbers (n int PRIMARY KEY, twice int)")
        sql.run(tx, "INSERT INTO numbers SELECT n FROM generate_series(1, 50) n")
    return db


def double(tx: Tx, *, n: int) -> str:
    """Reads, writes what it has read, reads what it has written."""
    found = sql.one(tx, "SELECT n FROM numbers WHERE n = :n", n=n).n
    sql.run(tx, "UPDATE numbers SET twice = :twice WHERE n = :n", twice=2 * found, n=n)
    sql.run(tx, "UPDATE numbers SET twice = twice + 0 WHERE n = :n", n=n)
    return f"{n}: {sql.one(tx, 'SELECT twice FROM numbers WHERE n = :n', n=n).twice}"


def test_each_call_reads_and_writes_as_it_would_alone(numbers: Database) -> None:
    with numbers.begin() as tx:
        results = together.each(tx, [partial(double, n=n) for n in range(1, 51)])

    assert results == [f"{n}: {2 * n}" for n in range(1, 51)]
    with numbers.read() as tx:
        assert all(row.twice == 2 * row.n for row in sql.every(tx, "SELECT n, twice FROM numbers"))


def test_no_calls_are_no_statements(numbers: Database) -> None:
    with numbers.begin() as tx:
        assert together.each(tx, []) == []


def test_rows_can_be_had_one_by_one_all_or_none(numbers: Database) -> None:
    def look(tx: Tx) -> tuple[object, object, object]:
        none = sql.first(tx, "SELECT n FROM numbers WHERE n > 50")
        first = sql.first(tx, "SELECT n FROM numbers ORDER BY n")
        return (
            none,
            first and dict(first._mapping),
            [row.n for row in sql.every(tx, "SELECT n FROM numbers ORDER BY n")],
        )

    with numbers.begin() as tx:
        (found,) = together.each(tx, [look])

    assert found == (None, {"n": 1}, list(range(1, 51)))


def test_what_a_call_remembers_it_need_not_ask_again(numbers: Database) -> None:
    remembered: dict[int, int] = {}

    def remember(tx: Tx, *, n: int) -> int:
        if n not in remembered:
            remembered[n] = sql.one(tx, "SELECT n FROM numbers WHERE n = :n", n=n).n
        sql.run(tx, "UPDATE numbers SET twice = :twice WHERE n = :n", twice=2 * remembered[n], n=n)
        return int(sql.one(tx, "SELECT twice FROM numbers WHERE n = :n", n=n).twice)

    with numbers.begin() as tx:
        results = together.each(tx, [partial(remember, n=3), partial(remember, n=4)])

    assert results == [6, 8]


def test_a_call_that_writes_something_else_the_second_time_is_stopped(numbers: Database) -> None:
    written = iter(range(1, 51))

    def fickle(tx: Tx) -> None:
        sql.run(tx, "UPDATE numbers SET twice = :n WHERE n = 1", n=next(written))
        sql.one(tx, "SELECT n FROM numbers WHERE n = 1")

    with pytest.raises(NotRepeatable), numbers.begin() as tx:
        together.each(tx, [fickle])


def test_a_call_that_writes_only_the_first_time_is_stopped(numbers: Database) -> None:
    writes = iter([True, False])

    def brief(tx: Tx) -> None:
        if next(writes):
            sql.run(tx, "UPDATE numbers SET twice = 2 WHERE n = 1")
            sql.one(tx, "SELECT n FROM numbers WHERE n = 1")

    with pytest.raises(NotRepeatable), numbers.begin() as tx:
        together.each(tx, [brief])


def test_a_call_that_always_asks_something_new_is_stopped(numbers: Database) -> None:
    asked = count()

    def endless(tx: Tx) -> None:
        sql.first(tx, "SELECT n FROM numbers WHERE n = :n", n=next(asked))

    with pytest.raises(NotRepeatable), numbers.begin() as tx:
        together.each(tx, [endless])


def wrong_statement(tx: Tx) -> None:
    sql.run(tx, "UPDATE numbers SET n = 1 WHERE n = 2")


def wrong_call(tx: Tx) -> None:
    sql.one(tx, "SELECT n FROM numbers WHERE n = 1")
    raise LookupError


@pytest.mark.parametrize(
    ("wrong", "fault"), [(wrong_statement, psycopg.errors.UniqueViolation), (wrong_call, LookupError)]
)
def test_when_one_fails_nothing_is_written(
    numbers: Database, wrong: Callable[[Tx], object], fault: type[Exception]
) -> None:
    calls: list[Callable[[Tx], object]] = [partial(double, n=3), wrong, partial(double, n=4)]

    with pytest.raises(fault), numbers.begin() as tx:
        together.each(tx, calls)

    with numbers.read() as tx:
        assert sql.every(tx, "SELECT n FROM numbers WHERE twice IS NOT NULL") == []
