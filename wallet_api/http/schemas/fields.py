"""Field types whose checks all show in the OpenAPI document.

What the document allows is accepted and what it forbids is refused, to the letter: that is what marshmallow's own
fields miss (`"5"` and `true` as integers, a pattern that a trailing newline passes, formats that are narrower in code).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import marshmallow as ma
from marshmallow.validate import Length, Range, Validator

# The largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
SAFE_INTEGER = 2**53 - 1
MOST_UNITS = 10**12
MOST_MONEY = 10**12
LANGUAGES_MAX = 40
QUANTITY_MAX = 1_000_000
EMAIL_CHARACTERS_MAX = 254

_DATE = r"-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
LINES = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
LANGUAGE = r"^[a-z]{2}(-[A-Z]{2})?$"
EMAIL = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@({_LABEL}\.){{1,8}}[A-Za-z]{{2,24}}$"
PHONE = r"^\+[1-9][0-9]{6,14}$"


class Pattern(Validator):
    """The whole text matches; marshmallow's Regexp would let a trailing newline pass."""

    def __init__(self, pattern: str, *, error: str) -> None:
        self.regex = re.compile(pattern)  # apispec documents what stands under this name
        self._refusal = error

    def __call__(self, value: str) -> str:
        if self.regex.fullmatch(value) is None:
            raise ma.ValidationError(self._refusal)
        return value


class StrictInteger(ma.fields.Integer):
    """A JSON integer between two documented bounds: `1` and `1.0`, but neither `"1"` nor `true`."""

    refusal: ClassVar[str] = "Not an integer."

    def __init__(self, *, minimum: int, maximum: int, **rest: object) -> None:
        if not -SAFE_INTEGER <= minimum <= maximum <= SAFE_INTEGER:
            raise ValueError(f"The bounds {minimum} and {maximum} are not in order, or beyond what JSON keeps exactly.")
        super().__init__(validate=Range(min=minimum, max=maximum), **rest)  # type: ignore[arg-type]  # Field's own keywords

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise ma.ValidationError(self.refusal)
        return int(value)


class QueryInteger(StrictInteger):
    """An integer in a query: ASCII digits, with a minus where the bounds allow one."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> int:
        if not isinstance(value, str) or re.fullmatch(r"-?[0-9]{1,16}", value) is None:
            raise ma.ValidationError(self.refusal)
        return int(value)


class Quantity(ma.fields.Field[Decimal]):
    """A number of something that is measured: up to a million, with at most three decimals."""

    refusal: ClassVar[str] = "Not a number from 0 to 1000000 with at most three decimals."
    json_schema: ClassVar[Mapping[str, object]] = {
        "type": "number",
        "minimum": 0,
        "maximum": QUANTITY_MAX,
        "multipleOf": 0.001,
    }

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError(self.refusal)
        number = Decimal(repr(value))
        if not 0 <= number <= QUANTITY_MAX or number != number.quantize(Decimal("0.001")):
            raise ma.ValidationError(self.refusal)
        return number


class UnitAmount(StrictInteger):
    """An amount of a program's unit, in its smallest step."""

    def __init__(self, *, minimum: int = 0, maximum: int = MOST_UNITS, **rest: object) -> None:
        super().__init__(minimum=minimum, maximum=maximum, **_described(rest, "In the unit's smallest step"))


class MoneyAmount(StrictInteger):
    """An amount of money, in minor units of the currency beside it."""

    def __init__(self, *, minimum: int = 0, maximum: int = MOST_MONEY, **rest: object) -> None:
        super().__init__(minimum=minimum, maximum=maximum, **_described(rest, "In minor units of the currency"))


class YesOrNo(ma.fields.Boolean):
    """A JSON boolean; marshmallow's own takes `1`, `"yes"` and more, which the document forbids."""

    refusal: ClassVar[str] = "Not true or false."

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError(self.refusal)
        return value


class Text(ma.fields.String):
    """Text of a documented length, without control characters; `lines=True` lets line feeds pass."""

    def __init__(self, *, longest: int, shortest: int = 1, lines: bool = False, **rest: object) -> None:
        shape = Pattern(LINES if lines else LINE, error="Control characters are not allowed.")
        super().__init__(validate=[Length(min=shortest, max=longest), shape], **rest)  # type: ignore[arg-type]  # Field's own


class Matching(ma.fields.String):
    """Text of one documented pattern, as a whole and in ASCII, so that it is also as short as the pattern says."""

    def __init__(self, pattern: str, *, error: str, longest: int | None = None, **rest: object) -> None:
        checks: list[Validator] = [Pattern(pattern, error=error)]
        if longest is not None:
            checks.append(Length(max=longest))
        super().__init__(validate=checks, **rest)  # type: ignore[arg-type]  # Field's own keywords


class OneOf(ma.fields.String):
    """One of a few documented words."""

    def __init__(self, *words: str, **rest: object) -> None:
        super().__init__(validate=ma.validate.OneOf(words), **rest)  # type: ignore[arg-type]  # Field's own keywords


class Email(Matching):
    """An e-mail address as written: ASCII, at most 254 characters (RFC 5321)."""

    def __init__(self, **rest: object) -> None:
        super().__init__(EMAIL, error="Not an e-mail address.", longest=EMAIL_CHARACTERS_MAX, **rest)


class Phone(Matching):
    """A telephone number in E.164: `+` and 7 to 15 digits."""

    def __init__(self, **rest: object) -> None:
        super().__init__(PHONE, error="Not a telephone number such as +33612345678.", **rest)  # type: ignore[arg-type]  # Field's own


class UtcDateTime(ma.fields.Field[datetime]):
    """A moment in RFC 3339 with its offset, between the years 2000 and 2199; aware and in UTC on our side."""

    refusal: ClassVar[str] = "Not a time such as 2026-03-01T10:00:00Z."
    pattern = re.compile(rf"^2[01][0-9]{{2}}{_DATE}{_TIME}$")
    json_schema: ClassVar[Mapping[str, object]] = {"type": "string", "format": "date-time", "pattern": pattern.pattern}

    def _serialize(self, value: datetime | None, attr: str | None, obj: object, **kwargs: object) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> datetime:
        if not isinstance(value, str) or self.pattern.fullmatch(value) is None:
            raise ma.ValidationError(self.refusal)
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError as no_such_day:  # 30 February
            raise ma.ValidationError(self.refusal) from no_such_day


class Day(ma.fields.Field[date]):
    """A calendar day, `2026-03-01`, between the years 1900 and 2199."""

    refusal: ClassVar[str] = "Not a day such as 2026-03-01."
    pattern = re.compile(rf"^(19|20|21)[0-9]{{2}}{_DATE}$")
    json_schema: ClassVar[Mapping[str, object]] = {"type": "string", "format": "date", "pattern": pattern.pattern}

    def _serialize(self, value: date | None, attr: str | None, obj: object, **kwargs: object) -> str | None:
        return None if value is None else value.isoformat()

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> date:
        if not isinstance(value, str) or self.pattern.fullmatch(value) is None:
            raise ma.ValidationError(self.refusal)
        try:
            return date.fromisoformat(value)
        except ValueError as no_such_day:
            raise ma.ValidationError(self.refusal) from no_such_day


class Uuid(ma.fields.Field[UUID]):
    """An id: a UUID in its canonical form with hyphens; braces, `urn:` and bare hex are refused."""

    refusal: ClassVar[str] = "Not an id."
    pattern = re.compile(r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")
    json_schema: ClassVar[Mapping[str, object]] = {"type": "string", "format": "uuid", "pattern": pattern.pattern}

    def _serialize(self, value: UUID | None, attr: str | None, obj: object, **kwargs: object) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> UUID:
        if not isinstance(value, str) or self.pattern.fullmatch(value) is None:
            raise ma.ValidationError(self.refusal)
        return UUID(value)


class Localised(ma.fields.Dict):
    """One text in several languages: `{"en": "…", "fr-CH": "…"}`."""

    json_schema: ClassVar[Mapping[str, object]] = {
        "propertyNames": {"pattern": LANGUAGE},
        "minProperties": 1,
        "maxProperties": LANGUAGES_MAX,
    }

    def __init__(self, *, longest: int, **rest: object) -> None:
        super().__init__(
            keys=Matching(LANGUAGE, error="Not a language such as en or fr-CH."),
            values=Text(longest=longest),
            validate=_Size(most=LANGUAGES_MAX),
            **rest,  # type: ignore[arg-type]  # Field's own keywords
        )


class _Size(Validator):
    """At least one entry and not too many; Length would be documented as the length of a text."""

    def __init__(self, *, most: int) -> None:
        self.most = most

    def __call__(self, value: Mapping[str, str]) -> Mapping[str, str]:
        if not 1 <= len(value) <= self.most:
            raise ma.ValidationError(f"Between 1 and {self.most} languages.")
        return value


def left_out() -> None:
    """For `load_default`: None where the caller leaves the field out, and null stays refused and undocumented."""


def rfc3339(moment: datetime) -> str:
    """The moment as the API writes it, `2026-03-01T10:00:00Z`. Refuses a naive time with ValueError."""
    if moment.tzinfo is None:
        raise ValueError(f"A naive time may mean any zone: {moment.isoformat()}.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def documented(converter: object, field: ma.fields.Field[object], **kwargs: object) -> dict[str, object]:
    """Adds a field's own `json_schema` to the document: an attribute function of apispec."""
    own: Mapping[str, object] = getattr(field, "json_schema", {})
    if field.allow_none and "type" in own:
        return {**own, "type": [own["type"], "null"]}
    if field.allow_none and "$ref" in own:
        return {"anyOf": [own, {"type": "null"}]}
    return dict(own)


def _described(rest: Mapping[str, object], description: str) -> dict[str, object]:
    metadata = rest.get("metadata")
    given: Mapping[str, object] = metadata if isinstance(metadata, Mapping) else {}
    return {**rest, "metadata": {"description": description, **given}}
