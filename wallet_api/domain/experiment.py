"""Experiments: who is in which arm, and who is held out, always the same; nothing is kept or looked up for that."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from uuid import UUID

CONTROL = "control"
"""The arm of those who get nothing."""

_PLACES = 2**64


class Goal(enum.StrEnum):
    """By what the arms are compared, which is said before anything is seen."""

    BUYERS = "buyers"
    """How many of the members bought at all."""
    AMOUNT = "amount"
    """What a member bought on average."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the ways that are compared, and which share of the members it gets; the shares add up to 1."""

    name: str
    share: Fraction


def arm_of(experiment_id: UUID, member_id: UUID, arms: Sequence[Arm]) -> str:
    """The arm that a member is in: in another experiment the same members fall apart in another way."""
    place = _place(f"{experiment_id} {member_id}")
    end = Fraction(0)
    for arm in arms:
        end += arm.share
        if place < end * _PLACES:
            return arm.name
    return arms[-1].name


def is_held_out(program_id: str, member_id: UUID, *, share: Fraction) -> bool:
    """Whether a member belongs to the share of the program's members who get no marketing.

    Those of a small share belong to every larger one too.
    """
    return share > 0 and _place(hold_out_text(program_id, member_id)) < share * _PLACES


def hold_out_text(program_id: str, member_id: UUID | str) -> str:
    """Of what the SHA-256 tells whether a member is held out."""
    return f"hold-out {program_id} {member_id}"


def hold_out_end(share: Fraction) -> bytes:
    """Whose digest begins with less than these bytes is held out: for a database that compares bytes one by one."""
    # Nothing that begins with less than eight bytes of 255 and a ninth is left out of a share of all.
    return b"\xff" * 9 if share >= 1 else ceil(share * _PLACES).to_bytes(8)


def _place(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
