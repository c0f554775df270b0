"""Whether somebody may buy what is not for everybody, or not yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from wallet_api.domain import benefits
from wallet_api.domain.benefits import Status
from wallet_api.domain.definition import Definition
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.identify import Till, Who, identify
from wallet_api.services.present import Json
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class AskAccess:
    """Who wants something with these tags, and when it opens to everybody (None: it is open)."""

    who: Who
    tags: frozenset[str]
    opens_at: datetime | None = None


def may_buy(app: App, tx: Tx, till: Till, ask: AskAccess) -> Json:
    """Whether a member or a guest may buy it now, and from when on (null: never, or it was always open)."""
    now = app.clock.now()
    if ask.who.is_guest:
        definition, status = app.current_definition(tx, till.program), benefits.GUEST
    else:
        customer = identify(app, tx, till, ask.who, now=now)
        member = load_member.as_of_now(app, tx, customer.member_id, now=now)
        definition, status = member.definition, benefits.status_of(member.state)
    return {
        "allowed": benefits.is_open(definition, ask.tags, status, at=now, opens_at=ask.opens_at),
        "opens_at": _opens_at(definition, ask, status),
    }


def _opens_at(definition: Definition, ask: AskAccess, status: Status) -> datetime | None:
    """The first moment at which it is open to somebody of this status."""
    if ask.opens_at is None:
        return None
    heads_up = {rule.minutes_earlier or 0 for rule in definition.benefits.access}
    moments = sorted(ask.opens_at - timedelta(minutes=minutes) for minutes in heads_up | {0})
    return next(
        (
            moment
            for moment in moments
            if benefits.is_open(definition, ask.tags, status, at=moment, opens_at=ask.opens_at)
        ),
        None,
    )
