"""What came of an experiment, and what it takes, in sentences for managers, in English and French."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from babel.numbers import format_decimal

from wallet_api.domain.definition import Definition
from wallet_api.domain.experiment import CONTROL, Goal
from wallet_api.services.explain import LANGUAGES, Explainer
from wallet_api.services.uplift import Difference

HOLD_OUT: Final = "hold_out"
OTHERS: Final = "others"
"""The groups that tell what all marketing together is worth."""

_POINTS = "#,##0.##"

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # Groups
    CONTROL: ("the control group", "le groupe témoin"),
    HOLD_OUT: ("the members who get no offers", "les membres qui ne reçoivent pas d’offres"),
    OTHERS: ("The members who get offers", "Les membres qui reçoivent des offres"),
    "arm": ("“{arm}”", "« {arm} »"),
    # How far apart
    "buyers": ("{number} buyers in 100 members", "{number} acheteurs pour 100 membres"),
    "amount": ("{number} a member", "{number} par membre"),
    # What came of it
    "more": (
        "{arm}: {value} more than {reference}, between {low} and {high}.",
        "{arm} : {value} de plus que {reference}, entre {low} et {high}.",
    ),
    "less": (
        "{arm}: {value} less than {reference}, between {low} and {high}.",
        "{arm} : {value} de moins que {reference}, entre {low} et {high}.",
    ),
    "untold": (
        "{arm}: no difference from {reference} can be told; it lies between {low} and {high}.",
        "{arm} : aucune différence avec {reference} n’est démontrée ; elle se situe entre {low} et {high}.",
    ),
    "nothing": ("There is nothing to compare yet.", "Il n’y a encore rien à comparer."),
    "no_hold_out": (
        "The program holds no members out of marketing: `hold_out` under `sending` in its definition would.",
        "Le programme n’écarte aucun membre du marketing : `hold_out`, sous `sending` dans sa définition, le ferait.",
    ),
    # What speaks against trusting it
    "running": (
        "Too early: {waiting} members still wait for their message. Do not decide by these figures yet. Whoever looks "
        "again and again and stops at the first good figure sees an effect where there is none far more often than one "
        "time in twenty.",
        "Trop tôt : {waiting} membres attendent encore leur message. Ne décidez pas encore d’après ces chiffres. Qui "
        "regarde sans cesse et s’arrête au premier bon chiffre voit un effet là où il n’y en a pas, bien plus souvent "
        "qu’une fois sur vingt.",
    ),
    "early": (
        "Too early: purchases count until {day}. Do not decide by these figures before. Whoever looks again and again "
        "and stops at the first good figure sees an effect where there is none far more often than one time in twenty.",
        "Trop tôt : les achats comptent jusqu’au {day}. Ne décidez pas d’après ces chiffres avant. Qui regarde sans "
        "cesse et s’arrête au premier bon chiffre voit un effet là où il n’y en a pas, bien plus souvent qu’une fois "
        "sur vingt.",
    ),
    "cut_short": (
        "The campaign was called off: fewer members are compared than were planned, so that a small effect is not seen.",
        "La campagne a été annulée : moins de membres que prévu sont comparés, si bien qu’un petit effet ne se voit pas.",
    ),
    "uneven": (
        "The groups have not the sizes that they should have, which chance does less than once in a thousand times. "
        "Something decided who counts; do not trust the comparison before it is found.",
        "Les groupes n’ont pas la taille prévue, ce que le hasard fait moins d’une fois sur mille. Quelque chose a "
        "choisi qui compte ; ne vous fiez pas à la comparaison avant de l’avoir trouvé.",
    ),
    "few_buyers": (
        "A group has few buyers: the bounds are rough.",
        "Un groupe compte peu d’acheteurs : les bornes sont approximatives.",
    ),
    "no_control": (
        "There is no control group: the arms are compared with each other, and whether writing helps at all is not told.",
        "Il n’y a pas de groupe témoin : les versions sont comparées entre elles, et l’utilité même du message "
        "n’est pas mesurée.",
    ),
    # What it takes
    "needed": (
        "It takes {members} members in all to see {effect} more in {power} of 100 such experiments.",
        "Il faut {members} membres en tout pour voir {effect} de plus dans {power} expériences de ce genre sur 100.",
    ),
    "enough": ("{audience} can be reached: enough.", "{audience} peuvent être atteints : c’est assez."),
    "too_few": (
        "{audience} can be reached: too few. They would show {smallest} more.",
        "{audience} peuvent être atteints : c’est trop peu. Ils montreraient {smallest} de plus.",
    ),
    "far_too_few": (
        "{audience} can be reached: too few to show anything.",
        "{audience} peuvent être atteints : trop peu pour montrer quoi que ce soit.",
    ),
}


class Words:
    """Sentences about the experiments of one program, in one language."""

    def __init__(self, definition: Definition, language: str) -> None:
        self._explain = Explainer(definition, language)
        self._language = language

    def say(self, name: str, **facts: object) -> str:
        """A sentence by its name."""
        return _TEXTS[name][LANGUAGES.index(self._language)].format(**facts)

    def group(self, name: str) -> str:
        """What a group is called in a sentence."""
        return self.say(name) if name in {CONTROL, HOLD_OUT, OTHERS} else self.say("arm", arm=name)

    def day(self, day: date) -> str:
        """A day, written out."""
        return self._explain.day(day)

    def number(self, number: int) -> str:
        """A whole number, in the language's own way."""
        return format_decimal(number, locale=self._language)

    def much(self, goal: Goal, value: float) -> str:
        """So much of what is compared: a share of members (0.05) in hundreds, or minor units of money."""
        if goal is Goal.AMOUNT:
            return self.say("amount", number=self._explain.money(round(value)))
        return self.say("buyers", number=self._points(value))

    def told(self, arm: str, reference: str, goal: Goal, found: Difference, *, is_significant: bool) -> str:
        """What was found of an arm beside the one that it is compared with."""
        kind = ("more" if found.value > 0 else "less") if is_significant else "untold"
        # Of what is less, the bounds are turned round with it.
        value, low, high = (
            (-found.value, -found.high, -found.low) if kind == "less" else (found.value, found.low, found.high)
        )
        return self.say(
            kind,
            arm=self.group(arm),
            value=self.much(goal, value),
            reference=self.group(reference),
            low=self._bound(goal, low),
            high=self._bound(goal, high),
        )

    def _bound(self, goal: Goal, value: float) -> str:
        return self._explain.money(round(value)) if goal is Goal.AMOUNT else self._points(value)

    def _points(self, share: float) -> str:
        return format_decimal(round(100 * share, 2), format=_POINTS, locale=self._language)
