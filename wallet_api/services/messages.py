"""The words of messages: the program's own texts over the defaults, in the member's language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from notifications.render import Found, Override, Quantity, Value, fill, find
from notifications.texts import LAST_RESORT, Text
from wallet_api.domain.definition import Definition
from wallet_api.services.explain import Explainer


class Words:
    """What a program says in one language; made once for all the messages of a batch that it is needed for."""

    def __init__(self, definition: Definition, locale: str) -> None:
        self.definition = definition
        self.locale = locale
        self._program = definition.name.text(locale)
        self._found: dict[str, Found] = {}
        self._campaign: tuple[str, Mapping[str, Override], Found] | None = None
        self._units: dict[str, Mapping[str, Mapping[str, str]]] = {}

    @cached_property
    def explain(self) -> Explainer:
        """The names of tiers, rewards and the like."""
        return Explainer(self.definition, self.locale)

    @cached_property
    def _overrides(self) -> Mapping[str, Override]:
        return _overrides(self.definition)

    def say(self, kind: str, values: Mapping[str, Value], *, texts: Mapping[str, Override] | None = None) -> Text:
        """The title and body of one kind of message; `texts` go before the program's own."""
        return fill(self._template(kind, texts), {"program": self._program, **values})

    def _template(self, kind: str, texts: Mapping[str, Override] | None) -> Found:
        """What is filled; of texts that are a campaign's, whose members all come with the same ones, the last is kept."""
        if texts:
            if self._campaign is None or self._campaign[0] != kind or self._campaign[1] is not texts:
                self._campaign = (kind, texts, self._find(kind, {**self._overrides, **texts}))
            return self._campaign[2]
        found = self._found.get(kind)
        if found is None:
            found = self._found[kind] = self._find(kind, self._overrides)
        return found

    def _find(self, kind: str, overrides: Mapping[str, Override]) -> Found:
        return find(kind, locale=self.locale, overrides=overrides, languages=self.definition.languages)

    def quantity(self, unit_id: str, amount: int) -> Quantity:
        """An amount of a unit, to be written with its noun; of one that the rules no longer have, with its id."""
        unit = self.definition.units.get(unit_id)
        if unit is None:
            return Quantity(count=amount, names={LAST_RESORT: {"other": unit_id}})
        names = self._units.get(unit_id)
        if names is None:
            languages = {*unit.name.by_language, *unit.one.by_language}
            names = {each: {"one": unit.one.text(each), "other": unit.name.text(each)} for each in languages}
            self._units[unit_id] = names
        return Quantity(count=amount, names=names, decimals=unit.decimals)


def say(definition: Definition, kind: str, *, locale: str, **values: Value) -> Text:
    """The title and body of one kind of message."""
    return Words(definition, locale).say(kind, values)


def _overrides(definition: Definition) -> Mapping[str, Override]:
    overrides: dict[str, Override] = {}
    for kind, by_language in definition.messages.items():
        texts: dict[str, str | Mapping[str, str]] = {}
        for language, text in by_language.items():
            texts[language] = {"title": text.title, "body": text.body} if text.title else text.body
        overrides[kind] = texts
    return overrides
