"""Cards to print."""

from __future__ import annotations

from typing import get_args

import marshmallow as ma

from passes.printed import CARDS_MAX
from wallet_api.http.schemas.base import Schema
from wallet_api.http.schemas.fields import OneOf, Uuid, YesOrNo
from wallet_api.services.print_cards import Layout

fields = ma.fields


class PrintSchema(Schema):
    """Whose cards, and on what."""

    member_ids = fields.List(
        Uuid(),
        required=True,
        validate=ma.validate.Length(min=1, max=CARDS_MAX),
        metadata={"description": "In the order of printing; who is named twice gets a second card of the same number"},
    )
    layout = OneOf(
        *get_args(Layout),
        load_default="sheet",
        metadata={
            "description": "`sheet`: A4, ten cards a page with crop marks; `cards`: one card a page of its size, "
            "85.60 × 53.98 mm; `cards_with_bleed`: the same with 3 mm more on every side"
        },
    )
    with_names = YesOrNo(load_default=True, metadata={"description": "Whether members' names are printed"})
