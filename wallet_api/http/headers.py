"""Headers: those that endpoints take, checked like any other argument, and those that they answer with."""

from __future__ import annotations

from collections.abc import Mapping

from wallet_api.http.schemas.base import Schema
from wallet_api.http.schemas.fields import Matching, left_out

IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"

# For `response(201, …, headers=LOCATION)`; schemathesis finds its links between calls by it.
LOCATION: Mapping[str, object] = {
    "Location": {
        "description": "Where the new thing is",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    }
}

_REFUSED = "1 to 255 visible ASCII characters."
_METADATA = {
    "description": "Your own key for this request: sent again with it, the same request has the same answer and no "
    "second effect. 1 to 255 visible ASCII characters, such as a UUID.",
}


class IdempotencyHeaders(Schema):
    """For calls that need an `Idempotency-Key`."""

    idempotency_key = Matching(
        IDEMPOTENCY_KEY_PATTERN, error=_REFUSED, required=True, data_key=IDEMPOTENCY_KEY, metadata=_METADATA
    )


class OptionalIdempotencyHeaders(Schema):
    """For calls that may carry an `Idempotency-Key`; None where they do not."""

    idempotency_key = Matching(
        IDEMPOTENCY_KEY_PATTERN, error=_REFUSED, load_default=left_out, data_key=IDEMPOTENCY_KEY, metadata=_METADATA
    )
