"""Why: the facts of an entry as a sentence in the member's language."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from wallet_api.domain import calendar
from wallet_api.domain.benefits import GIFT_CARD
from wallet_api.domain.definition import (
    Challenge,
    Credit,
    Definition,
    EarningRule,
    Gift,
    Localised,
    PercentOff,
    Promotion,
    Reward,
    Unit,
)
from wallet_api.domain.errors import NotEligible, Refusal
from wallet_api.domain.state import Standing
from wallet_api.domain.tiers import Progress

LANGUAGES = ("en", "fr")

Why: TypeAlias = Mapping[str, Any]
"""The facts of a decision, as they are kept with an entry."""

_TEXTS: Mapping[str, Mapping[str, str]] = {
    # ── What a rule gave ─────────────────────────────────────────────────────────────────────────────────────────
    "rate": {"en": "{earn} for each {per} of {base}, {rounding}", "fr": "{earn} par {per} sur {base}, {rounding}"},
    "rounding_down": {"en": "rounded down", "fr": "arrondi à l’inférieur"},
    "rounding_half_up": {"en": "rounded half up", "fr": "arrondi au plus proche"},
    "rounding_up": {"en": "rounded up", "fr": "arrondi au supérieur"},
    "rounding_carried": {
        "en": "what is left over counts with your next purchase",
        "fr": "le reste comptera avec votre prochain achat",
    },
    "flat": {"en": "{amount} for “{rule}”", "fr": "{amount} pour « {rule} »"},
    "of_purchase": {
        "en": "{amount} for a purchase of {base} (“{rule}”)",
        "fr": "{amount} pour un achat de {base} (« {rule} »)",
    },
    "items": {"en": "{amount} for {number} items (“{rule}”)", "fr": "{amount} pour {number} articles (« {rule} »)"},
    "items_one": {"en": "{amount} for 1 item (“{rule}”)", "fr": "{amount} pour 1 article (« {rule} »)"},
    "streak": {
        "en": "{amount} for day {day} in a row (“{rule}”)",
        "fr": "{amount} pour le jour {day} d’affilée (« {rule} »)",
    },
    "quantity": {"en": "{amount} for {quantity} (“{rule}”)", "fr": "{amount} pour {quantity} (« {rule} »)"},
    "excluded": {"en": "{money} of it does not count ({tag})", "fr": "{money} n’y comptent pas ({tag})"},
    "excluded_other": {
        "en": "{money} of other items does not count",
        "fr": "{money} d’autres articles n’y comptent pas",
    },
    "gift-card": {"en": "gift cards", "fr": "cartes cadeaux"},
    "promotion": {"en": "times {factor} by “{name}”", "fr": "fois {factor} par « {name} »"},
    "extra": {"en": "plus {factor} times as much by “{name}”", "fr": "plus {factor} fois autant par « {name} »"},
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
    "cooldown": {
        "en": "nothing, because {hours} hours have to pass in between",
        "fr": "rien : il faut attendre {hours} heures entre deux fois",
    },
    "choice": {
        "en": "nothing, because “{choice}” was chosen before",
        "fr": "rien : « {choice} » a été choisi avant",
    },
    "fee": {"en": "less {units}", "fr": "moins {units}"},
    "pending": {"en": "usable from {day}", "fr": "utilisables à partir du {day}"},
    # ── Why a rule applied ───────────────────────────────────────────────────────────────────────────────────────
    "where_tiers": {"en": "as {tiers}", "fr": "en tant que {tiers}"},
    "where_memberships": {"en": "with your membership", "fr": "avec votre adhésion"},
    "where_segments": {"en": "for {segments}", "fr": "pour {segments}"},
    "where_partners": {"en": "at {partners}", "fr": "chez {partners}"},
    "where_birthday": {"en": "in the month of your birthday", "fr": "le mois de votre anniversaire"},
    "where_first_in_month": {"en": "for the first one of the month", "fr": "pour le premier du mois"},
    "where_first_ever": {"en": "for your first purchase", "fr": "pour votre premier achat"},
    # ── What came by itself ──────────────────────────────────────────────────────────────────────────────────────
    "credit": {
        "en": "“{name}”: {earn} for each {per} of {base} from {first} to {last}, {rounding}",
        "fr": "« {name} » : {earn} par {per} sur {base} du {first} au {last}, {rounding}",
    },
    "credit_minimum": {
        "en": "“{name}” needs {minimum} from {first} to {last}; it is {base}",
        "fr": "« {name} » demande {minimum} du {first} au {last} ; il y a {base}",
    },
    "credit_most": {"en": "at most {units}", "fr": "au plus {units}"},
    "credit_again": {
        "en": "worked out again, credited before: {given}",
        "fr": "recalculé, crédité auparavant : {given}",
    },
    "challenge": {"en": "the goal of “{name}” is reached", "fr": "l’objectif de « {name} » est atteint"},
    "occasion_join": {"en": "a gift for joining", "fr": "un cadeau de bienvenue"},
    "occasion_birthday": {"en": "a gift for your birthday", "fr": "un cadeau pour votre anniversaire"},
    "occasion_birthday_month": {
        "en": "a gift for the month of your birthday",
        "fr": "un cadeau pour le mois de votre anniversaire",
    },
    "occasion_anniversary": {
        "en": "a gift for another year with us",
        "fr": "un cadeau pour une année de plus avec nous",
    },
    "occasion_tier": {"en": "a gift for your new level", "fr": "un cadeau pour votre nouveau niveau"},
    "occasion_referred": {
        "en": "a gift for the first purchase after an invitation",
        "fr": "un cadeau pour le premier achat après une invitation",
    },
    # ── Other entries ────────────────────────────────────────────────────────────────────────────────────────────
    "reversal": {
        "en": "taken back with the return: it had earned {earned}, what you kept earns {rest}",
        "fr": "repris avec le retour : l’achat avait rapporté {earned}, ce que vous gardez rapporte {rest}",
    },
    "reversal_carried": {
        "en": "taken back with the return: your other purchases earn less without it",
        "fr": "repris avec le retour : sans lui, vos autres achats rapportent moins",
    },
    "reversal_spent": {
        "en": "given back with the return, of {spent} that paid for it",
        "fr": "rendus avec le retour, sur {spent} qui l’avaient payé",
    },
    "paid": {"en": "paid {money} of a purchase", "fr": "ont payé {money} d’un achat"},
    "redeem": {"en": "redeemed for “{reward}”", "fr": "échangés contre « {reward} »"},
    "redeem_several": {"en": "redeemed for {number} × “{reward}”", "fr": "échangés contre {number} × « {reward} »"},
    "converted": {
        "en": "turned into “{reward}” by themselves",
        "fr": "convertis automatiquement en « {reward} »",
    },
    "converted_several": {
        "en": "turned into {number} × “{reward}” by themselves",
        "fr": "convertis automatiquement en {number} × « {reward} »",
    },
    "hold": {"en": "held at the till for “{reward}”", "fr": "réservés en caisse pour « {reward} »"},
    "release": {"en": "given back", "fr": "rendus"},
    "release_captured": {"en": "no longer held: handed over", "fr": "réservation terminée : remis"},
    "redeem_captured": {"en": "handed over at the till", "fr": "remis en caisse"},
    "expire": {"en": "expired", "fr": "expirés"},
    "adjust": {"en": "adjusted: {reason}", "fr": "ajustement : {reason}"},
    "merged_from": {"en": "from another card of yours: {reason}", "fr": "d’une autre de vos cartes : {reason}"},
    "merged_into": {
        "en": "moved to another card of yours: {reason}",
        "fr": "passés sur une autre de vos cartes : {reason}",
    },
    # ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────
    "reward_short": {"en": "{missing} more for it", "fr": "encore {missing}"},
    "reward_tiers": {"en": "only for {tiers}", "fr": "réservé à {tiers}"},
    "refused_out_of_season": {"en": "not at this time of the year for you", "fr": "pas en ce moment pour vous"},
    "refused_not_eligible": {
        "en": "not with your level or membership",
        "fr": "pas avec votre niveau ou votre adhésion",
    },
    "refused_limit_reached": {"en": "the limit for it is reached", "fr": "la limite est atteinte"},
    "refused_otherwise": {"en": "not now", "fr": "pas maintenant"},
    # ── Tiers ────────────────────────────────────────────────────────────────────────────────────────────────────
    "tier_joined": {"en": "the level at which everybody starts", "fr": "le niveau de départ"},
    "tier_invited": {"en": "given by us: {reason}", "fr": "offert : {reason}"},
    "tier_merged": {"en": "the better level of your two cards", "fr": "le meilleur niveau de vos deux cartes"},
    "tier_reached": {"en": "{value} in {year}", "fr": "{value} en {year}"},
    "tier_reached_over": {"en": "{value} from {first} to {last}", "fr": "{value} du {first} au {last}"},
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
    "tier_until": {"en": "valid until {until}", "fr": "valable jusqu’au {until}"},
    # ── Passes ───────────────────────────────────────────────────────────────────────────────────────────────────
    "pass_reward": {"en": "{missing} more for {reward}", "fr": "encore {missing} pour {reward}"},
    "pass_expiry": {"en": "{units}, until {last}", "fr": "{units}, jusqu’au {last}"},
    "pass_until": {"en": "{name}, until {last}", "fr": "{name}, jusqu’au {last}"},
    "pass_place": {"en": "Your card for {place}", "fr": "Votre carte pour {place}"},
    # ── Measures ─────────────────────────────────────────────────────────────────────────────────────────────────
    "visits": {"en": "{number} visits", "fr": "{number} visites"},
    "visits_one": {"en": "{number} visit", "fr": "{number} visite"},
    "orders": {"en": "{number} purchases", "fr": "{number} achats"},
    "orders_one": {"en": "{number} purchase", "fr": "{number} achat"},
    "activity": {"en": "{number} times {of}", "fr": "{number} fois {of}"},
    "activity_one": {"en": "{number} time {of}", "fr": "{number} fois {of}"},
}
_PERIODS = {
    "en": {
        "day": "day",
        "week": "week",
        "month": "month",
        "year": "year",
        "lifetime": "member",
        "transaction": "purchase",
        "window": "offer",
    },
    "fr": {
        "day": "jour",
        "week": "semaine",
        "month": "mois",
        "year": "an",
        "lifetime": "membre",
        "transaction": "achat",
        "window": "offre",
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
        """The name of whatever gave something: a rule, promotion, reward, gift, credit or challenge; else its id."""
        definition = self._definition
        named: tuple[EarningRule | Promotion | Reward | Gift | Credit | Challenge, ...] = (
            *definition.earning,
            *definition.promotions,
            *definition.rewards.values(),
            *definition.gifts,
            *definition.credits,
            *definition.challenges,
        )
        for item in named:
            if item.id == rule_id and item.name:
                return self.text(item.name)
        return rule_id

    def reward(self, reward_id: str) -> str:
        """A reward's name."""
        reward = self._definition.rewards.get(reward_id)
        return reward.name.text(self._locale.language) if reward else reward_id

    def reward_missing(self, reward: Reward, *, refusal: Refusal | None, missing: int) -> str | None:
        """Why a member cannot have a reward now; None where they can."""
        if isinstance(refusal, NotEligible) and reward.tiers:
            return self._say("reward_tiers", tiers=self._tiers(reward.tiers))
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

    def earning(self, *, rule: str | None, unit: str, amount: int, why: Why, usable_at: datetime | None = None) -> str:
        """Why a rule gave this much, or nothing: what it counted, what multiplied it, what was left out, what limited it."""
        if "minimum" in why:
            return self._say("minimum", money=self.money(why["minimum"]))
        if "credit" in why:
            parts = self._of_credit(unit, why)
        elif "challenge" in why:
            parts = [self._say("challenge", name=self.rule(why["challenge"]))]
        elif "occasion" in why:
            parts = [self._say(f"occasion_{why['occasion']}")]
        else:
            parts = [self._of_rule(rule or "", unit, amount, why), *self._multiples(why), *self._where(rule or "")]
        parts += [*self._left_out(why), *self._limits(unit, why)]
        if usable_at is not None:
            parts.append(self._say("pending", day=self.day(calendar.local_day(usable_at, self._definition.time_zone))))
        return "; ".join(parts)

    def entry(
        self,
        *,
        kind: str,
        rule: str | None,
        unit: str,
        amount: int,
        why: Why,
        usable_at: datetime | None = None,
    ) -> str:
        """Why a ledger entry stands there."""
        match kind:
            case "earn" | "bonus":
                return self.earning(rule=rule, unit=unit, amount=amount, why=why, usable_at=usable_at)
            case "reversal":
                return self._of_reversal(unit, why)
            case "redeem" | "hold":
                return self._of_spending(kind, unit, why)
            case "release":
                return self._say("release_captured" if "captured" in why else "release")
            case "adjust":
                known = next((name for name in ("merged_from", "merged_into") if name in why), "adjust")
                return self._say(known, reason=why["reason"])
            case _:
                return self._say("expire")

    def _of_rule(self, rule: str, unit: str, amount: int, why: Why) -> str:
        """What a rule counted, and what it gives for it."""
        named = {"amount": self.units(unit, amount), "rule": self.rule(rule)}
        if "per" in why:
            return self._say("rate", **self._rate(unit, why))
        if (items := why.get("items")) is not None:
            return self._say("items_one" if items == 1 else "items", number=items, **named)
        if "streak" in why:
            return self._say("streak", day=why["streak"], **named)
        if what := why.get("value") or why.get("quantity"):
            return self._say("quantity", quantity=what, **named)
        if "base" in why:
            return self._say("of_purchase", base=self.money(why["base"]), **named)
        return self._say("flat", **named)

    def _rate(self, unit: str, why: Why) -> dict[str, str]:
        rounding = "carried" if "carried_on" in why else why.get("rounding", "down")
        return {
            "earn": self.units(unit, why["earn"]),
            "per": self.money(why["per"]),
            "base": self.money(why["base"]),
            "rounding": self._say(f"rounding_{rounding}"),
        }

    def _multiples(self, why: Why) -> Iterator[str]:
        """First all that multiply, then what comes on top."""
        extras = why.get("extras", ())
        promotions = why.get("promotions", {})
        for promotion in sorted(promotions, key=lambda name: name in extras):
            kind = "extra" if promotion in extras else "promotion"
            factor = Fraction(promotions[promotion])
            number = format_decimal(Decimal(factor.numerator) / factor.denominator, locale=self._locale)
            yield self._say(kind, factor=number, name=self.rule(promotion))

    def _where(self, rule_id: str) -> Iterator[str]:
        """Why the rule was for this member and this event, where it is not for all of them."""
        rule = next((each for each in self._definition.earning if each.id == rule_id), None)
        if rule is None:
            return
        where, partners = rule.where, self._definition.partners
        if where.tiers:
            yield self._say("where_tiers", tiers=self._tiers(where.tiers))
        if where.memberships:
            yield self._say("where_memberships")
        if where.segments:
            yield self._say("where_segments", segments=", ".join(sorted(where.segments)))
        if where.partners:
            names = [self.text(partners[each].name) if each in partners else each for each in sorted(where.partners)]
            yield self._say("where_partners", partners=", ".join(names))
        for name, is_asked in (
            ("where_birthday", where.birthday_month),
            ("where_first_in_month", where.first_in_month),
            ("where_first_ever", where.first_ever),
        ):
            if is_asked:
                yield self._say(name)

    def _left_out(self, why: Why) -> Iterator[str]:
        for tag, minor in why.get("excluded", {}).items():
            name = self._say(GIFT_CARD) if tag == GIFT_CARD else tag
            yield self._say("excluded" if tag else "excluded_other", money=self.money(minor), tag=name)

    def _limits(self, unit: str, why: Why) -> Iterator[str]:
        if why.get("fee"):
            yield self._say("fee", units=self.units(unit, why["fee"]))
        if cap := why.get("cap"):
            per = _PERIODS[self._language][cap["per"]]
            if cap["times"] is not None:
                yield self._say("cap_times", times=cap["times"], per=per)
            else:
                yield self._say("cap_units", units=self.units(unit, cap["units"]), per=per)
        if "cooldown_hours" in why:
            yield self._say("cooldown", hours=why["cooldown_hours"])
        if "choice" in why:
            yield self._say("choice", choice=why["choice"])

    def _of_credit(self, unit: str, why: Why) -> list[str]:
        """A whole period's purchases: the period, the base, the rate, what was missing or too much, and a correction."""
        first, last = (self.day(date.fromisoformat(day)) for day in str(why["period"]).split(".."))
        name, known = self.rule(why["credit"]), self._definition.credits
        minimum = next((each.minimum for each in known if each.id == why["credit"]), 0)
        if why["base"] < minimum and why.get("given"):
            base, least = self.money(why["base"]), self.money(minimum)
            parts = [self._say("credit_minimum", name=name, minimum=least, base=base, first=first, last=last)]
        else:
            parts = [self._say("credit", name=name, first=first, last=last, **self._rate(unit, why))]
        if why.get("most"):
            parts.append(self._say("credit_most", units=self.units(unit, why["most"])))
        if why.get("given"):
            parts.append(self._say("credit_again", given=self.units(unit, why["given"])))
        return parts

    def _of_reversal(self, unit: str, why: Why) -> str:
        if "credit" in why:
            return "; ".join(self._of_credit(unit, why))
        if "spent" in why:
            return self._say("reversal_spent", spent=self.units(unit, why["spent"]))
        if "rest_earns" in why:
            earned, rest = self.units(unit, why["earned"]), self.units(unit, why["rest_earns"])
            return self._say("reversal", earned=earned, rest=rest)
        return self._say("reversal_carried")

    def _of_spending(self, kind: str, unit: str, why: Why) -> str:
        if "captured" in why:
            return self._say("redeem_captured")
        if "paid" in why:
            return self._say("paid", money=self.money(why["paid"]))
        held = self._definition.units.get(unit)
        if kind == "redeem" and held and held.converts and held.converts.into == why["reward"]:
            kind = "converted"
        several = f"{kind}_several"
        number = why.get("quantity", 1)
        name = several if number > 1 and several in _TEXTS else kind
        return self._say(name, number=number, reward=self.reward(why["reward"]))

    def standing(self, standing: Standing, reason: Why) -> str:
        """Why a member has the tier, and until when."""
        match reason.get("because"):
            case "invited":
                said = self._say("tier_invited", reason=reason["reason"])
            case "merged":
                said = self._say("tier_merged")
            case _ if "value" in reason:
                said = self._reached(reason)
            case _:
                said = self._say("tier_joined")
        if standing.until:
            said = f"{said}; {self._say('tier_until', until=self.day(standing.until))}"
        return said

    def _reached(self, reason: Why) -> str:
        value = self.measure(reason["measure"], reason["value"])
        if "first" not in reason:  # noted before other windows than years were there
            return self._say("tier_reached", value=value, year=reason["year"])
        first, last = date.fromisoformat(reason["first"]), date.fromisoformat(reason["last"])
        if _is_year(first, last):
            return self._say("tier_reached", value=value, year=first.year)
        return self._say("tier_reached_over", value=value, first=self.day(first), last=self.day(last))

    def next_tier(self, measure: str, progress: Progress) -> str | None:
        """What is missing for the next tier, and by when; None at the top."""
        if progress.next is None:
            return None
        missing, tier = self.measure(measure, progress.missing), self.tier(progress.next.id)
        if progress.until is None:
            return self._say("tier_next", missing=missing, tier=tier)
        if _is_year(progress.first, progress.last):
            return self._say("tier_next_in_year", missing=missing, year=progress.last.year, tier=tier)
        return self._say("tier_next_by", missing=missing, until=self.day(progress.until), tier=tier)

    def missing_for_tier(self, measure: str, progress: Progress) -> str | None:
        """The same in few words, for where there is little room: without by when."""
        return self.next_tier(measure, replace(progress, until=None))

    def keeping(self, measure: str, progress: Progress, standing: Standing) -> str | None:
        """What is missing to keep the tier beyond its end; None where nothing has to be done for it."""
        if progress.to_keep is None or standing.until is None:
            return None
        if progress.to_keep == 0:
            return self._say("tier_is_kept", tier=self.tier(standing.tier))
        missing = self.measure(measure, progress.to_keep)
        return self._say("tier_keep", missing=missing, tier=self.tier(standing.tier), until=self.day(standing.until))

    def next_reward(self, reward_id: str, unit: str, missing: int) -> str:
        """What is missing for a reward."""
        return self._say("pass_reward", missing=self.units(unit, missing), reward=self.reward(reward_id))

    def expiring(self, unit: str, amount: int, *, last: date) -> str:
        """What is gone after a day."""
        return self._say("pass_expiry", units=self.units(unit, amount), last=self.day(last))

    def until(self, name: str, last: date | None) -> str:
        """Something that is there, and its last day, if it has one."""
        return self._say("pass_until", name=name, last=self.day(last)) if last else name

    def place(self, name: str) -> str:
        """What a phone says of the card when its owner is near a shop."""
        return self._say("pass_place", place=name)

    def _say(self, text: str, **values: object) -> str:
        return _TEXTS[text][self._language].format(**values)

    def _tiers(self, tiers: Collection[str]) -> str:
        """Their names, the lowest first."""
        levels = self._definition.tiers.levels if self._definition.tiers else ()
        return ", ".join(self.text(level.name) for level in levels if level.id in tiers)

    def _noun(self, unit: Unit, value: Decimal) -> str:
        one = self._locale.plural_form(value) == "one"
        return (unit.one if one else unit.name).text(self._locale.language)


def _is_year(first: date, last: date) -> bool:
    """Whether these days are a year of the calendar."""
    return first == date(last.year, 1, 1) and last == date(last.year, 12, 31)


def locale_of(text: str) -> Locale:
    """A locale such as `fr-CA` as Babel knows it, else its language, else English."""
    for candidate in (text.replace("-", "_"), text.replace("-", "_").split("_")[0]):
        try:
            return Locale.parse(candidate)
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en")
