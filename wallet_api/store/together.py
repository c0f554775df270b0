"""Many calls whose statements are sent together: what costs a round trip each, one by one, costs one for all.

Each call is an ordinary function of a transaction, such as a use case for one member. It runs until it needs an answer
that is not there; then the statements of all calls are sent as one pipeline, and the calls begin again, with the answers
that they have had. So a call runs as often as it reads, and must write the same each time; what it has read and
remembers, it need not ask again. Where one does otherwise, or where anything fails, an exception leaves the transaction
to be rolled back: whoever calls then does it one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar, cast

import psycopg
from sqlalchemy import Dialect, Row, TextClause
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from wallet_api.store.session import Tx

T = TypeVar("T")

RUNS_MAX = 100
"""A call that reads more often than this has no end."""


class NotRepeatable(Exception):
    """A call did something else when it ran again, after its first statements had been sent."""


def each(tx: Tx, calls: Sequence[Callable[[Tx], T]]) -> list[T]:
    """The result of each call, in their order, on this transaction.

    The statements of one call are run in its own order; those of different calls have no order among each other.
    """
    scripts = [_Script(call) for call in calls]
    running = scripts
    for _ in range(RUNS_MAX):
        running = [script for script in running if not script.goes_to_its_end()]
        _send(tx, scripts)
        if not running:
            return [script.result for script in scripts]
    raise NotRepeatable


class _Unanswered(BaseException):
    """Leaves a call where it needs an answer; no handler of its own errors may catch it."""


_Asked: TypeAlias = tuple[TextClause, Mapping[str, object]]


@dataclass(frozen=True)
class _Rows:
    """What the database answered; None: nothing that has rows."""

    columns: SimpleResultMetaData | None
    rows: Sequence[tuple[Any, ...]]


class _Script(Generic[T]):
    """One call, what it has asked so far, and the answers to the first of that; to the call it is the transaction."""

    result: T

    def __init__(self, call: Callable[[Tx], T]) -> None:
        self._call = call
        self._place = 0
        self.asked: list[_Asked] = []
        self.answers: list[_Rows] = []

    def goes_to_its_end(self) -> bool:
        """Run the call as far as the answers reach."""
        self._place = 0
        try:
            self.result = self._call(cast("Tx", self))
        except _Unanswered:
            return False
        self._pass_over_reads(until=None)
        return True

    def execute(self, statement: TextClause, values: Mapping[str, object]) -> _Answer:
        """Note a statement, or find it again."""
        self._pass_over_reads(until=(statement, values))
        place = self._place
        self._place += 1
        if place < len(self.answers):
            return _Answer(self.answers[place])
        self.asked.append((statement, values))
        return _Answer(None)

    def _pass_over_reads(self, *, until: _Asked | None) -> None:
        """Go to where this was asked before, or to the end of what was; raises where a write would be left out."""
        while self._place < len(self.answers) and (known := self.asked[self._place]) != until:
            if not _is_read(known[0]):
                raise NotRepeatable
            self._place += 1


class _Answer:
    """The answer to a statement; most statements only write, and nobody looks at theirs."""

    def __init__(self, found: _Rows | None) -> None:
        self._found = found

    def one(self) -> Row[Any]:
        return self._result().one()

    def first(self) -> Row[Any] | None:
        return self._result().first()

    def all(self) -> Sequence[Row[Any]]:
        return self._result().all()

    def _result(self) -> IteratorResult[Any]:
        if self._found is None:
            raise _Unanswered
        assert self._found.columns is not None, "a statement without rows was asked for some"
        return IteratorResult(self._found.columns, iter(self._found.rows))


def _send(tx: Tx, scripts: Sequence[_Script[Any]]) -> None:
    """Run what has been asked and not answered, as one pipeline."""
    driver = tx.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    sent: list[tuple[_Script[Any], TextClause, psycopg.Cursor[Any]]] = []
    with driver.pipeline():
        for script in scripts:
            for statement, values in script.asked[len(script.answers) :]:
                cursor = driver.cursor()
                cursor.execute(_driver_sql(statement, tx.dialect), values)
                sent.append((script, statement, cursor))
    columns: dict[TextClause, SimpleResultMetaData] = {}
    for script, statement, cursor in sent:
        if cursor.pgresult is None or not cursor.pgresult.nfields:
            script.answers.append(_Rows(None, ()))
            continue
        if statement not in columns:
            columns[statement] = SimpleResultMetaData([column.name for column in cursor.description or ()])
        script.answers.append(_Rows(columns[statement], cursor.fetchall()))


@cache
def _driver_sql(statement: TextClause, dialect: Dialect) -> bytes:
    """The statement as the driver gets it, so that it finds the one that it has prepared."""
    return str(statement.compile(dialect=dialect)).encode()


@cache
def _is_read(statement: TextClause) -> bool:
    return statement.text.startswith("SELECT")
