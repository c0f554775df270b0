"""Making a member: the one place where a member, their first card, consents and welcome come into being."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.decide import decide
from wallet_api.domain.events import Join
from wallet_api.services import load_member, referral
from wallet_api.services.app import App
from wallet_api.services.identify import new_card_number
from wallet_api.services.load_member import Loaded
from wallet_api.store import cards, decisions, locks, members
from wallet_api.store.cards import Card
from wallet_api.store.ids import fresh_ids, new_id
from wallet_api.store.members import NewMember
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Consents:
    """What the newcomer agreed to, and by which way they said so."""

    terms: bool
    optional: dict[str, bool] = field(default_factory=dict)
    channel: str = "app"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A new member, and what the plan that they bought costs, in minor units (None: they bought none)."""

    member_id: UUID
    charge: int | None


def enrol(
    app: App,
    tx: Tx,
    newcomer: NewMember,
    consents: Consents,
    *,
    now: datetime,
    quiet: bool = False,
) -> UUID:
    """Add a member with card, consents and what joining earns; `now` may lie in the past for imported history.

    Raises TermsNotAccepted, AlreadyMember.
    """
    return join(app, tx, newcomer, consents, now=now, quiet=quiet).member_id


def join(
    app: App,
    tx: Tx,
    newcomer: NewMember,
    consents: Consents,
    *,
    now: datetime,
    plan: str | None = None,
    quiet: bool = False,
) -> Joined:
    """The same with a plan, bought at once. Raises TermsNotAccepted, AlreadyMember, and NotFound for an unknown plan."""
    member = admit(app, tx, newcomer, consents, now=now)
    if plan is not None and plan not in member.definition.plans:
        raise errors.NotFound(what="plan")
    joining = Join(id=new_id(), occurred_at=newcomer.joined_at, plan=plan)
    decision = decide(member.definition, member.state, joining, now=newcomer.joined_at, ids=fresh_ids())
    decisions.write(tx, member.row, member.definition, decision, now=now, quiet=quiet)
    return Joined(member_id=member.row.id, charge=decision.charge)


def admit(app: App, tx: Tx, newcomer: NewMember, consents: Consents, *, now: datetime) -> Loaded:
    """Add a member with card and consents, locked and without a past: their `Join` is for the caller to decide."""
    if not consents.terms:
        raise errors.TermsNotAccepted()
    definition = app.current_definition(tx, newcomer.program_id)
    member_id = members.add(tx, newcomer)
    if member_id is None:
        raise errors.AlreadyMember()
    for kind, granted in {"terms": True, **consents.optional}.items():
        members.add_consent(
            tx,
            member_id,
            kind=kind,
            granted=granted,
            terms_version=definition.terms_version,
            channel=consents.channel,
            at=now,
        )
    issue_card(tx, newcomer.program_id, member_id)
    referral.remember(tx, member_id, newcomer)
    row = app.in_force(tx, locks.member(tx, member_id), at=now)
    loaded = load_member.load(app, tx, replace(row, settled_version=row.version), moments=[newcomer.joined_at], now=now)
    # Nothing has been settled yet: the `Join` is the first decision, at whatever time in the past it lies.
    return replace(loaded, state=replace(loaded.state, settled_at=None))


def issue_card(tx: Tx, program_id: str, member_id: UUID) -> Card:
    """Give a member a card with a number that no card has had."""
    while (card := cards.add(tx, program_id, member_id, new_card_number())) is None:
        continue
    return card
