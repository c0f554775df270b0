"""What anybody may know of a program."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import Day, MoneyAmount, OneOf, StrictInteger, UnitAmount, Uuid
from wallet_api.http.schemas.till import PriceSchema

fields = ma.fields
DECIMALS_MAX = 6
NUMBER_MAX = 100_000


class ColoursSchema(AnswerSchema):
    """The card's colours as `#rrggbb`."""

    background = fields.String()
    text = fields.String()
    label = fields.String()


class BrandSchema(AnswerSchema):
    """How the card looks."""

    name = fields.String()
    colours = fields.Nested(ColoursSchema)
    logo_url = fields.String(allow_none=True, metadata={"description": "A PNG"})


class WorthSchema(AnswerSchema):
    """What a unit pays for at the till: so many smallest steps are worth so much money."""

    units = UnitAmount()
    money = MoneyAmount()
    multiples_of = UnitAmount(metadata={"description": "Only such multiples"})
    from_balance = UnitAmount(metadata={"description": "Only from such a balance on"})
    share = fields.Float(metadata={"description": "At most this share of a purchase: 0.5 is half of it"})


class ProgramUnitSchema(AnswerSchema):
    """What is counted; an amount is an integer in steps of one `decimals`-th power of ten."""

    id = fields.String()
    name = fields.String()
    one = fields.String(metadata={"description": "The name of a single one"})
    decimals = StrictInteger(minimum=0, maximum=DECIMALS_MAX)
    is_counter = fields.Boolean(metadata={"description": "It only counts, and can be neither spent nor expire"})
    worth = fields.Nested(WorthSchema, allow_none=True)


class ProgramTierSchema(AnswerSchema):
    """A tier and where it begins (minor units of spend, or smallest steps of a unit); null: by invitation only."""

    id = fields.String()
    name = fields.String()
    threshold = UnitAmount(allow_none=True)


class ProgramRewardSchema(AnswerSchema):
    """An item of the reward list; no `tiers` means every tier."""

    id = fields.String()
    name = fields.String()
    price = fields.Nested(PriceSchema, allow_none=True, metadata={"description": "Null for a gift"})
    gives = fields.String()
    tiers = fields.List(fields.String())


class PlanPeriodSchema(AnswerSchema):
    """A length of time."""

    months = StrictInteger(minimum=0, maximum=NUMBER_MAX)
    days = StrictInteger(minimum=0, maximum=NUMBER_MAX)


class ProgramPlanSchema(AnswerSchema):
    """A paid membership; one without a period is paid once, for life."""

    id = fields.String()
    name = fields.String()
    fee = MoneyAmount()
    period = fields.Nested(PlanPeriodSchema, allow_none=True)
    trial_days = StrictInteger(minimum=0, maximum=NUMBER_MAX, metadata={"description": "Of a first start, for nothing"})


class ProgramVerificationSchema(AnswerSchema):
    """A membership by proof, for so many days; null: without end."""

    id = fields.String()
    name = fields.String()
    days = StrictInteger(minimum=1, maximum=NUMBER_MAX, allow_none=True)


class ProgramChallengeSchema(AnswerSchema):
    """A goal over what members do, and the badge for reaching it."""

    id = fields.String()
    name = fields.String()
    measure = fields.String()
    goal = UnitAmount(maximum=10**15)
    per = OneOf("day", "week", "month", "year", "lifetime")
    badge = fields.String(allow_none=True)


class ProgramContestSchema(AnswerSchema):
    """A ranking of the members who take part, over some days of the program; its prizes by place from the first."""

    id = fields.String()
    name = fields.String()
    measure = fields.String()
    first = Day()
    last = Day()
    prizes = fields.List(fields.String())


class NamedSchema(AnswerSchema):
    """Something with a name."""

    id = fields.String()
    name = fields.String()


class LocationSchema(AnswerSchema):
    """A shop."""

    id = Uuid()
    code = fields.String()
    name = fields.String()
    partner = fields.String(allow_none=True, metadata={"description": "Whose it is, by id; null for the program's own"})
    latitude = fields.Float(allow_none=True)
    longitude = fields.Float(allow_none=True)


class ProgramSchema(AnswerSchema):
    """A program; texts are in the language that `Accept-Language` asks for, if it has it."""

    id = fields.String()
    name = fields.String()
    language = fields.String(metadata={"description": "Of the texts in this answer"})
    languages = fields.List(fields.String())
    brand = fields.Nested(BrandSchema)
    currency = fields.String(metadata={"description": "ISO 4217"})
    currency_decimals = StrictInteger(minimum=0, maximum=DECIMALS_MAX)
    time_zone = fields.String(metadata={"description": "In which its days begin and end"})
    terms_version = fields.String()
    units = fields.List(fields.Nested(ProgramUnitSchema))
    tiers = fields.List(fields.Nested(ProgramTierSchema))
    rewards = fields.List(fields.Nested(ProgramRewardSchema))
    plans = fields.List(fields.Nested(ProgramPlanSchema))
    verification = fields.Nested(ProgramVerificationSchema, allow_none=True)
    challenges = fields.List(fields.Nested(ProgramChallengeSchema))
    contests = fields.List(fields.Nested(ProgramContestSchema))
    partners = fields.List(fields.Nested(NamedSchema), metadata={"description": "Where members earn and redeem too"})
    causes = fields.List(fields.Nested(NamedSchema), metadata={"description": "To which units can be given"})
    benefits = fields.List(fields.Nested(NamedSchema), metadata={"description": "What else members have"})
    locations = fields.List(fields.Nested(LocationSchema))
