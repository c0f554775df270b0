"""What tills and POS send, and what they get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import marshmallow as ma
from marshmallow.validate import Length

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import (
    LINE,
    Day,
    Matching,
    MoneyAmount,
    OneOf,
    Quantity,
    StrictInteger,
    Text,
    UnitAmount,
    UtcDateTime,
    Uuid,
    YesOrNo,
    left_out,
)

WAYS = ("scan_id", "code", "member_id")
LINES_MAX = 500
TAGS_MAX = 20
VOUCHERS_MAX = 10
QUANTITY_MAX = 10_000
FIELDS_MAX = 10
TEXT_CHARACTERS_MAX = 100
LEAST = -(10**12)

fields = ma.fields


class CodeField(Matching):
    """What a reader read or a cashier typed."""

    def __init__(self, **rest: object) -> None:
        super().__init__(r"^[0-9A-Z ]{1,40}$", error="Not a card's or voucher's code.", **rest)  # type: ignore[arg-type]  # Field's own


class CurrencyField(Matching):
    """ISO 4217."""

    def __init__(self, **rest: object) -> None:
        super().__init__(r"^[A-Z]{3}$", error="Not a currency such as EUR.", **rest)  # type: ignore[arg-type]  # Field's own


class ActivityData(ma.fields.Field[dict[str, Decimal | str | bool]]):
    """An activity's own fields: at most ten, each a short text, a number or a yes or no."""

    refusal: ClassVar[str] = "At most ten fields; each a text of up to 100 characters, a number, or true or false."
    json_schema: ClassVar[Mapping[str, object]] = {
        "type": "object",
        "maxProperties": FIELDS_MAX,
        "propertyNames": {"pattern": r"^[a-z][a-z0-9_]{0,39}$"},
        "additionalProperties": {
            "anyOf": [
                {"type": "string", "maxLength": 100, "pattern": LINE},
                {"type": "boolean"},
                dict(Quantity.json_schema),
            ]
        },
    }

    def _deserialize(
        self, value: object, attr: str | None, data: object, **kwargs: object
    ) -> dict[str, Decimal | str | bool]:
        if not isinstance(value, dict) or len(value) > FIELDS_MAX:
            raise ma.ValidationError(self.refusal)
        return {self._name(name): self._value(item) for name, item in value.items()}

    def _name(self, name: str) -> str:
        if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) is None:
            raise ma.ValidationError(self.refusal)
        return name

    def _value(self, item: object) -> Decimal | str | bool:
        if isinstance(item, bool):
            return item
        if isinstance(item, str):
            if len(item) > TEXT_CHARACTERS_MAX or re.fullmatch(LINE, item) is None:
                raise ma.ValidationError(self.refusal)
            return item
        return Quantity().deserialize(item)


class Yes(YesOrNo):
    """`true`, where leaving it out says no."""

    json_schema: ClassVar[Mapping[str, object]] = {"type": "boolean", "const": True}

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> bool:
        if value is not True:
            raise ma.ValidationError("Not true.")
        return True


class WhoSchema(Schema):
    """Who the customer is: exactly one of the three."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (WAYS,)

    scan_id = Uuid(load_default=left_out, metadata={"description": "From a scan at this till, up to 10 minutes old"})
    code = CodeField(load_default=left_out, metadata={"description": "What the reader read; used up by this call"})
    member_id = Uuid(load_default=left_out, metadata={"description": "Only for keys with the scope members:act"})


class LineSchema(Schema):
    """A line of a receipt."""

    sku = Text(longest=100, required=True)
    name = Text(longest=200, load_default=left_out)
    category = Text(longest=100, load_default=left_out)
    quantity = StrictInteger(minimum=1, maximum=QUANTITY_MAX, load_default=1)
    amount = MoneyAmount(required=True, metadata={"description": "The line's total, in minor units"})
    tags = fields.List(Text(longest=50), load_default=list, validate=Length(max=TAGS_MAX))


class PayWithSchema(Schema):
    """Units that pay for a part."""

    unit = Text(longest=50, required=True)
    amount = UnitAmount(minimum=1, required=True)


class SaleSchema(WhoSchema):
    """A sale."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (WAYS, ("amount", "lines"))

    external_id = Text(
        longest=100, required=True, metadata={"description": "The receipt's number, unique at its location"}
    )
    location_id = Uuid(required=True)
    occurred_at = UtcDateTime(required=True)
    currency = CurrencyField(required=True)
    amount = MoneyAmount(load_default=left_out, metadata={"description": "Instead of lines, in minor units"})
    lines = fields.List(fields.Nested(LineSchema), load_default=left_out, validate=Length(min=1, max=LINES_MAX))
    vouchers = fields.List(CodeField(), load_default=list, validate=Length(max=VOUCHERS_MAX))
    pay_with = fields.List(fields.Nested(PayWithSchema), load_default=list, validate=Length(max=5))
    tender = Text(longest=50, load_default=left_out, metadata={"description": "How it was paid; kept, never counted"})


class PreviewSchema(SaleSchema):
    """A sale to come, of a member or of somebody who is none."""

    exactly_one = ((*WAYS, "guest"), ("amount", "lines"))

    guest = Yes(load_default=left_out, metadata={"description": "For somebody who is no member"})


class AccessSchema(WhoSchema):
    """Something that is not for everybody, or not yet; its tags are those of the receipt's lines."""

    exactly_one = ((*WAYS, "guest"),)

    guest = Yes(load_default=left_out, metadata={"description": "For somebody who is no member"})
    location_id = Uuid(load_default=left_out)
    tags = fields.List(Text(longest=50), required=True, validate=Length(min=1, max=TAGS_MAX))
    opens_at = UtcDateTime(load_default=left_out, metadata={"description": "When it opens to everybody"})


class ReturnLineSchema(Schema):
    """A line that comes back; its amount is in the sale's own prices."""

    sku = Text(longest=100, required=True)
    quantity = StrictInteger(minimum=1, maximum=QUANTITY_MAX, load_default=1)
    amount = MoneyAmount(required=True)


class ReturnSchema(Schema):
    """A return; all that is left of the sale where neither amount nor lines are given."""

    not_together = (("amount", "lines"),)

    external_id = Text(longest=100, required=True)
    occurred_at = UtcDateTime(required=True)
    location_id = Uuid(load_default=left_out, metadata={"description": "Where the sale was made, if left out"})
    amount = MoneyAmount(minimum=1, load_default=left_out)
    worn = YesOrNo(load_default=False, metadata={"description": "The goods have been used"})
    lines = fields.List(fields.Nested(ReturnLineSchema), load_default=left_out, validate=Length(min=1, max=LINES_MAX))


class ScanSchema(Schema):
    """A code that was read at a till."""

    code = CodeField(required=True)
    location_id = Uuid(required=True)


class CheckInSchema(WhoSchema):
    """A visit."""

    location_id = Uuid(required=True)
    occurred_at = UtcDateTime(required=True)


class ActivitySchema(WhoSchema):
    """Any other thing that may earn; a kind's own fields stand in `data`."""

    kind = Matching(r"^[a-z][a-z0-9_-]{0,39}$", error="Not a kind such as workout.", required=True)
    external_id = Text(longest=100, required=True, metadata={"description": "Your number for it, unique for its kind"})
    location_id = Uuid(load_default=left_out)
    occurred_at = UtcDateTime(required=True)
    quantity = Quantity(load_default=left_out, metadata={"description": "Minutes of a workout, km of a run …"})
    data = ActivityData(load_default=dict)


class RedemptionSchema(WhoSchema):
    """A reward to hold."""

    reward = Text(longest=100, required=True)
    quantity = StrictInteger(minimum=1, maximum=1000, load_default=1)
    location_id = Uuid(load_default=left_out)


class GuestSchema(Schema):
    """A customer who joins at the till; the address is optional and lets them claim the card later."""

    given_name = Text(longest=100, required=True)
    family_name = Text(longest=100, load_default=left_out)
    locale = Matching(r"^[a-z]{2}(-[A-Z]{2})?$", error="Not a language such as fr or fr-CA.", load_default=left_out)
    terms = YesOrNo(required=True, metadata={"description": "The customer accepts the program's terms"})


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


class NextExpirySchema(AnswerSchema):
    """When units expire next, and how many."""

    at = UtcDateTime()
    amount = UnitAmount()


class BalanceSchema(AnswerSchema):
    """One unit's figures, in its smallest step; `available` is below zero when a return took more than there was."""

    available = UnitAmount(minimum=LEAST)
    pending = UnitAmount()
    lifetime = UnitAmount(minimum=LEAST)
    next_expiry = fields.Nested(NextExpirySchema, allow_none=True)


def balances() -> fields.Dict:
    """Balances by unit."""
    return fields.Dict(keys=fields.String(), values=fields.Nested(BalanceSchema))


class EarnedSchema(AnswerSchema):
    """What one rule gave, and why."""

    unit = fields.String()
    amount = UnitAmount()
    rule = fields.String()
    usable_at = UtcDateTime(allow_none=True, metadata={"description": "Pending until then; null: usable at once"})
    why = fields.String()


class DiscountSchema(AnswerSchema):
    """What a voucher took off, or a member price: that has no voucher, and its own id in place of a reward's."""

    voucher_id = Uuid(allow_none=True)
    reward = fields.String()
    amount = MoneyAmount()


class UnitsPaidSchema(AnswerSchema):
    """Units that paid for a part, and how much money they were worth."""

    unit = fields.String()
    amount = UnitAmount()
    money = MoneyAmount(maximum=10**15)


class NextTierSchema(AnswerSchema):
    """The next tier, and what is missing (minor units of spend, or smallest steps of a unit)."""

    id = fields.String()
    missing = StrictInteger(minimum=0, maximum=10**15)


class TierAfterSchema(AnswerSchema):
    """The tier after an event, the one before it, and the next."""

    id = fields.String()
    previous = fields.String(allow_none=True)
    next = fields.Nested(NextTierSchema, allow_none=True)


class TierSchema(AnswerSchema):
    """The tier held; `until` is its last day, null where it has no end."""

    id = fields.String()
    name = fields.String()
    since = Day()
    until = Day(allow_none=True)


class PersonSchema(AnswerSchema):
    """The member that an answer is about."""

    id = Uuid()
    display_name = fields.String()


class CustomerSchema(PersonSchema):
    """What a cashier sees of a member."""

    tier = fields.Nested(TierSchema, allow_none=True)
    balances = balances()


class PriceSchema(AnswerSchema):
    """What a reward costs."""

    unit = fields.String()
    amount = UnitAmount()


class RewardForMemberSchema(AnswerSchema):
    """A reward as one member sees it."""

    id = fields.String()
    name = fields.String()
    price = fields.Nested(PriceSchema, allow_none=True, metadata={"description": "Null for a gift"})
    gives = fields.String()
    available = fields.Boolean()
    missing = fields.Nested(PriceSchema, allow_none=True)
    tiers = fields.List(fields.String())
    why = fields.String(allow_none=True, metadata={"description": "Why not now, in the member's language"})


class VoucherSchema(AnswerSchema):
    """A voucher; `valid_until` is its last day."""

    id = Uuid()
    code = fields.String()
    reward = fields.String()
    name = fields.String()
    quantity = StrictInteger(minimum=1, maximum=QUANTITY_MAX)
    status = OneOf("issued", "reserved", "redeemed", "expired", "cancelled")
    issued_at = UtcDateTime()
    valid_from = Day(allow_none=True, metadata={"description": "Null: from the moment of issue"})
    valid_until = Day(allow_none=True)


class IssuedVoucherSchema(VoucherSchema):
    """The voucher of a redemption; of several pieces each has a code of its own."""

    codes = fields.List(fields.String(), metadata={"description": "One for each piece; the first is `code`"})


class CardStateSchema(AnswerSchema):
    """A card."""

    number = fields.String()
    status = OneOf("active", "blocked", "replaced", "merged")


class ScanAnswerSchema(AnswerSchema):
    """Who the customer is; `scan_id` names them in later calls of this till."""

    scan_id = Uuid()
    expires_at = UtcDateTime()
    fresh = fields.Boolean(metadata={"description": "A live code proved that the member's phone is here"})
    member = fields.Nested(CustomerSchema)
    card = fields.Nested(CardStateSchema)
    rewards = fields.List(fields.Nested(RewardForMemberSchema))
    vouchers = fields.List(fields.Nested(VoucherSchema))


class PricedSchema(AnswerSchema):
    """What a sale brings."""

    amount = MoneyAmount(maximum=10**15)
    paid = MoneyAmount(maximum=10**15, metadata={"description": "After discounts, vouchers and units; no shipping"})
    shipping = MoneyAmount(allow_none=True, metadata={"description": "Null where the program does not say"})
    currency = fields.String()
    units_paid = fields.List(fields.Nested(UnitsPaidSchema))
    discounts = fields.List(fields.Nested(DiscountSchema))
    earned = fields.List(fields.Nested(EarnedSchema))
    balances = balances()
    tier = fields.Nested(TierAfterSchema, allow_none=True)
    rewards_unlocked = fields.List(fields.String())


class SaleAnswerSchema(PricedSchema):
    """A recorded sale."""

    id = Uuid()
    type = OneOf("sale")
    member = fields.Nested(PersonSchema)


class PreviewAnswerSchema(PricedSchema):
    """What a sale would bring; `allowed` says whether all of it is for this member, or for a guest (null)."""

    id = Uuid(allow_none=True, metadata={"description": "Of nothing that was recorded"})
    type = OneOf("sale")
    member = fields.Nested(PersonSchema, allow_none=True)
    allowed = fields.Boolean()


class AccessAnswerSchema(AnswerSchema):
    """Whether it may be bought now, and from when on (null: never, or nobody asked)."""

    allowed = fields.Boolean()
    opens_at = UtcDateTime(allow_none=True)


class ReversedSchema(AnswerSchema):
    """Units taken back."""

    unit = fields.String()
    amount = UnitAmount()
    rule = fields.String(allow_none=True)
    why = fields.String()


class ReturnAnswerSchema(AnswerSchema):
    """A recorded return."""

    id = Uuid()
    type = OneOf("return")
    sale_id = Uuid()
    refund = MoneyAmount(maximum=10**15)
    currency = fields.String()
    reversed = fields.List(fields.Nested(ReversedSchema))
    given_back = fields.List(fields.Nested(VoucherSchema))
    balances = balances()
    tier = fields.Nested(TierAfterSchema, allow_none=True)


class CheckInAnswerSchema(AnswerSchema):
    """A recorded visit; `streak` counts the days in a row with one."""

    id = Uuid()
    member = fields.Nested(PersonSchema)
    earned = fields.List(fields.Nested(EarnedSchema))
    balances = balances()
    streak = StrictInteger(minimum=0, maximum=100_000)
    tier = fields.Nested(TierAfterSchema, allow_none=True)


class RedemptionAnswerSchema(AnswerSchema):
    """A redemption: held until `expires_at`, then captured or released."""

    id = Uuid()
    status = OneOf("held", "captured", "released", "expired")
    reward = fields.String()
    quantity = StrictInteger(minimum=1, maximum=QUANTITY_MAX)
    expires_at = UtcDateTime(allow_none=True)
    voucher = fields.Nested(VoucherSchema)
    codes = fields.List(fields.String(), metadata={"description": "One for each piece; the first is the voucher's"})
    balances = balances()


class ActivityAnswerSchema(AnswerSchema):
    """A recorded activity."""

    id = Uuid()
    member = fields.Nested(PersonSchema)
    earned = fields.List(fields.Nested(EarnedSchema))
    balances = balances()
    badges = fields.List(fields.String())
    tier = fields.Nested(TierAfterSchema, allow_none=True)


class GuestAnswerSchema(AnswerSchema):
    """A new member and their card; `static_code` is what a printed card shows."""

    id = Uuid()
    display_name = fields.String()
    card = fields.Nested(CardStateSchema)
    static_code = fields.String()
    balances = balances()
