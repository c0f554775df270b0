"""When to try again."""

from collections.abc import Callable
from datetime import datetime, timedelta

FIRST_CEILING_S = 10
LAST_CEILING_S = 3_600


def next_try(attempt: int, *, now: datetime, retry_after: int | None, random: Callable[[], float]) -> datetime:
    """The moment of the next try after `attempt` tries (1 for the first) that came to LATER.

    Full jitter: anywhere between nothing and a ceiling that doubles from 10 s to 1 h, so that messages
    which failed together do not return together. What the provider asked for is waited in full first,
    with the jitter on top: it gave everyone the same number. `random` gives [0, 1).
    """
    if attempt < 1:
        raise ValueError("attempts count from 1")
    # The exponent is capped too: after thousands of tries the power alone would be a number of pages.
    ceiling_s = min(FIRST_CEILING_S * 2 ** min(attempt - 1, 16), LAST_CEILING_S)
    return now + timedelta(seconds=(retry_after or 0) + random() * ceiling_s)
