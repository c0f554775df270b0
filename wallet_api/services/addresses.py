"""Addresses of members and staff in the one form in which they are stored and looked up."""

from __future__ import annotations

import phonenumbers


def canonical_email(text: str) -> str:
    """An e-mail address trimmed and in lower case: shoppers mistype case, and no mail system tells cases apart."""
    return text.strip().lower()


def canonical_phone(text: str) -> str | None:
    """A telephone number in E.164, such as +33612345678; None for what cannot be one.

    It needs its `+` and country code: without them the same digits are another person's number in the next country.
    Only the length is checked against the country's plan (libphonenumber), as new ranges open all the time.
    """
    try:
        number = phonenumbers.parse(text.strip(), None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
