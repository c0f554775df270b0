"""The CDNOW sample as purchases to import: a real shop's first eighteen months, for the demo and for tests.

`samples/README.md` names its source. Columns: id in the full data, id in the sample, day (YYYYMMDD), CDs bought, USD.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from wallet_api.services.import_transactions import SaleLine

SAMPLE = Path(__file__).parents[1] / "samples" / "CDNOW_sample.txt"
LAST_DAY = date(1998, 6, 30)


def rows(path: Path = SAMPLE, *, shift_days: int = 0) -> Iterator[SaleLine]:
    """Each purchase as a line to import, moved by so many days; the line's number is the receipt's."""
    with path.open(encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            _, member, day, _, dollars = line.split()
            moved = date.fromisoformat(day) + timedelta(days=shift_days)
            columns = {
                "member": member,
                "external_id": str(number),
                "occurred_at": moved.isoformat(),
                "amount": dollars,
            }
            yield SaleLine(number=number, columns=columns)


def days_until(last: date) -> int:
    """By how many days to move the sample so that its last purchase falls on this day."""
    return (last - LAST_DAY).days
