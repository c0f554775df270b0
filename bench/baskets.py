"""A data set of baskets whose members have tastes: made from a seed, so that everybody has the same one.

Things are of categories and as popular as 1, 1/2^0.9, 1/3^0.9 … (Zipf). A member likes few categories (Dirichlet, 0.08
each) and comes 8 times on average over a year, geometrically. A basket has 1 + Poisson(1.2) lines. A line is, a third of
the times, something the member has had before, if it is of a kind that is bought again (Beta(0.6, 2), doubled); else, a
quarter of the times and after another line, one of the two things that go with that one; else something of a category
that the member likes, by popularity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DAYS = 365
ARTICLES_A_CATEGORY = 40
BASKETS = 8
RETURNING, WITH_ANOTHER = 0.35, 0.6


@dataclass(frozen=True, kw_only=True)
class Basket:
    """What a member bought on a day, counted from the first; articles are numbers."""

    day: int
    articles: tuple[int, ...]


def baskets(members: int, articles: int, *, seed: int) -> list[list[Basket]]:
    """Each member's baskets, the oldest first; two at least."""
    chance = np.random.default_rng(seed)
    categories = max(8, articles // ARTICLES_A_CATEGORY)
    popularity = chance.permutation(1 / np.arange(1, articles + 1) ** 0.9)
    again = np.minimum(2 * chance.beta(0.6, 2, articles), 1)
    goes_with = chance.integers(0, articles, (articles, 2))
    # Every category has at least one: the first of them are spread out.
    shelves = [np.arange(number, articles, categories) for number in range(categories)]
    weights = [popularity[shelf] / popularity[shelf].sum() for shelf in shelves]
    sold = np.array([popularity[shelf].sum() for shelf in shelves])
    lives = []
    for visits in 1 + chance.geometric(1 / (BASKETS - 1), members):
        taste = (chance.dirichlet(np.full(categories, 0.08)) + 1e-9) * sold
        taste /= taste.sum()
        had: list[int] = []
        life = []
        for day in np.sort(chance.integers(0, DAYS, visits)):
            basket: list[int] = []
            for _ in range(1 + chance.poisson(1.2)):
                what = chance.random()
                if had and what < RETURNING:
                    before = had[int(len(had) * chance.random())]
                    if chance.random() < again[before]:
                        basket.append(before)
                        continue
                if basket and what < WITH_ANOTHER:
                    basket.append(int(goes_with[basket[-1], chance.integers(0, 2)]))
                    continue
                shelf = chance.choice(categories, p=taste)
                basket.append(int(chance.choice(shelves[shelf], p=weights[shelf])))
            had += dict.fromkeys(basket)
            life.append(Basket(day=int(day), articles=tuple(dict.fromkeys(basket))))
        lives.append(life)
    return lives


def hit_rate(last: Sequence[Basket], recommended: Sequence[Sequence[int]]) -> float:
    """Of how many members the last basket has something that was recommended to them."""
    hits = sum(not set(basket.articles).isdisjoint(items) for basket, items in zip(last, recommended, strict=True))
    return hits / len(last)
