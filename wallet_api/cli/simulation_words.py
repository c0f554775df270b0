"""A simulation for people, as columns of text, and for programs, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from wallet_api.domain.definition import Definition, Unit
from wallet_api.domain.money import half_up
from wallet_api.services.explain import Explainer
from wallet_api.services.replay import LeftOut
from wallet_api.services.simulate import Outcome, Simulation

LOCALE = "en"
NOTHING = "–"
NO_TIER = "no tier"

Json = dict[str, object]


def in_words(simulation: Simulation, *, changed_title: str, today_title: str | None) -> str:
    """The whole answer as lines of text; the titles say where the definitions come from."""
    return "\n".join(_lines(simulation, changed_title, today_title))


def as_json(simulation: Simulation) -> Json:
    """The same for programs: money in minor units, amounts of units in smallest steps, no tier as an empty name."""
    return {
        "program": simulation.changed.definition.program,
        "currency": simulation.changed.definition.currency,
        "first": simulation.first.isoformat(),
        "last": simulation.last.isoformat(),
        "members": simulation.members,
        "sales": simulation.sales,
        "returns": simulation.returns,
        "today": _outcome_json(simulation.today) if simulation.today else None,
        "changed": _outcome_json(simulation.changed),
        "moves": [
            {"from": before or "", "to": after or "", "members": count}
            for (before, after), count in sorted(simulation.moves.items(), key=str)
        ],
    }


def _outcome_json(outcome: Outcome) -> Json:
    per_sale, share = outcome.cost_per_sale, outcome.cost_share
    return {
        "units": {
            unit: {
                "earned": figures.earned,
                "redeemed": figures.redeemed,
                "expired": figures.expired,
                "returned": figures.returned,
                "adjusted": figures.adjusted,
                "open": figures.open,
                "worth": {"money": figures.worth.numerator, "units": figures.worth.denominator}
                if figures.worth is not None
                else None,
                "liability": figures.liability,
            }
            for unit, figures in outcome.units.items()
        },
        "vouchers": {"open": outcome.vouchers, "worth": outcome.vouchers_worth},
        "liability": outcome.liability,
        "liability_by_month": {f"{month:%Y-%m}": amount for month, amount in outcome.liabilities.items()},
        "members_by_tier": {tier or "": count for tier, count in outcome.members_by_tier.items()},
        "moves_up": outcome.ups,
        "moves_down": outcome.downs,
        "revenue": outcome.revenue,
        "taken_off_sales": outcome.taken_off,
        "cost": {
            "total": half_up(outcome.cost),
            "per_sale": half_up(per_sale) if per_sale is not None else None,
            "share_of_revenue": round(float(share), 6) if share is not None else None,
        },
        "left_out": [
            {"what": left.what, "which": left.which, "why": left.why, "count": count}
            for left, count in _by_name(outcome.left_out.items())
        ],
    }


# ── Sentences and columns ────────────────────────────────────────────────────────────────────────────────────────


def _lines(simulation: Simulation, changed_title: str, today_title: str | None) -> Iterator[str]:
    first, last = (format_date(day, format="long", locale=LOCALE) for day in (simulation.first, simulation.last))
    yield (
        f"{simulation.changed.definition.program}, {first} to {last}. Members: {_number(simulation.members)}, "
        f"sales: {_number(simulation.sales)}, returns: {_number(simulation.returns)}."
    )
    if today_title:
        yield f"Today is {today_title}; changed is {changed_title}. Both start from nothing and replay the same past."
    else:
        yield f"Changed is {changed_title}. There is no definition of today to compare it with (see --against)."
    yield ""
    yield from _columns(simulation)
    yield from _without_money(simulation)
    if simulation.today:
        yield ""
        yield from _matrix(simulation)
    yield from _left_out(simulation)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A figure under both definitions; `show` writes it, `less` the difference where that is written differently."""

    label: str
    today: Fraction | int | None
    changed: Fraction | int | None
    show: Callable[[Fraction | int], str]
    less: Callable[[Fraction | int], str] | None = None


def _columns(simulation: Simulation) -> Iterator[str]:
    both = simulation.today is not None
    cells: list[tuple[str, ...]] = [("", "today", "changed", "difference") if both else ("", "changed")]
    for row in _rows(simulation):
        if isinstance(row, str):
            cells.append((row, "", "", "") if both else (row, ""))
            continue
        values = (row.today, row.changed) if both else (row.changed,)
        shown = [NOTHING if value is None else row.show(value) for value in values]
        cells.append((row.label, *shown, *([_difference(row)] if both else [])))
    yield from _aligned(cells)


def _difference(row: _Row) -> str:
    if row.today is None or row.changed is None:
        return NOTHING
    less: Fraction | int = row.changed - row.today
    sign = "+" if less > 0 else "-" if less < 0 else ""
    return sign + (row.less or row.show)(-less if less < 0 else less)


def _rows(simulation: Simulation) -> Iterator[_Row | str]:
    today, changed = simulation.today, simulation.changed
    definition = changed.definition

    def row(
        label: str,
        figure: Callable[[Outcome], Fraction | int | None],
        show: Callable[[Fraction | int], str],
        less: Callable[[Fraction | int], str] | None = None,
    ) -> _Row:
        return _Row(label=label, today=figure(today) if today else None, changed=figure(changed), show=show, less=less)

    def money(amount: Fraction | int) -> str:
        return Explainer(definition, LOCALE).money(half_up(Fraction(amount)))

    for unit in _units(simulation):
        yield unit.name.text(LOCALE).capitalize()
        for label in ("earned", "redeemed", "expired", "returned", "adjusted", "open"):
            of_unit = row(f"  {label}", _of_unit(unit.id, label), _in_units(unit))
            if label != "adjusted" or of_unit.today or of_unit.changed:
                yield of_unit
        yield row(f"  worth of one {unit.one.text(LOCALE)}", _worth_of_one(unit), _exact_money(definition))
        yield row("  liability", _of_unit(unit.id, "liability"), money)
    if changed.vouchers or (today and today.vouchers):
        yield "Vouchers"
        yield row("  open", lambda outcome: outcome.vouchers, _number)
        yield row("  liability", lambda outcome: outcome.vouchers_worth, money)
    yield row("Liability in all", lambda outcome: outcome.liability, money)
    if tiers := _tiers(simulation):
        yield "Members at the end"
        for tier, name in tiers.items():
            yield row(f"  {name}", _in_tier(tier), _number)
        yield "Moves between tiers on the way"
        yield row("  up", lambda outcome: outcome.ups, _number)
        yield row("  down", lambda outcome: outcome.downs, _number)
    yield "Cost (what was earned and not taken back)"
    yield row("  in all", lambda outcome: outcome.cost, money)
    yield row("  per sale", lambda outcome: outcome.cost_per_sale, money)
    yield row("  share of the revenue", lambda outcome: outcome.cost_share, _percent, _percentage_points)
    yield "Sales"
    yield row("  taken off by vouchers and member prices", lambda outcome: outcome.taken_off, money)
    yield row("  revenue", lambda outcome: outcome.revenue, money)


def _of_unit(unit: str, label: str) -> Callable[[Outcome], int | None]:
    return lambda outcome: getattr(outcome.units[unit], label) if unit in outcome.units else None


def _in_tier(tier: str | None) -> Callable[[Outcome], int]:
    return lambda outcome: outcome.members_by_tier.get(tier, 0)


def _worth_of_one(unit: Unit) -> Callable[[Outcome], Fraction | None]:
    def worth(outcome: Outcome) -> Fraction | None:
        figures = outcome.units.get(unit.id)
        return None if figures is None or figures.worth is None else figures.worth * 10**unit.decimals

    return worth


def _without_money(simulation: Simulation) -> Iterator[str]:
    """Which units have no money value, and so are missing from what is said in money."""
    for name, outcome in _outcomes(simulation):
        for unit_id, figures in outcome.units.items():
            unit = outcome.definition.units[unit_id]
            if figures.worth is not None:
                continue
            noun = unit.name.text(LOCALE)
            why = (
                "they only count"
                if unit.is_counter
                else "no reward takes money off for them, and they pay nothing at the till"
            )
            yield f"In {name}, {noun} are worth no money: {why}. Liability and cost leave them out."


def _matrix(simulation: Simulation) -> Iterator[str]:
    tiers = _tiers(simulation)
    if not tiers:
        return
    yield "Members at the end, by their tier today (rows) and the changed one (columns)"
    cells: list[tuple[str, ...]] = [("", *tiers.values())]
    for before, name in tiers.items():
        cells.append((name, *(_number(simulation.moves.get((before, after), 0)) for after in tiers)))
    yield from _aligned(cells)


def _left_out(simulation: Simulation) -> Iterator[str]:
    told = [
        (name, left, n) for name, outcome in _outcomes(simulation) for left, n in _by_name(outcome.left_out.items())
    ]
    if not told:
        return
    yield ""
    yield "What could not be replayed"
    for name, left, count in told:
        of = f" ({left.which})" if left.which else ""
        yield f"  {name}: {_number(count)} {left.what}{'' if count == 1 else 's'}{of}: {left.why}"


def _outcomes(simulation: Simulation) -> Iterator[tuple[str, Outcome]]:
    if simulation.today:
        yield "today", simulation.today
    yield "changed", simulation.changed


def _units(simulation: Simulation) -> list[Unit]:
    """The units of both definitions, the changed one's first."""
    units = dict(simulation.changed.definition.units)
    for unit_id, unit in (simulation.today.definition.units if simulation.today else {}).items():
        units.setdefault(unit_id, unit)
    return list(units.values())


def _tiers(simulation: Simulation) -> dict[str | None, str]:
    """The tiers of both definitions by rank, the changed one's order first, each with its name; empty if there are none."""
    names: dict[str | None, str] = {}
    for outcome in (simulation.changed, simulation.today):
        if outcome:
            words = Explainer(outcome.definition, LOCALE)
            for tier in outcome.members_by_tier:
                names.setdefault(tier, words.tier(tier) if tier else NO_TIER)
    return {} if set(names) == {None} else names


def _by_name(left_out: Iterable[tuple[LeftOut, int]]) -> list[tuple[LeftOut, int]]:
    return sorted(left_out, key=lambda each: (each[0].what, each[0].which, each[0].why))


def _aligned(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Cells in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *others in cells:
        numbers = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *numbers)).rstrip()


# ── Numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _number(count: Fraction | int) -> str:
    return format_decimal(int(count), locale=LOCALE)


def _in_units(unit: Unit) -> Callable[[Fraction | int], str]:
    return lambda steps: format_decimal(Decimal(int(steps)).scaleb(-unit.decimals), locale=LOCALE)


def _exact_money(definition: Definition) -> Callable[[Fraction | int], str]:
    """Money of which parts of a cent matter, such as what one point is worth."""

    def show(minor: Fraction | int) -> str:
        exact = Fraction(minor) / 10**definition.currency_decimals
        value = round(Decimal(exact.numerator) / Decimal(exact.denominator), definition.currency_decimals + 2)
        return format_currency(value.normalize(), definition.currency, locale=LOCALE, decimal_quantization=False)

    return show


def _percent(share: Fraction | int) -> str:
    return format_percent(float(share), format="#,##0.0%", locale=LOCALE)


def _percentage_points(share: Fraction | int) -> str:
    return f"{format_decimal(round(float(share) * 100, 1), locale=LOCALE)} pp"
