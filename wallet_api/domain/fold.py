"""Many events of one member as one decision: how a history is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from uuid import UUID

from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision
from wallet_api.domain.definition import Definition
from wallet_api.domain.events import Event
from wallet_api.domain.state import MemberState


def fold(
    definition: Definition, state: MemberState, events: Iterable[Event], *, ids: Iterator[UUID]
) -> Iterator[Decision]:
    """Decide events in the order of their times, each at its own time and on what the one before it left."""
    for event in events:
        decision = decide(definition, state, event, now=event.occurred_at, ids=ids)
        state = decision.after
        yield decision


def combined(decisions: Sequence[Decision]) -> Decision:
    """One decision that writes what these, each made on the state that the one before it left, write together."""
    return Decision(
        before=decisions[0].before,
        after=decisions[-1].after,
        entries=tuple(chain.from_iterable(decision.entries for decision in decisions)),
        tier_changes=tuple(chain.from_iterable(decision.tier_changes for decision in decisions)),
        notices=tuple(chain.from_iterable(decision.notices for decision in decisions)),
    )
