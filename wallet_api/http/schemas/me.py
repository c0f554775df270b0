"""What members see of themselves, and what they may change."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.address import Language, TimeZone
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import (
    Day,
    Matching,
    MoneyAmount,
    OneOf,
    StrictInteger,
    Text,
    UnitAmount,
    UtcDateTime,
    Uuid,
    YesOrNo,
    left_out,
)
from wallet_api.http.schemas.joining import NAME_CHARACTERS_MAX
from wallet_api.http.schemas.membership import MembershipSchema
from wallet_api.http.schemas.till import (
    LEAST,
    QUANTITY_MAX,
    PriceSchema,
    RewardForMemberSchema,
    TierSchema,
    balances,
)

fields = ma.fields
CONSENTS = ("terms", "marketing", "profiling")
ENTRY_KINDS = ("earn", "bonus", "redeem", "hold", "release", "adjust", "expire", "reversal")
PLATFORMS = ("android", "ios", "web")
VALUE_MAX = 10**15


class Nothing(fields.Field[None]):
    """Always null, until it has a value to show."""

    json_schema = {"type": "null"}


class MemberSchema(AnswerSchema):
    """Who the member is, and where they stand now; one of `email` and `phone` is null."""

    id = Uuid()
    program = fields.String()
    given_name = fields.String(allow_none=True)
    family_name = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    birth_date = Day(allow_none=True)
    locale = fields.String()
    time_zone = fields.String(allow_none=True)
    joined_at = UtcDateTime()
    balances = balances()
    tier = fields.Nested(TierSchema, allow_none=True)
    membership = fields.Nested(
        MembershipSchema, allow_none=True, metadata={"description": "Null where the program has none"}
    )


class MemberPatchSchema(Schema):
    """What to change; fields left out stay as they are, null empties one."""

    given_name = Text(longest=NAME_CHARACTERS_MAX)
    family_name = Text(longest=NAME_CHARACTERS_MAX, allow_none=True)
    birth_date = Day(allow_none=True)
    locale = Language()
    time_zone = TimeZone(allow_none=True)


class DeviceBodySchema(Schema):
    """A phone or browser that push messages can reach."""

    fcm_token = Matching(r"^[A-Za-z0-9_:.%-]{1,1000}$", error="Not a token of Firebase.", required=True)
    platform = OneOf(*PLATFORMS, required=True)
    app_version = Text(longest=50, load_default=left_out)


class DeviceSchema(AnswerSchema):
    """A registered device."""

    id = Uuid()
    platform = OneOf(*PLATFORMS)
    app_version = fields.String(allow_none=True)


class EntrySchema(AnswerSchema):
    """An immutable row of the ledger; `hash` covers the one before it, so that none can be changed or left out."""

    id = Uuid()
    unit = fields.String()
    kind = OneOf(*ENTRY_KINDS)
    amount = UnitAmount(minimum=LEAST, metadata={"description": "Signed, in the unit's smallest step"})
    occurred_at = UtcDateTime()
    recorded_at = UtcDateTime()
    source_id = Uuid(allow_none=True, metadata={"description": "The transaction, check-in or redemption behind it"})
    rule = fields.String(allow_none=True)
    reverses = Uuid(allow_none=True, metadata={"description": "The entry that this one takes back"})
    why = fields.String(metadata={"description": "In the member's language"})
    position = StrictInteger(minimum=1, maximum=VALUE_MAX, metadata={"description": "1 is the member's first entry"})
    hash = fields.String(metadata={"description": "SHA-256, in hex"})


class PurchasePlaceSchema(AnswerSchema):
    """Where it was."""

    id = Uuid()
    name = fields.String()


class PurchaseSchema(AnswerSchema):
    """A sale or a return; `paid` is what was paid after discounts, or given back."""

    id = Uuid()
    type = OneOf("sale", "return")
    location = fields.Nested(PurchasePlaceSchema)
    external_id = fields.String(metadata={"description": "The receipt's number"})
    occurred_at = UtcDateTime()
    currency = fields.String()
    amount = MoneyAmount(minimum=LEAST, maximum=VALUE_MAX)
    paid = MoneyAmount(minimum=LEAST, maximum=VALUE_MAX)
    sale_id = Uuid(allow_none=True, metadata={"description": "Of a return: the sale"})


class PeriodSchema(AnswerSchema):
    """The days over which a tier's measure counts, both included."""

    first = Day()
    last = Day()


class TierAboveSchema(AnswerSchema):
    """The next tier, and what is missing for it within the period."""

    id = fields.String()
    name = fields.String()
    threshold = UnitAmount()
    missing = UnitAmount()
    until = Day(allow_none=True, metadata={"description": "Its last day; null where the window moves with time"})
    why = fields.String(metadata={"description": "The same in the member's language"})


class KeepSchema(AnswerSchema):
    """What is missing to keep the tier beyond its end."""

    missing = UnitAmount()
    until = Day()
    why = fields.String(metadata={"description": "The same in the member's language"})


class StandingSchema(TierSchema):
    """The tier held, why, and the next; values are minor units of `spend`, or smallest steps of what was earned."""

    why = fields.String(metadata={"description": "In the member's language"})
    measure = fields.String(metadata={"description": "What tiers go by: `spend` or `earned:<unit>`"})
    period = fields.Nested(PeriodSchema)
    value = UnitAmount(minimum=LEAST, maximum=VALUE_MAX, metadata={"description": "The measure within the period"})
    next = fields.Nested(TierAboveSchema, allow_none=True)
    keep = fields.Nested(KeepSchema, allow_none=True, metadata={"description": "Null where nothing has to be done"})


class ChallengeSchema(AnswerSchema):
    """A challenge: its goal, how far the member is in its period, and what it gives."""

    id = fields.String()
    name = fields.String()
    measure = fields.String(
        metadata={"description": "`spend`, `visits`, `orders`, `earned:<unit>`, `activity:<kind>` …"}
    )
    goal = UnitAmount(maximum=VALUE_MAX)
    value = UnitAmount(minimum=LEAST, maximum=VALUE_MAX)
    per = OneOf("day", "week", "month", "year", "lifetime")
    days = fields.Nested(PeriodSchema, allow_none=True, metadata={"description": "The only days that count"})
    badge = fields.String(allow_none=True)
    earned_on = Day(allow_none=True, metadata={"description": "Since when the badge is the member's"})
    rewards = fields.List(fields.String())
    units = fields.Nested(PriceSchema, allow_none=True)


class ChallengeListSchema(AnswerSchema):
    """All challenges of the program."""

    items = fields.List(fields.Nested(ChallengeSchema))
    next_cursor = Nothing(metadata={"description": "The list comes whole"})


class ReferralSchema(AnswerSchema):
    """The code to give to friends, and what came of it."""

    code = fields.String()
    joined = StrictInteger(minimum=0, maximum=VALUE_MAX)
    bought = StrictInteger(minimum=0, maximum=VALUE_MAX, metadata={"description": "How many of them have bought"})
    earns = fields.List(fields.Nested(PriceSchema), metadata={"description": "For each, once they have bought"})


class RewardListSchema(AnswerSchema):
    """All rewards; `available` says which the member can have now."""

    items = fields.List(fields.Nested(RewardForMemberSchema))
    next_cursor = Nothing(metadata={"description": "The list comes whole"})


class RedemptionBodySchema(Schema):
    """The reward that the member wants."""

    reward = Text(longest=100, required=True)
    quantity = StrictInteger(minimum=1, maximum=QUANTITY_MAX, load_default=1)


class ConsentBodySchema(Schema):
    """A consent to give or to withdraw."""

    kind = OneOf(*CONSENTS, required=True)
    granted = YesOrNo(required=True)


class ConsentSchema(AnswerSchema):
    """A consent given or withdrawn: when, in which way, and to which version of the terms."""

    kind = OneOf(*CONSENTS)
    granted = fields.Boolean()
    terms_version = fields.String()
    channel = fields.String()
    at = UtcDateTime()
