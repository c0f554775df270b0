"""Why: the facts of an entry as a sentence in the member's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from wallet_api.domain.benefits import GIFT_CARD
from wallet_api.domain.definition import Definition, EarningRule, Localised, PercentOff, Promotion, Reward, Unit
from wallet_api.domain.errors import NotEligible, Refusal
from wallet_api.domain.state import Standing
from wallet_api.domain.tiers import Progress

LANGUAGES = ("en", "fr")

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "rate": {
        "en": "{earn} for each {per} of {base}, rounded down",
        "fr": "{earn} par {per} sur {base}, arrondi à l’inférieur",
    },
    "flat": {"en": "{amount} for “{rule}”", "fr": "{amount} pour « {rule} »"},
    "excluded": {
        "en": "{money} of it does not count ({tag})",
        "fr": "{money} n’y comptent pas ({tag})",
    },
    "excluded_other": {
        "en": "{money} of other items does not count",
        "fr": "{money} d’autres articles n’y comptent pas",
    },
    "gift-card": {"en": "gift cards", "fr": "cartes cadeaux"},
    "promotion": {"en": "times {factor} by “{name}”", "fr": "fois {factor} par « {name} »"},
    "minimum": {
        "en": "nothing, because it needs a purchase of {money}",
        "fr": "rien : il faut un achat de {money}",
    },
    "cap_times": {
        "en": "the limit of {times} per {per} is reached",
        "fr": "la limite de {times} par {per} est atteinte",
    },
    "cap_units": {
        "en": "the limit of {units} per {per} is reached",
        "fr": "la limite de {units} par {per} est atteinte",
    },
    "reversal": {
        "en": "taken back with the return: it had earned {earned}, what you kept earns {rest}",
        "fr": "repris avec le retour : l’achat avait rapporté {earned}, ce que vous gardez rapporte {rest}",
    },
    "redeem": {"en": "redeemed for “{reward}”", "fr": "échangés contre « {reward} »"},
    "hold": {
        "en": "held at the till for “{reward}”",
        "fr": "réservés en caisse pour « {reward} »",
    },
    "release": {"en": "given back", "fr": "rendus"},
    "expire": {"en": "expired", "fr": "expirés"},
    "adjust": {"en": "adjusted: {reason}", "fr": "ajustement : {reason}"},
    "reward_short": {"en": "{missing} more for it", "fr": "encore {missing}"},
    "reward_tiers": {"en": "only for {tiers}", "fr": "réservé à {tiers}"},
    "refused_out_of_season": {"en": "not at this time of the year for you", "fr": "pas en ce moment pour vous"},
    "refused_not_eligible": {
        "en": "not with your level or membership",
        "fr": "pas avec votre niveau ou votre adhésion",
    },
    "refused_limit_reached": {"en": "the limit for it is reached", "fr": "la limite est atteinte"},
    "refused_minimum_not_reached": {
        "en": "it needs a larger balance first",
        "fr": "il faut d’abord un solde plus élevé",
    },
    "refused_otherwise": {"en": "not now", "fr": "pas maintenant"},
    "tier_joined": {
        "en": "the level at which everybody starts",
        "fr": "le niveau de départ",
    },
    "tier_reached": {"en": "{value} in {year}", "fr": "{value} en {year}"},
    "tier_next": {"en": "{missing} more for {tier}", "fr": "encore {missing} pour {tier}"},
    "tier_next_in_year": {
        "en": "{missing} more in {year} for {tier}",
        "fr": "encore {missing} en {year} pour {tier}",
    },
    "tier_next_by": {
        "en": "{missing} more by {until} for {tier}",
        "fr": "encore {missing} jusqu’au {until} pour {tier}",
    },
    "tier_keep": {
        "en": "{missing} more to keep {tier} beyond {until}",
        "fr": "encore {missing} pour garder {tier} après le {until}",
    },
    "tier_is_kept": {"en": "{tier} is kept", "fr": "{tier} est conservé"},
    "visits": {"en": "{number} visits", "fr": "{number} visites"},
    "visits_one": {"en": "{number} visit", "fr": "{number} visite"},
    "orders": {"en": "{number} purchases", "fr": "{number} achats"},
    "orders_one": {"en": "{number} purchase", "fr": "{number} achat"},
    "activity": {"en": "{number} times {of}", "fr": "{number} fois {of}"},
    "activity_one": {"en": "{number} time {of}", "fr": "{number} fois {of}"},
    "tier_until": {"en": "valid until {until}", "fr": "valable jusqu’au {until}"},
}
_PERIODS = {
    "en": {
        "day": "day",
        "week": "week",
        "month": "month",
        "year": "year",
        "lifetime": "member",
    },
    "fr": {
        "day": "jour",
        "week": "semaine",
        "month": "mois",
        "year": "an",
        "lifetime": "membre",
    },
}


class Explainer:
    """Words for one program in one language."""

    def __init__(self, definition: Definition, locale: str) -> None:
        self._definition = definition
        self._locale = locale_of(locale)
        self._language = self._locale.language if self._locale.language in LANGUAGES else "en"

    def number(self, unit_id: str, amount: int) -> str:
        """`1 250`, `33.5`: an amount of a unit without its noun."""
        value = Decimal(amount).scaleb(-self._definition.units[unit_id].decimals)
        return format_decimal(value, locale=self._locale)

    def units(self, unit_id: str, amount: int) -> str:
        """`1 250 points`, `33.5 stars`, `1 point`."""
        unit = self._definition.units.get(unit_id)
        if unit is None:
            return str(amount)
        value = Decimal(amount).scaleb(-unit.decimals)
        return f"{format_decimal(value, locale=self._locale)} {self._noun(unit, value)}"

    def money(self, minor: int) -> str:
        """`$12.50`, `12,50 €`."""
        value = Decimal(minor).scaleb(-self._definition.currency_decimals)
        return format_currency(value, self._definition.currency, locale=self._locale)

    def percent(self, share: Fraction) -> str:
        """`10%`, `10 %`."""
        return format_percent(Decimal(share.numerator) / Decimal(share.denominator), locale=self._locale)

    def percent_off(self, off: PercentOff) -> str:
        """`10%`, or from the least to the most where tiers differ: `0%–30%`."""
        shares = sorted(set(off.by_tier.values())) or [off.share]
        return "–".join(self.percent(share) for share in (shares[0], shares[-1])[: len(shares)])

    def cause(self, cause_id: str) -> str:
        """A good cause's name."""
        cause = self._definition.causes.get(cause_id)
        return self.text(cause) if cause else cause_id

    def text(self, text: Localised) -> str:
        """One of the program's own texts."""
        return text.text(self._locale.language)

    def measure(self, measure: str, value: int) -> str:
        """A measure: money for spend, units for what was earned, else how many."""
        kind, _, of = measure.partition(":")
        match kind:
            case "spend":
                return self.money(value)
            case "earned" | "usable":
                return self.units(of, value)
            case _:
                one = self._locale.plural_form(value) == "one"
                return self._say(
                    f"{kind}_one" if one else kind, number=format_decimal(value, locale=self._locale), of=of
                )

    def day(self, day: date) -> str:
        """`31 December 2026`, as the language writes it."""
        return format_date(day, format="long", locale=self._locale)

    def rule(self, rule_id: str) -> str:
        """The name of a rule, a promotion, or a reward that gives units; the id where it has none."""
        named: tuple[EarningRule | Promotion | Reward, ...] = (
            *self._definition.earning,
            *self._definition.promotions,
            *self._definition.rewards.values(),
        )
        for item in named:
            if item.id == rule_id and item.name:
                return item.name.text(self._locale.language)
        return rule_id

    def reward(self, reward_id: str) -> str:
        """A reward's name."""
        reward = self._definition.rewards.get(reward_id)
        return reward.name.text(self._locale.language) if reward else reward_id

    def reward_missing(self, reward: Reward, *, refusal: Refusal | None, missing: int) -> str | None:
        """Why a member cannot have a reward now; None where they can."""
        if isinstance(refusal, NotEligible) and reward.tiers:
            levels = self._definition.tiers.levels if self._definition.tiers else ()
            names = [self.text(level.name) for level in levels if level.id in reward.tiers]
            return self._say("reward_tiers", tiers=", ".join(names))
        if refusal is not None:
            known = f"refused_{refusal.code}"
            return self._say(known if known in _TEXTS else "refused_otherwise")
        if missing and reward.price:
            return self._say("reward_short", missing=self.units(reward.price.unit, missing))
        return None

    def tier(self, tier_id: str) -> str:
        """A tier's name."""
        if self._definition.tiers:
            for level in self._definition.tiers.levels:
                if level.id == tier_id:
                    return level.name.text(self._locale.language)
        return tier_id

    def earning(self, *, rule: str | None, unit: str, amount: int, why: Mapping[str, Any]) -> str:
        """Why a rule gave this much, or nothing."""
        parts = []
        if "minimum" in why:
            return self._say("minimum", money=self.money(why["minimum"]))
        if "per" in why:
            earn, per = self.units(unit, why["earn"]), self.money(why["per"])
            parts.append(self._say("rate", earn=earn, per=per, base=self.money(why["base"])))
        else:
            parts.append(self._say("flat", amount=self.units(unit, amount), rule=self.rule(rule or "")))
        for promotion, factor in why.get("promotions", {}).items():
            number = format_decimal(
                Decimal(Fraction(factor).numerator) / Fraction(factor).denominator, locale=self._locale
            )
            parts.append(self._say("promotion", factor=number, name=self.rule(promotion)))
        for tag, minor in why.get("excluded", {}).items():
            name = self._say(GIFT_CARD) if tag == GIFT_CARD else tag
            kind = "excluded" if tag else "excluded_other"
            parts.append(self._say(kind, money=self.money(minor), tag=name))
        if cap := why.get("cap"):
            per = _PERIODS[self._language][cap["per"]]
            if cap["times"] is not None:
                parts.append(self._say("cap_times", times=cap["times"], per=per))
            else:
                parts.append(self._say("cap_units", units=self.units(unit, cap["units"]), per=per))
        return "; ".join(parts)

    def entry(
        self,
        *,
        kind: str,
        rule: str | None,
        unit: str,
        amount: int,
        why: Mapping[str, Any],
    ) -> str:
        """Why a ledger entry stands there."""
        match kind:
            case "earn" | "bonus":
                return self.earning(rule=rule, unit=unit, amount=amount, why=why)
            case "reversal":
                earned, rest = (
                    self.units(unit, why["earned"]),
                    self.units(unit, why["rest_earns"]),
                )
                return self._say("reversal", earned=earned, rest=rest)
            case "redeem" | "hold" if "reward" in why:
                return self._say(kind, reward=self.reward(why["reward"]))
            case "adjust":
                return self._say("adjust", reason=why["reason"])
            case "expire":
                return self._say("expire")
            case _:
                return self._say("release")

    def standing(self, standing: Standing, reason: Mapping[str, Any]) -> str:
        """Why a member has the tier, and until when."""
        if "value" in reason:
            value = self.measure(reason["measure"], reason["value"])
            said = self._say("tier_reached", value=value, year=reason["year"])
        else:
            said = self._say("tier_joined")
        if standing.until:
            said = f"{said}; {self._say('tier_until', until=self.day(standing.until))}"
        return said

    def next_tier(self, measure: str, progress: Progress) -> str | None:
        """What is missing for the next tier, and by when; None at the top."""
        if progress.next is None:
            return None
        missing, tier = self.measure(measure, progress.missing), self.tier(progress.next.id)
        if progress.until is None:
            return self._say("tier_next", missing=missing, tier=tier)
        if _is_calendar_year(progress):
            return self._say("tier_next_in_year", missing=missing, year=progress.last.year, tier=tier)
        return self._say("tier_next_by", missing=missing, until=self.day(progress.until), tier=tier)

    def keeping(self, measure: str, progress: Progress, standing: Standing) -> str | None:
        """What is missing to keep the tier beyond its end; None where nothing has to be done for it."""
        if progress.to_keep is None or standing.until is None:
            return None
        if progress.to_keep == 0:
            return self._say("tier_is_kept", tier=self.tier(standing.tier))
        missing = self.measure(measure, progress.to_keep)
        return self._say("tier_keep", missing=missing, tier=self.tier(standing.tier), until=self.day(standing.until))

    def _say(self, text: str, **values: object) -> str:
        return _TEXTS[text][self._language].format(**values)

    def _noun(self, unit: Unit, value: Decimal) -> str:
        one = self._locale.plural_form(value) == "one"
        return (unit.one if one else unit.name).text(self._locale.language)


def _is_calendar_year(progress: Progress) -> bool:
    return progress.first == date(progress.last.year, 1, 1) and progress.last == date(progress.last.year, 12, 31)


def locale_of(text: str) -> Locale:
    """A locale such as `fr-CA` as Babel knows it, else its language, else English."""
    for candidate in (text.replace("-", "_"), text.replace("-", "_").split("_")[0]):
        try:
            return Locale.parse(candidate)
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en")
