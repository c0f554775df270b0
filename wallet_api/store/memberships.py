"""A membership as JSON: on the member's row, and in the log of its changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from wallet_api.domain.state import Membership, MembershipStatus

_DAYS = ("until", "charge_on", "anchor", "charged_on")


def as_json(membership: Membership) -> dict[str, object]:
    """A membership as values for JSON; days are written by `json_text`."""
    return {**asdict(membership), "status": membership.status.value}


def of_json(values: Mapping[str, Any] | None) -> Membership:
    """A membership out of its JSON; nothing is the one of a member who never had any."""
    if values is None:
        return Membership()
    days = {name: date.fromisoformat(values[name]) for name in _DAYS if values.get(name) is not None}
    return Membership(**{**values, **days, "status": MembershipStatus(values["status"])})
