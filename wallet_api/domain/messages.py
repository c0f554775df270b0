"""The kinds of message: what each is about, how long it is worth reading, and by which way it goes where nobody says."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


class MessageClass(enum.StrEnum):
    """What a member can have against a message."""

    CODE = "code"
    """Asked for this moment: at once, always."""
    SERVICE = "service"
    """About the member's own account: by whichever way they want, outside of quiet hours."""
    MARKETING = "marketing"
    """Only with their consent, and not too often."""


PUSH, EMAIL, WALLET = "push", "email", "wallet"
CHANNELS = (PUSH, EMAIL, WALLET)
"""The ways by which a member can be written to, as preferences and definitions name them."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of message.

    `is_worth`: for how long. `follows`: while a message of this group waits, the next one takes its place.
    `mail_without_phone`: it goes by e-mail to those who have no phone.
    """

    message_class: MessageClass = MessageClass.SERVICE
    is_worth: timedelta = timedelta(days=1)
    follows: str | None = None
    mail_without_phone: bool = False


_WEEK = timedelta(days=7)
_TIER = "tier"

KINDS: Mapping[str, Kind] = {
    "welcome": Kind(is_worth=timedelta(days=3), mail_without_phone=True),
    "sign_in_code": Kind(message_class=MessageClass.CODE),
    "points_earned": Kind(),
    "points_returned": Kind(),
    "points_usable": Kind(),
    "points_expiring": Kind(is_worth=_WEEK, mail_without_phone=True),
    "points_expired": Kind(is_worth=_WEEK),
    "tier_upgraded": Kind(is_worth=_WEEK, follows=_TIER, mail_without_phone=True),
    "tier_downgraded": Kind(is_worth=_WEEK, follows=_TIER, mail_without_phone=True),
    "tier_ending": Kind(is_worth=_WEEK, follows=_TIER, mail_without_phone=True),
    "reward_unlocked": Kind(is_worth=_WEEK),
    "reward_redeemed": Kind(),
    "reward_given": Kind(is_worth=_WEEK, mail_without_phone=True),
    "reward_gone": Kind(is_worth=_WEEK),
    "voucher_expiring": Kind(is_worth=timedelta(days=3), mail_without_phone=True),
    "challenge_done": Kind(is_worth=_WEEK),
    "referral_done": Kind(is_worth=_WEEK),
    "membership_changed": Kind(is_worth=_WEEK, follows="membership", mail_without_phone=True),
    "membership_ends_soon": Kind(is_worth=_WEEK, follows="membership", mail_without_phone=True),
    "birthday": Kind(message_class=MessageClass.MARKETING, mail_without_phone=True),
    "win_back": Kind(message_class=MessageClass.MARKETING, is_worth=_WEEK, mail_without_phone=True),
    "promotion": Kind(message_class=MessageClass.MARKETING, is_worth=_WEEK, mail_without_phone=True),
    "survey": Kind(message_class=MessageClass.MARKETING, is_worth=_WEEK),
}

PREFERABLE = tuple(kind for kind, each in KINDS.items() if each.message_class is not MessageClass.CODE)
"""The kinds that a member can do without."""

NOTICED_AS: Mapping[str, str] = {"badge_earned": "challenge_done"}
"""Notices of the engine that members read under another name; the others are kinds themselves, or are not told."""
