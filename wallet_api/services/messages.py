"""The words of messages: the program's own texts over the defaults, in the member's language."""

from __future__ import annotations

from collections.abc import Mapping

from notifications.render import Override, Quantity, Value, render
from notifications.texts import Text
from wallet_api.domain.definition import Definition


def say(definition: Definition, kind: str, *, locale: str, **values: Value) -> Text:
    """The title and body of one kind of message."""
    return render(
        kind,
        locale=locale,
        values={"program": definition.name.text(locale), **values},
        overrides=_overrides(definition),
        languages=definition.languages,
    )


def quantity(definition: Definition, unit_id: str, amount: int) -> Quantity:
    """An amount of a unit, to be written with its noun in the reader's language."""
    unit = definition.units[unit_id]
    languages = {*unit.name.by_language, *unit.one.by_language}
    names = {language: {"one": unit.one.text(language), "other": unit.name.text(language)} for language in languages}
    return Quantity(count=amount, names=names, decimals=unit.decimals)


def _overrides(definition: Definition) -> Mapping[str, Override]:
    overrides: dict[str, Override] = {}
    for kind, by_language in definition.messages.items():
        texts: dict[str, str | Mapping[str, str]] = {}
        for language, text in by_language.items():
            texts[language] = {"title": text.title, "body": text.body} if text.title else text.body
        overrides[kind] = texts
    return overrides
