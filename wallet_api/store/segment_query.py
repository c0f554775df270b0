"""Whom a segment's rule selects, in one statement.

The statement is put together from parts that stand here, and everything that a rule says goes in as a parameter. What
a rule does not ask about is not read: each part brings the tables that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wallet_api.domain import calendar
from wallet_api.domain.segment import (
    RFM_CLASSES,
    RFM_DAYS,
    Age,
    All,
    Answered,
    AnyOf,
    AveragePurchase,
    Badge,
    Balance,
    Birthday,
    BirthdayMonth,
    BoughtOneOf,
    Bounds,
    Chose,
    Condition,
    Consent,
    Has,
    Interest,
    Joined,
    Language,
    LargestPurchase,
    Measured,
    Not,
    Reach,
    Rfm,
    Rule,
    Scored,
    SinceJoining,
    SincePurchase,
    Tier,
    Wants,
)
from wallet_api.store.session import Tx

EPOCH = date(1970, 1, 1)
ONE_DAY = timedelta(days=1)
FEBRUARY = 2

_SETTINGS = """
SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
       set_config('plan_cache_mode', 'force_custom_plan', true)
"""
"""Sums over a large program's members are hashed in memory; a plan is made for the very values of a rule."""

_RFM = """
LEFT JOIN (
  SELECT member_id, (CAST(:rfm_classes AS text[]))[
           5 * (fifth(recency, buyers) - 1) + (fifth(frequency, buyers) + fifth(amount, buyers) + 1) / 2] AS class
  FROM (SELECT member_id, count(*) OVER () AS buyers, rank() OVER (ORDER BY last) AS recency,
               rank() OVER (ORDER BY orders) AS frequency, rank() OVER (ORDER BY spend) AS amount
        FROM (SELECT d.member_id, max(d.day) FILTER (WHERE d.measure = 'orders' AND d.value > 0) AS last,
                     (sum(d.value) FILTER (WHERE d.measure = 'orders'))::bigint AS orders,
                     coalesce(sum(d.value) FILTER (WHERE d.measure = 'spend'), 0)::bigint AS spend
              FROM day_measures d JOIN members o ON o.id = d.member_id
              WHERE o.program_id = :program AND o.status = 'active' AND d.measure IN ('orders', 'spend')
                AND d.day BETWEEN :rfm_first AND :today
              GROUP BY d.member_id HAVING sum(d.value) FILTER (WHERE d.measure = 'orders') > 0) AS bought
       ) AS ranked
) AS r ON r.member_id = m.id
"""

_HAS: Mapping[Reach, str] = {
    Reach.APP: "EXISTS (SELECT FROM devices v WHERE v.member_id = m.id AND v.forgotten_at IS NULL)",
    Reach.APPLE_PASS: """EXISTS (SELECT FROM cards k JOIN apple_registrations g ON g.card_id = k.id
                                 WHERE k.member_id = m.id AND k.status = 'active')""",
    Reach.GOOGLE_PASS: """EXISTS (SELECT FROM cards k JOIN google_passes g ON g.card_id = k.id
                                  WHERE k.member_id = m.id AND k.status = 'active' AND g.holders > 0)""",
    Reach.EMAIL: "m.email IS NOT NULL",
    Reach.PHONE: "m.phone IS NOT NULL",
}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A query whose only column is `id`, of the members selected, and its parameters."""

    sql: str
    values: Mapping[str, object]


def selection(rule: Rule, *, program_id: str, now: datetime, zone: ZoneInfo) -> Selection:
    """The query for a rule; its days are the program's own, in this zone."""
    query = _Query(today=calendar.local_day(now, zone), zone=zone)
    query.values["program"] = program_id
    where = query.condition(rule)
    text = (
        f"SELECT m.id FROM members m {query.joins()} WHERE m.program_id = :program AND m.status = 'active' AND {where}"  # noqa: S608 parts of our own
    )
    return Selection(sql=" ".join(text.split()), values=query.values)


def count(tx: Tx, selected: Selection, *, sample: int) -> tuple[int, list[UUID]]:
    """How many members a rule selects, and some of them: those who joined last."""
    prepare(tx)
    row = tx.execute(
        text(
            f"WITH selected AS MATERIALIZED ({selected.sql}) SELECT (SELECT count(*) FROM selected) AS size,"  # noqa: S608 parts of our own
            " ARRAY(SELECT id FROM selected ORDER BY id DESC LIMIT :sample) AS sample"
        ),
        {**selected.values, "sample": sample},
    ).one()
    return int(row.size), list(row.sample)


def ids(tx: Tx, selected: Selection) -> set[UUID]:
    """Whom a rule selects."""
    prepare(tx)
    return {row.id for row in tx.execute(text(selected.sql), selected.values)}


def selects(tx: Tx, selected: Selection, member_id: UUID) -> bool:
    """Whether a rule selects this member; what it asks about is read for them alone, but for RFM classes."""
    query = text(f"SELECT EXISTS (SELECT FROM ({selected.sql}) AS found WHERE id = :member) AS yes")  # noqa: S608 parts of our own
    return bool(tx.execute(query, {**selected.values, "member": member_id}).one().yes)


def prepare(tx: Tx) -> None:
    """Have the rest of this transaction run for large answers."""
    tx.exec_driver_sql(_SETTINGS)


@dataclass(kw_only=True)
class _Query:
    """A statement in the making: which tables it needs, and the values of its parameters."""

    today: date
    zone: ZoneInfo
    values: dict[str, object] = field(default_factory=dict)
    _measures: dict[tuple[str, date | None], str] = field(default_factory=dict)
    _accounts: dict[str, str] = field(default_factory=dict)
    _consents: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, str] = field(default_factory=dict)
    _tables: set[str] = field(default_factory=set)

    def condition(self, rule: Rule) -> str:
        """SQL that is true or false, never null, so that a `not` around it is right."""
        match rule:
            case All(rules=rules):
                return self._combined(rules, "AND", empty="TRUE")
            case AnyOf(rules=rules):
                return self._combined(rules, "OR", empty="FALSE")
            case Not(rule=inner):
                return f"NOT {self.condition(inner)}"
            case _:
                return f"coalesce({self._one(rule)}, FALSE)"

    def _combined(self, rules: Sequence[Rule], word: str, *, empty: str) -> str:
        return f"({f' {word} '.join(self.condition(rule) for rule in rules)})" if rules else empty

    def _one(self, rule: Condition) -> str:
        match rule:
            case Tier(any_of=tiers):
                return f"m.tier = ANY({self._list(tiers)})"
            case Language(any_of=languages):
                return f"lower(split_part(replace(m.locale, '_', '-'), '-', 1)) = ANY({self._list(languages)})"
            case Has(any_of=ways):
                return " OR ".join(_HAS[way] for way in ways)
            case Badge(any_of=badges):
                return f"EXISTS (SELECT FROM badges b WHERE b.member_id = m.id AND b.badge = ANY({self._list(badges)}))"
            case Wants() | Consent() | Interest():
                return self._agreed(rule)
            case Answered() | Scored() | Chose():
                return self._answer(rule)
            case Rfm(any_of=classes):
                return f"{self._rfm()} = ANY({self._list(classes)})"
            case Age() | Birthday() | BirthdayMonth() | Joined() | SinceJoining():
                return self._dated(rule)
            case _:
                return self._bought(rule)

    def _agreed(self, rule: Wants | Consent | Interest) -> str:
        match rule:
            case Wants(kind=kind, channel=channel):
                self._tables.add("preferences f")
                return f"NOT coalesce(f.unwanted -> {self._value(kind)} ? {self._value(channel)}, FALSE)"
            case Consent(kind=kind, granted=granted):
                return f"coalesce({self._consent(kind)}, FALSE) = {self._value(granted)}"
            case Interest(what=what, any_of=items):
                self._tables.add("recommended_items n")
                # What was worked out while the member agreed is of no use once they do not.
                return f"coalesce({self._consent('profiling')} AND n.{what.value} && {self._list(items)}, FALSE)"
            case _:
                assert_never(rule)

    def _answer(self, rule: Answered | Scored | Chose) -> str:
        answer = self._answers.setdefault(rule.survey, f"s{len(self._answers)}")
        match rule:
            case Answered():
                return f"{answer}.member_id IS NOT NULL"
            case Scored(question=question):
                # A question that had no answers yet may have become one of another kind since the rule was saved.
                said = f"{answer}.answers -> {self._value(question)}"
                score = f"CASE WHEN jsonb_typeof({said}) = 'number' THEN ({said})::int END"
                return self._within(f"({score})", rule)
            case Chose(question=question, any_of=options):
                return f"({answer}.answers -> {self._value(question)}) ?| {self._list(options)}"
            case _:
                assert_never(rule)

    # ── Dates of birth and of joining ────────────────────────────────────────────────────────────────────────────

    def _dated(self, rule: Age | Birthday | BirthdayMonth | Joined | SinceJoining) -> str:
        match rule:
            case Age(at_least=least, at_most=most):
                return self._between(
                    "m.birth_date",
                    first=None if most is None else _born_by(self.today, most + 1) + ONE_DAY,
                    last=None if least is None else _born_by(self.today, least),
                )
            case BirthdayMonth(any_of=months):
                return f"extract(month FROM m.birth_date)::int = ANY({self._value(list(months))})"
            case Birthday(within_days=days):
                coming = (self.today + number * ONE_DAY for number in range(days + 1))
                born = self._value(sorted({found for day in coming for found in _birthdays(day)}))
                return f"(extract(month FROM m.birth_date) * 100 + extract(day FROM m.birth_date))::int = ANY({born})"
            case SinceJoining(at_least=least, at_most=most):
                return self._joined(
                    first=None if most is None else self.today - most * ONE_DAY,
                    last=None if least is None else self.today - least * ONE_DAY,
                )
            case Joined(first=first, last=last):
                return self._joined(first=first, last=last)
            case _:
                assert_never(rule)

    def _joined(self, *, first: date | None, last: date | None) -> str:
        begin = None if first is None else calendar.start_of(first, self.zone)
        end = None if last is None else calendar.start_of(last + ONE_DAY, self.zone)
        parts = [f"m.joined_at >= {self._value(begin)}"] if begin else []
        parts += [f"m.joined_at < {self._value(end)}"] if end else []
        return " AND ".join(parts)

    # ── What was bought, earned and done ─────────────────────────────────────────────────────────────────────────

    def _bought(
        self, rule: Balance | Measured | AveragePurchase | LargestPurchase | SincePurchase | BoughtOneOf
    ) -> str:
        match rule:
            case Balance(unit=unit):
                return self._within(f"coalesce({self._account(unit)}.available, 0)", rule)
            case Measured(measure=measure, within_days=days):
                return self._within(self._measure(measure, days), rule)
            case AveragePurchase(within_days=days):
                return self._within(
                    f"div({self._measure('spend', days)}, nullif({self._measure('orders', days)}, 0))", rule
                )
            case LargestPurchase():
                self._tables.add("purchase_totals t")
                return self._within("t.largest", rule)
            case SincePurchase(at_least=least, at_most=most):
                self._tables.add("purchase_totals t")
                return self._between(
                    "t.last_day",
                    first=None if most is None else self.today - most * ONE_DAY,
                    last=None if least is None else self.today - least * ONE_DAY,
                )
            case BoughtOneOf():
                return self._item(rule)
            case _:
                assert_never(rule)

    def _item(self, rule: BoughtOneOf) -> str:
        self._tables.add("purchased_items i")
        items, column = self._list(rule.any_of), f"i.{rule.what.value}"
        last = (
            f"AND ({column} -> x.name ->> 0)::int >= {self._value((first - EPOCH).days)}"
            if (first := self._first(rule.last_within_days))
            else ""
        )
        return (
            f"{column} ?| {items} AND EXISTS (SELECT FROM unnest({items}) AS x(name)"
            f" WHERE ({column} -> x.name ->> 1)::int >= {self._value(rule.at_least)} {last})"
        )

    def _measure(self, measure: str, within_days: int | None) -> str:
        """The sum of a measure; of purchases of all time it is kept, any other is added up."""
        if within_days is None and measure in {"spend", "orders"}:
            self._tables.add("purchase_totals t")
            return f"coalesce(t.{measure}, 0)"
        column = self._measures.setdefault((measure, self._first(within_days)), f"v{len(self._measures)}")
        return f"coalesce(d.{column}, 0)"

    def _account(self, unit: str) -> str:
        return self._accounts.setdefault(unit, f"a{len(self._accounts)}")

    def _consent(self, kind: str) -> str:
        return f"{self._consents.setdefault(kind, f'c{len(self._consents)}')}.granted"

    def _rfm(self) -> str:
        self._tables.add("rfm")
        self.values |= {
            "rfm_classes": [each.value for row in RFM_CLASSES for each in row],
            "rfm_first": self._first(RFM_DAYS),
            "today": self.today,
        }
        return "r.class"

    def _first(self, within_days: int | None) -> date | None:
        """The first of the last days, today being one of them."""
        return None if within_days is None else self.today - (within_days - 1) * ONE_DAY

    # ── Parts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def joins(self) -> str:
        """The tables that the conditions so far look at, one row a member each."""
        parts = [f"LEFT JOIN {table} ON {table[-1]}.member_id = m.id" for table in sorted(self._tables - {"rfm"})]
        for unit, alias in self._accounts.items():
            parts.append(
                f"LEFT JOIN accounts {alias} ON {alias}.member_id = m.id AND {alias}.unit = {self._value(unit)}"
            )
        for kind, alias in self._consents.items():
            parts.append(
                f"LEFT JOIN (SELECT DISTINCT ON (member_id) member_id, granted FROM consents"  # noqa: S608 parts of our own
                f" WHERE kind = {self._value(kind)} ORDER BY member_id, id DESC) {alias} ON {alias}.member_id = m.id"
            )
        for survey, alias in self._answers.items():
            parts.append(
                f"LEFT JOIN survey_answers {alias} ON {alias}.member_id = m.id AND {alias}.survey ="  # noqa: S608 parts of our own
                f" (SELECT y.key FROM surveys y WHERE y.program_id = :program AND y.id = {self._value(survey)})"
            )
        if self._measures:
            parts.append(self._sums())
        if "rfm" in self._tables:
            parts.append(_RFM)
        return " ".join(parts)

    def _sums(self) -> str:
        """All sums of measures by one pass over the days that they need."""
        self.values["today"] = self.today
        columns = []
        for (measure, first), column in self._measures.items():
            since = "" if first is None else f" AND e.day >= {self._value(first)}"
            columns.append(f"sum(e.value) FILTER (WHERE e.measure = {self._value(measure)}{since}) AS {column}")
        names = self._list(sorted({measure for measure, _ in self._measures}))
        firsts = [first for _, first in self._measures]
        since = "" if None in firsts else f"AND e.day >= {self._value(min(day for day in firsts if day))}"
        return (
            f"LEFT JOIN (SELECT e.member_id, {', '.join(columns)} FROM day_measures e"  # noqa: S608 parts of our own
            f" WHERE e.measure = ANY({names}) AND e.day <= :today {since}"
            " AND e.member_id IN (SELECT o.id FROM members o WHERE o.program_id = :program AND o.status = 'active')"
            " GROUP BY e.member_id) AS d ON d.member_id = m.id"
        )

    def _within(self, value: str, bounds: Bounds) -> str:
        parts = [] if bounds.at_least is None else [f"{value} >= {self._value(bounds.at_least)}"]
        parts += [] if bounds.at_most is None else [f"{value} <= {self._value(bounds.at_most)}"]
        return " AND ".join(parts)

    def _between(self, column: str, *, first: date | None, last: date | None) -> str:
        parts = [f"{column} >= {self._value(first)}"] if first else []
        parts += [f"{column} <= {self._value(last)}"] if last else []
        return " AND ".join(parts)

    def _list(self, names: Sequence[str]) -> str:
        return f"CAST({self._value(list(names))} AS text[])"

    def _value(self, value: object) -> str:
        """A parameter with this value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def _born_by(today: date, years: int) -> date:
    """The last date of birth of those who are so many years old by today."""
    year = today.year - years
    if today.month == FEBRUARY and (today + ONE_DAY).month != FEBRUARY:
        # Who was born on 29 February is a year older on the last day of February in every year.
        return date(year, FEBRUARY + 1, 1) - ONE_DAY
    return today.replace(year=year)


def _birthdays(day: date) -> list[int]:
    """Dates of birth, as 100 times the month and the day, of those whose birthday is on a day."""
    is_28th_and_last = (day.month, day.day) == (FEBRUARY, 28) and (day + ONE_DAY).month != FEBRUARY
    return [100 * day.month + day.day, *([100 * FEBRUARY + 29] if is_28th_and_last else [])]
