"""Units that turn into a reward by themselves: every full block at once, or at the end of a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from wallet_api.domain import calendar
from wallet_api.domain.definition import Conversion, Definition, Price, Unit, Window
from wallet_api.domain.posting import Posting
from wallet_api.domain.redeeming import issue, reward_of


@dataclass(frozen=True, kw_only=True)
class Due:
    """A window that ends: `at` is the first instant after it."""

    at: datetime
    unit: Unit
    conversion: Conversion
    window: Window


def convert_at_once(posting: Posting, *, at: datetime) -> None:
    """Turn every full block of a unit that converts at once into a voucher of its own."""
    for unit in posting.definition.units.values():
        conversion = unit.converts
        if conversion is None or conversion.windows:
            continue
        reward = reward_of(posting.definition, conversion.into)
        while posting.state.available(unit.id) >= conversion.every:
            if issue(posting, reward, at=at, price=Price(unit=unit.id, amount=conversion.every)) is None:
                break


def next_due(definition: Definition, *, after: datetime) -> Iterator[Due]:
    """For each unit that converts in windows, the next end of each."""
    zone = definition.time_zone
    today = calendar.local_day(after, zone)
    for unit in definition.units.values():
        for window in unit.converts.windows if unit.converts else ():
            assert unit.converts is not None
            at = calendar.start_of(window.end_after(today), zone)
            yield Due(at=at, unit=unit, conversion=unit.converts, window=window)


def post(posting: Posting, due: Due) -> None:
    """Turn the full blocks of a window, as many as its limits allow, into one voucher; the rest is carried on."""
    unit, conversion = due.unit, due.conversion
    end = calendar.local_day(due.at, posting.definition.time_zone)
    year = f"{(end - timedelta(days=1)).year}"
    name = f"convert:{unit.id}"
    blocks = max(0, posting.state.available(unit.id) // conversion.every)
    if conversion.blocks_per_window is not None:
        blocks = min(blocks, conversion.blocks_per_window)
    if conversion.blocks_per_year is not None:
        blocks = min(blocks, conversion.blocks_per_year - posting.state.counted(name, year).units)
    if blocks <= 0:
        return
    issued = issue(
        posting,
        reward_of(posting.definition, conversion.into),
        at=due.at,
        quantity=blocks,
        price=Price(unit=unit.id, amount=conversion.every),
        valid_from=due.window.issued.on_or_after(end),
    )
    if issued is not None:
        posting.count(name, year, units=blocks)
