"""A simulation as a picture: members per tier, and what the shop owes over the months, today beside changed.

It needs the extra `plots` (Matplotlib), so it is imported by whoever is asked for a picture and by nobody else.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from babel.dates import format_date
from babel.numbers import format_compact_currency, format_decimal
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from wallet_api.services.explain import Explainer
from wallet_api.services.simulate import Outcome, Simulation

_LOCALE = "en"
_INK, _FAINT = "#1f2937", "#d1d5db"
_COLOURS = {"today": "#b6bcc6", "changed": "#2563eb"}
_INCHES, _DOTS_AN_INCH = (12, 5), 150


def draw(simulation: Simulation, file: Path) -> None:
    """Draw a simulation into a PNG or SVG file, by the file's name."""
    # A figure of its own, without pyplot's global state. Text stays text in SVG: it can be searched and read aloud.
    with rc_context({"svg.fonttype": "none", "font.size": 10, "text.color": _INK, "axes.labelcolor": _INK}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        tiers, owed = figure.subplots(1, 2)
        outcomes = {
            name: outcome
            for name, outcome in (("today", simulation.today), ("changed", simulation.changed))
            if outcome is not None
        }
        _members_by_tier(tiers, outcomes)
        _liabilities(owed, outcomes)
        for axes in (tiers, owed):
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.grid(axis="y", color=_FAINT, linewidth=0.6)
            axes.set_axisbelow(True)
            axes.tick_params(colors=_INK, length=0)
            axes.margins(y=0.12)
            axes.set_ylim(bottom=0)
            if len(outcomes) > 1:
                axes.legend(frameon=False)
        figure.savefig(file, format=file.suffix.removeprefix(".").lower(), dpi=_DOTS_AN_INCH)


def _members_by_tier(axes: Axes, outcomes: dict[str, Outcome]) -> None:
    names = {
        tier: Explainer(outcome.definition, _LOCALE).tier(tier) if tier else "no tier"
        for outcome in outcomes.values()
        for tier in outcome.members_by_tier
    }
    width = 0.8 / len(outcomes)
    for place, (name, outcome) in enumerate(outcomes.items()):
        offset = (place - (len(outcomes) - 1) / 2) * width
        bars = axes.bar(
            [number + offset for number in range(len(names))],
            [outcome.members_by_tier.get(tier, 0) for tier in names],
            width=width * 0.94,
            color=_COLOURS[name],
            label=name,
        )
        axes.bar_label(bars, fmt=lambda count: format_decimal(round(count), locale=_LOCALE), padding=2)
    axes.set_xticks(range(len(names)), list(names.values()))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: format_decimal(round(count), locale=_LOCALE)))
    axes.set_title("Members by tier at the end", loc="left")


def _liabilities(axes: Axes, outcomes: dict[str, Outcome]) -> None:
    for name, outcome in outcomes.items():
        decimals = outcome.definition.currency_decimals
        amounts = [amount / 10**decimals for amount in outcome.liabilities.values()]
        # Today's line is broad and pale: where both are the same, both are seen.
        width = 5.0 if name == "today" else 1.8
        axes.plot(range(len(amounts)), amounts, color=_COLOURS[name], linewidth=width, label=name)
    any_outcome = next(iter(outcomes.values()))
    months = list(any_outcome.liabilities)

    def month(place: float, _: int | None) -> str:
        return format_date(months[int(place)], "MMM y", locale=_LOCALE) if 0 <= place < len(months) else ""

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(month))
    axes.yaxis.set_major_formatter(
        FuncFormatter(
            lambda amount, _: format_compact_currency(
                Decimal(str(amount)), any_outcome.definition.currency, locale=_LOCALE, fraction_digits=1
            )
        )
    )
    axes.set_title("Liability at the end of each month (units and open vouchers)", loc="left")
