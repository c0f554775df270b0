"""How a person is reached: exactly one of e-mail address and telephone number, in one canonical form."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

import marshmallow as ma

from wallet_api.http.schemas.base import Schema
from wallet_api.http.schemas.fields import EMAIL, EMAIL_CHARACTERS_MAX, LANGUAGE, Matching, left_out
from wallet_api.services.addresses import canonical_email, canonical_phone

SPACES_MAX = 10
TYPED_EMAIL = rf"^ {{0,{SPACES_MAX}}}{EMAIL.strip('^$')} {{0,{SPACES_MAX}}}$"
TYPED_PHONE = r"^ ?\+[0-9][0-9 ().\/-]{5,28}$"
ZONE = r"^[A-Za-z][A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}$"

_ZONES = frozenset(available_timezones())


class TypedEmail(Matching):
    """An e-mail address as people type it; spaces around it go, and capitals become small."""

    def __init__(self, **rest: object) -> None:
        longest = EMAIL_CHARACTERS_MAX + 2 * SPACES_MAX
        super().__init__(TYPED_EMAIL, error="Not an e-mail address.", longest=longest, **rest)

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # the parent's own types
        """Check the address, then make it canonical."""
        typed = super().deserialize(value, *args, **kwargs)
        return canonical_email(typed) if isinstance(typed, str) else typed


class TypedPhone(Matching):
    """A telephone number as people type it, with `+` and country code; E.164 on our side."""

    refusal: ClassVar[str] = "Not a telephone number with + and country code, such as +33 6 12 34 56 78."

    def __init__(self, **rest: object) -> None:
        super().__init__(TYPED_PHONE, error=self.refusal, **rest)  # type: ignore[arg-type]  # Field's own

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # the parent's own types
        """Check the number, then make it canonical."""
        typed = super().deserialize(value, *args, **kwargs)
        if not isinstance(typed, str):
            return typed
        if (number := canonical_phone(typed)) is None:
            raise ma.ValidationError(self.refusal)
        return number


class Language(Matching):
    """A language such as `en` or `fr-CH`."""

    def __init__(self, **rest: object) -> None:
        super().__init__(LANGUAGE, error="Not a language such as en or fr-CH.", **rest)  # type: ignore[arg-type]  # Field's own


class TimeZone(Matching):
    """A time zone of the IANA database, such as `Europe/Paris`."""

    refusal: ClassVar[str] = "Not a time zone such as Europe/Paris."

    def __init__(self, **rest: object) -> None:
        super().__init__(ZONE, error=self.refusal, **rest)  # type: ignore[arg-type]  # Field's own

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # the parent's own types
        """Check that there is such a zone."""
        zone = super().deserialize(value, *args, **kwargs)
        if isinstance(zone, str) and zone not in _ZONES:
            raise ma.ValidationError(self.refusal)
        return zone


class AddressSchema(Schema):
    """Exactly one of the two; endpoints get it as `address`."""

    exactly_one = (("email", "phone"),)

    email = TypedEmail(load_default=left_out, metadata={"description": "Either this or `phone`"})
    phone = TypedPhone(load_default=left_out, metadata={"description": "Either this or `email`; with `+` and country"})

    @ma.post_load
    def name_address(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Put the one that is given under `address`."""
        email, phone = values.pop("email"), values.pop("phone")
        return {**values, "address": email or phone}
