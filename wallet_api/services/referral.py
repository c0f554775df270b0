"""Members who bring other members: everybody's own code, and who came with whose."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

import structlog

from wallet_api.domain import errors
from wallet_api.services.app import App
from wallet_api.services.identify import Who
from wallet_api.services.present import Json
from wallet_api.services.record_activity import RecordActivity, post_activity
from wallet_api.store import merges, referrals
from wallet_api.store.members import NewMember
from wallet_api.store.session import Tx

log = structlog.get_logger(__name__)

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is misread when a friend reads it out
CHARACTERS = 8

KIND = "referral"
"""The activity that earns for bringing a friend, where the program has a rule for it."""


def show_referral(app: App, tx: Tx, member_id: UUID, *, program: str) -> Json:
    """The member's own code, how many came with it, how many of them have bought, and what bringing one earns."""
    joined, bought = referrals.friends(tx, member_id)
    definition = app.current_definition(tx, program)
    return {
        "code": code_of(tx, member_id),
        "joined": joined,
        "bought": bought,
        "earns": [
            {"unit": rule.unit, "amount": getattr(rule.amount, "earn", None)}
            for rule in definition.earning
            if rule.kind == KIND and rule.reward is None
        ],
    }


def code_of(tx: Tx, member_id: UUID) -> str:
    """The code that a member gives to friends; it is made when somebody first asks for it."""
    while (code := referrals.code(tx, member_id)) is None:
        referrals.add_code(tx, member_id, "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS)))
    return code


def reward_referrer(app: App, tx: Tx, referrer: UUID, *, friend: str, program: str, at: datetime) -> None:
    """A friend has bought for the first time: the activity that earns for it, once for each friend, ever."""
    definition = app.current_definition(tx, program)
    survivor = merges.survivor(tx, referrer, program_id=program)
    if survivor is None or not any(rule.kind == KIND for rule in definition.earning):
        return
    wish = RecordActivity(who=Who(member_id=survivor), kind=KIND, external_id=friend, occurred_at=at)
    try:
        post_activity(app, tx, survivor, wish, program=program, key_id=None)
    except errors.DuplicateReceipt:
        log.info("referral known", member_id=str(survivor), friend=friend)  # the shop recorded it before us


def remember(tx: Tx, member_id: UUID, newcomer: NewMember) -> UUID | None:
    """Note who brought a newcomer: whose code they came with. A code that nobody has is ignored."""
    if newcomer.referral_code is None:
        return None
    code = newcomer.referral_code.replace("-", "").upper()
    referrer = referrals.member_with_code(tx, code, program_id=newcomer.program_id)
    if referrer is None or referrer == member_id:
        return None
    referrals.set_referrer(tx, member_id, referrer)
    return referrer
