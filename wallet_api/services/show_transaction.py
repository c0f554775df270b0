"""Looking up what a till was told of a transaction."""

from __future__ import annotations

from uuid import UUID

from wallet_api.domain import errors
from wallet_api.services.identify import Till
from wallet_api.services.present import Json
from wallet_api.store import transactions
from wallet_api.store.session import Tx


def recorded_answer(tx: Tx, till: Till, transaction_id: UUID, *, kind: str) -> Json:
    """The answer that a sale or a return got; imported history was never told to a till."""
    answer = transactions.answer(tx, transaction_id, program_id=till.program, kind=kind)
    if answer is None:
        raise errors.NotFound(what=kind)
    return dict(answer)
