"""Units as they are written → as the engine counts them: words, expiry, what they pay for and turn into."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from wallet_api.domain.definition import (
    Conversion,
    Expiry,
    ExpiryAnchor,
    Localised,
    MonthDay,
    Period,
    Unit,
    Window,
    Worth,
)

from .declaration_units import (
    ExpiryWords,
    ExpiryWritten,
    OneAndOther,
    PaysWritten,
    TurnsIntoWritten,
    UnitWord,
    UnitWritten,
    WindowWritten,
)
from .faults import shown
from .lookup import COUNTED, SPEND, Lookup, first_place
from .phrases import MONTHS, Limit
from .shapes import At

MONTH_NAMES: Final = {number: name for name, number in MONTHS.items()}
NOT_OF_A_COUNTER: Final = {
    "expires": "it never expires",
    "pending": "there is nothing to wait for",
    "pays": "it pays for nothing",
    "turns_into": "it turns into nothing",
}


class UnitReader(Lookup):
    """Makes units out of a file's part."""

    def unit(self, unit_id: At[str], unit: UnitWritten) -> Unit:
        if unit_id.value in {SPEND, *COUNTED}:
            self.report.add(
                unit_id.place, f"a unit cannot be called `{unit_id.value}`", "that word is a measure, in `tiers`"
            )
        if unit.counter:
            self.only_counts(unit)
        name, one = self.unit_name(unit_id.value, unit)
        return Unit(
            id=unit_id.value,
            name=name,
            one=one,
            decimals=self.unit_decimals(unit_id.value),
            expires=self.expiry(unit.expires) if unit.expires else None,
            converts=self.conversion(unit.turns_into, unit_id.value) if unit.turns_into else None,
            is_counter=unit.counter is not None,
            pending=unit.pending.value if unit.pending else None,
            worth=self.worth(unit.pays, unit_id.value) if unit.pays else None,
            taken_back_on_return_day=unit.returns_count is not None and unit.returns_count.value,
        )

    def only_counts(self, unit: UnitWritten) -> None:
        """A counter can be neither spent nor lost."""
        for key, because in NOT_OF_A_COUNTER.items():
            if place := first_place(getattr(unit, key)):
                self.report.add(
                    place, f"a counter only counts, so {because}", f"leave out `{key}`, or leave out `counter`"
                )

    def unit_name(self, unit_id: str, unit: UnitWritten) -> tuple[Localised, Localised]:
        """The words for many and for one."""
        if unit.name is None or isinstance(unit.name, At):
            name = self.plain(unit.name.value if unit.name else unit_id.replace("-", " ").replace("_", " "))
            return name, name
        self.known_languages(language for language, _ in unit.name)
        words = [(language.value, word) for language, word in unit.name if word is not None]
        return (
            self.localised({language: _many(word) for language, word in words}),
            self.localised({language: _one(word) for language, word in words}),
        )

    # ── Expiry ───────────────────────────────────────────────────────────────────────────────────────────────────

    def expiry(self, written: ExpiryWords) -> Expiry | None:
        if isinstance(written, At):
            return written.value
        if written.years_after and not written.on and not self.has_fault(written.place, "on"):
            self.report.add(
                written.years_after.place, "`years_after` goes with `on`", "write the day too: `on: 3 January`"
            )
        if written.extended_by_activity and written.after_inactivity:
            self.report.add(
                written.extended_by_activity.place,
                "with `after_inactivity` any earning or spending begins the time anew",
                "leave out `extended_by_activity`",
            )
        tiers = self.all_known(written.tiers, "tier")
        anchored = _anchor(written)
        if anchored is None:
            return None
        return Expiry(
            after=anchored.after,
            anchor=anchored.anchor,
            on=anchored.on,
            years_after=written.years_after.value if written.years_after else 0,
            extended_by=written.extended_by_activity.value if written.extended_by_activity else None,
            tiers=tiers,
        )

    # ── What it pays for, and turns into ─────────────────────────────────────────────────────────────────────────

    def worth(self, pays: PaysWritten, unit: str) -> Worth:
        self.positive(pays.units, what="`units`")
        self.positive(pays.money, what="`money`")
        if pays.at_most and not 0 < pays.at_most.value <= 1:
            self.report.add(pays.at_most.place, "such a share of a purchase cannot be paid", "above 0 % to 100 %")
        if pays.multiples_of:
            self.positive(pays.multiples_of, what="`multiples_of`")
        return Worth(
            units=self.steps(pays.units, unit=unit),
            money=self.minor_units(pays.money),
            multiples_of=self.steps(pays.multiples_of, unit=unit) if pays.multiples_of else 1,
            share=pays.at_most.value if pays.at_most else Fraction(1),
            from_balance=self.steps(pays.from_balance, unit=unit) if pays.from_balance else 0,
            given_back=pays.given_back is None or pays.given_back.value,
        )

    def conversion(self, into: TurnsIntoWritten, unit: str) -> Conversion:
        """What a full number of a unit turns into."""
        self.known(into.reward, "reward")
        gives = next((reward.gives for reward in self.file.rewards or () if reward.id.value == into.reward.value), None)
        if gives and (gives.units or gives.donation):
            what = "units" if gives.units else "to a good cause"
            self.report.add(
                into.reward.place,
                f"units turn into a voucher, and {shown(into.reward.value)} gives {what}",
                "name a reward that gives money off, a share off, or an item",
            )
        self.positive(into.every, what="`every`")
        self.windows_apart(into.windows or ())
        most = self.most_blocks(into)
        return Conversion(
            every=self.steps(into.every, unit=unit),
            into=into.reward.value,
            windows=tuple(
                Window(first=each.months.value[0], last=each.months.value[1], issued=each.issued.value)
                for each in into.windows or ()
            ),
            blocks_per_window=most.get(Period.WINDOW),
            blocks_per_year=most.get(Period.YEAR),
        )

    def windows_apart(self, windows: tuple[WindowWritten, ...]) -> None:
        """No month lies in two windows."""
        taken: dict[int, WindowWritten] = {}
        for window in windows:
            for month in _months(*window.months.value):
                other = taken.setdefault(month, window)
                if other is not window:
                    self.report.add(
                        window.months.place,
                        f"{MONTH_NAMES[month]} lies in the window of line {other.months.place.line} already",
                        "a month belongs to one window",
                    )
                    break

    def most_blocks(self, into: TurnsIntoWritten) -> dict[Period, int]:
        """How many blocks a window and a year turn at most."""
        most: dict[Period, At[Limit]] = {}
        for limit in into.at_most or ():
            per = limit.value.per
            if per not in {Period.WINDOW, Period.YEAR}:
                self.report.add(
                    limit.place, f"blocks are not limited per {per}", "write `5 per window` or `15 per year`"
                )
            elif per in most:
                self.report.add(limit.place, f"a limit per {per} stands already", "keep one of the two")
            most.setdefault(per, limit)
        if into.at_most and not into.windows and not self.has_fault(into.place, "windows"):
            self.report.add(
                into.at_most[0].place,
                "a limit goes with `windows`, and there are none",
                "write `windows`, or leave it out",
            )
        return {per: int(limit.value.number) for per, limit in most.items()}


def _anchor(written: ExpiryWritten) -> Expiry | None:
    """From when a lot's life counts, and how long it is."""
    for span, anchor in (
        (written.after, ExpiryAnchor.EARNED),
        (written.after_end_of_month, ExpiryAnchor.END_OF_MONTH),
        (written.after_end_of_year, ExpiryAnchor.END_OF_YEAR),
        (written.after_inactivity, ExpiryAnchor.LAST_ACTIVITY),
    ):
        if span:
            return Expiry(after=span.value, anchor=anchor)
    on: At[MonthDay] | None = written.on
    return Expiry(anchor=ExpiryAnchor.FIXED_DAY, on=on.value) if on else None


def _months(first: int, last: int) -> list[int]:
    """The months from one to another, over the end of the year where the last is the smaller one."""
    return [(first - 1 + step) % 12 + 1 for step in range((last - first) % 12 + 1)]


def _one(word: UnitWord) -> str:
    return word.one.value if isinstance(word, OneAndOther) else word.value


def _many(word: UnitWord) -> str:
    return word.other.value if isinstance(word, OneAndOther) else word.value
