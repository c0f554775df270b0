"""What the tests of the definition file share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

HEAD: Final = {
    "program": "my-shop",
    "name": "My Shop",
    "currency": "EUR",
    "time_zone": "Europe/Paris",
    "languages": "[en, fr]",
    "units": "{points: {}}",
    "tiers": "{measure: spend, period: calendar year, valid: rest of the year, then: as earned in the last period, "
    "levels: [{id: bronze, from: 0}, {id: silver, from: 500}, {id: gold, from: 2000}]}",
}


@pytest.fixture(scope="session")
def complete() -> Callable[[str], str]:
    """Makes a file of a part of one: what the part leaves out comes after it, so that its lines keep their numbers."""

    def completed(part: str) -> str:
        written = set(re.findall(r"^(\w+):", part, flags=re.MULTILINE))
        return part + "\n" + "".join(f"{key}: {value}\n" for key, value in HEAD.items() if key not in written)

    return completed
