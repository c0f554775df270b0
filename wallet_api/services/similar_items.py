"""What is bought together: cosines between things, by the members who bought both, and how often one is bought again.

    score(a, b) = n(a, b) / √(n(a) · n(b)) · n(a, b) / (n(a, b) + 5)        n: how many members bought it, or both
    score(a, a) = 4 · (twice(a) + 0.2) / (n(a) + 2)                         twice: how many bought it more than once

The second factor keeps a few members from saying much. The numbers were chosen on data sets of `bench/baskets.py`;
docs/recommendations.md has the hits beside other methods'. The product of a sparse matrix with itself
is SciPy’s: the same as a join in SQL takes three times as long.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence

from wallet_api.store.recommendations import HISTORY_ITEMS_MAX, Together

OTHERS_MAX = 30
MEMBERS_MIN = 3
"""What fewer members bought together tells of them, not of things."""

DOUBT = 5.0
AGAIN = 4.0
AGAIN_EXPECTED, AGAIN_MEMBERS = 0.2, 2.0
HALVED_AFTER_DAYS = 90
GONE_AFTER_DAYS = 365
"""What nobody has bought for so long is not sold any more."""

ROWS_AT_ONCE = 2_000
"""So many things are looked at together: with them all, a large shop's cosines would not fit into memory."""


class Histories:
    """The purchases of many members, in 5 bytes for each thing that each has bought."""

    def __init__(self, *, today: int) -> None:
        self._today = today
        self._numbers: dict[str, int] = {}
        self._popularity = array("d")
        self._last = array("q")
        self._items, self._again, self._ends = array("i"), array("b"), array("q", [0])

    def add(self, skus: Mapping[str, Sequence[int]], *, agreed: bool) -> None:
        """Take in what a member bought: by sku the last day and how many times.

        What is popular is counted from all; from what is bought together, and again, who has not agreed is left out.
        """
        for sku, (last, *_) in skus.items():
            number = self._number(sku)
            self._popularity[number] += 0.5 ** (max(self._today - last, 0) / HALVED_AFTER_DAYS)
            self._last[number] = max(self._last[number], last)
        if agreed:
            newest = sorted(skus.items(), key=lambda item: (-item[1][0], item[0]))[:HISTORY_ITEMS_MAX]
            self._items.extend(self._numbers[sku] for sku, _ in newest)
            self._again.extend(bought[1] > 1 for _, bought in newest)
            self._ends.append(len(self._items))

    def popularity(self) -> dict[str, float]:
        """By sku how many have bought it lately, weighed by how long ago that was; of what is still sold."""
        return {sku: self._popularity[number] for sku, number in self._numbers.items() if self._is_sold(number)}

    def together(self) -> Iterator[list[Together]]:
        """What is bought by those who buy each thing, some things at a time."""
        # Loaded by the one job that needs it.
        import numpy as np  # noqa: PLC0415
        from scipy import sparse  # noqa: PLC0415

        things, members = len(self._numbers), len(self._ends) - 1
        if not members or not self._items:
            return
        items, again, ends = (np.asarray(each) for each in (self._items, self._again, self._ends))
        bought = sparse.csr_array((np.ones(len(items), dtype=np.float32), items, ends), shape=(members, things))
        buyers = np.bincount(items, minlength=things).astype(np.float64)
        own = AGAIN * (np.bincount(items, weights=again, minlength=things) + AGAIN_EXPECTED) / (buyers + AGAIN_MEMBERS)
        is_sold = np.asarray([self._is_sold(number) for number in range(things)])
        skus, by_item = list(self._numbers), bought.T.tocsr()
        for start in range(0, things, ROWS_AT_ONCE):
            both = (by_item[start : start + ROWS_AT_ONCE] @ bought).tocsr()
            found = []
            for row in range(both.shape[0]):
                number, here = start + row, slice(both.indptr[row], both.indptr[row + 1])
                others, counts = both.indices[here], both.data[here].astype(np.float64)
                wanted = (others != number) & (counts >= MEMBERS_MIN) & is_sold[others]
                others, counts = others[wanted], counts[wanted]
                scores = counts / np.sqrt(buyers[number] * buyers[others]) * counts / (counts + DOUBT)
                if is_sold[number] and buyers[number]:
                    others, scores = np.append(others, number), np.append(scores, own[number])
                best = np.lexsort((others, -scores))[:OTHERS_MAX]
                if len(best):
                    found.append(
                        Together(
                            sku=skus[number],
                            others=[skus[other] for other in others[best]],
                            scores=[round(float(score), 6) for score in scores[best]],
                        )
                    )
            yield found

    def _number(self, sku: str) -> int:
        number = self._numbers.get(sku)
        if number is None:
            number = self._numbers[sku] = len(self._numbers)
            self._popularity.append(0.0)
            self._last.append(0)
        return number

    def _is_sold(self, number: int) -> bool:
        return self._today - self._last[number] <= GONE_AFTER_DAYS
