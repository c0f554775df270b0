"""From a kind and its values to the words that a member reads."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision

from notifications import template
from notifications.template import MalformedText
from notifications.texts import COUNTED, COVERED_BY, LAST_RESORT, PLACEHOLDERS, TEXTS, Text

TEXT_MAX_CHARACTERS = 1_000
"""For a title or a body; with letters of two bytes both still fit FCM's 4,096 bytes for a message."""

NUMBERS_KEPT = 10_000
LOCALES_KEPT = 1_000


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A count of a program's unit, with the unit's names by language and CLDR plural form.

    `count` is in the unit's smallest step: 15 with `decimals=1` reads 1.5. `names` needs the form
    `other` in at least one language.
    """

    count: int
    names: Mapping[str, Mapping[str, str]]
    decimals: int = 0

    @property
    def number(self) -> Decimal | int:
        """The count as it is written: 1.5 for 15 with one decimal, and 1 for 1.0, which must read "1 point"."""
        number = Decimal(self.count).scaleb(-self.decimals) if self.decimals else self.count
        return int(number) if number == int(number) else number


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount in the currency's smallest coin."""

    minor: int
    currency: str


Value = str | int | date | Quantity | Money
"""An int in a placeholder of `texts.COUNTED` reads with what it counts, elsewhere as a bare number."""

Override = str | Mapping[str, str | Mapping[str, str]]
"""A program's own text of a kind: a body for every language; or by language a body or `{title, body}`."""


class UnknownKind(ValueError):
    """There is no message of this kind."""


class MissingValue(ValueError):
    """The text uses a placeholder for which no value was given."""


@dataclass(frozen=True, kw_only=True)
class Tongue:
    """A language as its numbers, plurals and dates are written; `tag` is Babel's name for it."""

    locale: Locale
    tag: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """The text that is said, and the language that it is in: to be filled for each reader of the same language."""

    text: Text
    tongue: Tongue


def render(
    kind: str,
    *,
    locale: str,
    values: Mapping[str, Value],
    overrides: Mapping[str, Override] | None = None,
    languages: Sequence[str] = (),
) -> Text:
    """The text of a message of `kind` for a reader of `locale`.

    Raises UnknownKind, MissingValue, and MalformedText for what `check_overrides` would have refused.
    """
    return fill(find(kind, locale=locale, overrides=overrides or {}, languages=languages), values)


def find(kind: str, *, locale: str, overrides: Mapping[str, Override], languages: Sequence[str]) -> Found:
    """The text for readers of `locale`, before any value is put in.

    Looked for in the reader's locale, then its language, then the first of the program's `languages`,
    then English; in each the program's own text goes before Carnet's. Numbers, plurals and dates follow
    the language of the text that was found. Raises UnknownKind and MalformedText.
    """
    if kind not in TEXTS:
        raise UnknownKind(kind)
    tags = [*_wider(locale), *(tag for first in languages[:1] for tag in _wider(first)), LAST_RESORT]
    tag, text = _choose(kind, tags, overrides)
    return Found(text=text, tongue=_tongue(locale if _language(locale) == _language(tag) else tag))


def fill(found: Found, values: Mapping[str, Value]) -> Text:
    """The text with its values, which are never read as templates. Raises MissingValue and MalformedText."""
    title = _fill(found.text.title, values, found.tongue)
    # A title becomes one line on a lock screen and a header of a mail, whatever a name brings along.
    return Text(title=_LINE_BREAKS.sub(" ", title).strip(), body=_fill(found.text.body, values, found.tongue))


def check_template(text: str, kind: str) -> list[str]:
    """What is wrong with one title or body of `kind`, in words; empty when it can be used."""
    known = PLACEHOLDERS.get(kind)
    if known is None:
        return [f"there is no message of the kind {kind}"]
    problems = [] if text.strip() else ["the text is empty"]
    if len(text) > TEXT_MAX_CHARACTERS:
        problems.append(f"the text has more than {TEXT_MAX_CHARACTERS} characters")
    try:
        names = set(template.names_in(template.parse(text)))
    except MalformedText as error:
        return [*problems, str(error)]
    have = ", ".join(f"{{{name}}}" for name in sorted(known))
    problems += [f"{{{name}}} is unknown; {kind} has {have}" for name in sorted(names - known)]
    return problems


def check_overrides(overrides: Mapping[str, Override]) -> list[str]:
    """What is wrong with a program's texts, each line led by its place, as in `welcome.fr.title: …`."""
    problems = []
    for kind, override in overrides.items():
        if kind not in PLACEHOLDERS:
            problems.append(f"{kind}: there is no message of this kind")
            continue
        for place, text in _places(kind, override):
            found = ["the text is missing"] if text is None else check_template(text, kind)
            problems += [f"{place}: {problem}" for problem in found]
        if not isinstance(override, str):
            problems += [f"{kind}.{tag}: no language is written so" for tag in override if not _is_known(tag)]
    return problems


_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def _choose(kind: str, tags: Iterable[str], overrides: Mapping[str, Override]) -> tuple[str, Text]:
    own = overrides.get(kind, overrides.get(COVERED_BY.get(kind, kind), {}))
    for tag in tags:
        found = own if isinstance(own, str) else {_tag(key): text for key, text in own.items()}.get(tag)
        default = TEXTS[kind].get(tag)
        if found is not None:
            return tag, _with_title(kind, tag, found)
        if default is not None:
            return tag, default
    raise AssertionError(f"{kind} has an English text")


def _with_title(kind: str, tag: str, own: str | Mapping[str, str]) -> Text:
    """The program's text; where it has no title of its own, Carnet's in that language or the program's name."""
    default = TEXTS[kind].get(_language(tag))
    title = default.title if default else "{program}"
    if isinstance(own, str):
        return Text(title=title, body=own)
    if "body" not in own:
        raise MalformedText(f"{kind}.{tag} has no body")
    return Text(title=own.get("title", title), body=own["body"])


def _places(kind: str, override: Override) -> Iterator[tuple[str, str | None]]:
    if isinstance(override, str):
        yield kind, override
        return
    for tag, text in override.items():
        if isinstance(text, str):
            yield f"{kind}.{tag}", text
            continue
        yield f"{kind}.{tag}.body", text.get("body")
        if "title" in text:
            yield f"{kind}.{tag}.title", text["title"]


def _fill(text: str, values: Mapping[str, Value], words: Tongue) -> str:
    return _said(template.parse(text), values, words, count=None)


def _said(parts: template.Parts, values: Mapping[str, Value], words: Tongue, *, count: Value | None) -> str:
    said = []
    for part in parts:
        match part:
            case template.Literal(text=literal):
                said.append(_french_spaces(literal) if words.language == "fr" else literal)
            case template.Value(name=name):
                said.append(_say_as(part, _value(name, values), words))
            case template.Choice(name=name):
                value = _value(name, values)
                said.append(_said(_chosen(part, value, words), values, words, count=value))
            case template.Count():
                said.append(_bare_number(count, words))
    return "".join(said)


def _value(name: str, values: Mapping[str, Value]) -> Value:
    if name not in values:
        raise MissingValue(name)
    return values[name]


def _chosen(choice: template.Choice, value: Value, words: Tongue) -> template.Parts:
    """The text for a number's plural form, or for a word; `other` where there is none."""
    other = choice.options["other"]
    if not choice.is_plural:
        return choice.options.get(str(value), other)
    number = _number(value)
    if number is None:
        return other
    exact = choice.options.get(f"={number}")
    return exact if exact is not None else choice.options.get(_plural_form(number, words.tag), other)


def _number(value: Value | None) -> Decimal | int | None:
    match value:
        case Quantity():
            return value.number
        case Money(minor=minor, currency=currency):
            return Decimal(minor).scaleb(-get_currency_precision(currency))
        case int():
            return value
        case _:
            return None


def _bare_number(value: Value | None, words: Tongue) -> str:
    number = _number(value)
    return "" if number is None else _decimal(number, words.tag)


def _say_as(part: template.Value, value: Value, words: Tongue) -> str:
    if part.kind == "number":
        number = _number(value)
        return _say(part.name, value, words) if number is None else _decimal(number, words.tag)
    if isinstance(value, date):
        return format_date(value, format=part.style, locale=words.locale)
    return _say(part.name, value, words)


def _french_spaces(literal: str) -> str:
    """Keep a mark on the line of its word: U+202F before ! ? ; and U+00A0 before : and inside « »."""
    literal = re.sub(r"[ \u00a0\u202f]+([!?;])", "\u202f\\1", literal)
    literal = re.sub(r"[ \u00a0\u202f]+([:»])", "\u00a0\\1", literal)
    return re.sub(r"«[ \u00a0\u202f]+", "«\u00a0", literal)


def _say(name: str, value: Value, words: Tongue) -> str:
    match value:
        case str():
            return value
        case Quantity():
            return _counted(value, words)
        case int() if name in COUNTED:
            return _counted(Quantity(count=value, names=COUNTED[name]), words)
        case int():
            return _decimal(value, words.tag)
        case Money(minor=minor, currency=currency):
            amount = Decimal(minor).scaleb(-get_currency_precision(currency))
            return format_currency(amount, currency, locale=words.locale)
        case date():
            return format_date(value, format="long", locale=words.locale)


def _counted(quantity: Quantity, words: Tongue) -> str:
    number = quantity.number
    names = quantity.names.get(words.language) or next(iter(quantity.names.values()))
    # "many" (a million, in French) and its like read as "other" where a unit has no such form.
    name = names.get(_plural_form(number, words.tag), names["other"])
    gap = "\u00a0" if words.language == "fr" else " "
    return f"{_decimal(number, words.tag)}{gap}{name}"


@lru_cache(maxsize=NUMBERS_KEPT)
def _plural_form(number: Decimal | int, locale: str) -> str:
    return _parsed(locale).plural_form(number)


@lru_cache(maxsize=LOCALES_KEPT)
def _parsed(locale: str) -> Locale:
    return Locale.parse(locale)


@lru_cache(maxsize=NUMBERS_KEPT)
def _decimal(number: Decimal | int, locale: str) -> str:
    """A number as the language writes it: Babel takes 20 µs for one, and most balances come again."""
    return format_decimal(number, locale=locale)


def _tag(locale: str) -> str:
    return locale.replace("_", "-").lower()


def _language(locale: str) -> str:
    return _tag(locale).partition("-")[0]


def _wider(locale: str) -> list[str]:
    return list(dict.fromkeys([_tag(locale), _language(locale)]))


@lru_cache(maxsize=LOCALES_KEPT)
def _tongue(locale: str) -> Tongue:
    for tag in (*_wider(locale), LAST_RESORT):
        if _is_known(tag):
            found = Locale.parse(tag, sep="-")
            return Tongue(locale=found, tag=str(found), language=found.language)
    raise AssertionError("Babel knows English")


def _is_known(tag: str) -> bool:
    try:
        Locale.parse(_tag(tag), sep="-")
    except (ValueError, UnknownLocaleError):
        return False
    return True
