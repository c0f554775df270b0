"""What has to be sent to Google so that its copy says what ours says: only the fields that differ.

What Google has is remembered as one digest a field. The fields themselves hold the key of the card's rotating code and
the member's name, which have no business in another table.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from passes.google.objects import Json

Digests = Mapping[str, str]

# Google tells the holder of changes in these parts of an object, where it is asked to. A tier stands in the class, so
# another tier is another class.
_TOLD: Final = (("loyaltyPoints", "balance"), ("secondaryLoyaltyPoints", "balance"), ("classId",))


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The fields to send, null for one to take away, and whether the holder should hear of it."""

    fields: Json
    are_told: bool


def digests(resource: Mapping[str, object]) -> dict[str, str]:
    """Return what to remember of a class or object that Google has taken."""
    parts = {name: value for name, value in resource.items() if value is not None}
    told = {".".join(path): _at(resource, *path) for path in _TOLD}
    return {name: _digest(value) for name, value in {**told, **parts}.items() if value is not None}


def changes(resource: Mapping[str, object], *, known: Digests) -> Changes:
    """Compare a class or object with what Google has of it. Fields go whole: no shape of theirs loses a part."""
    now = digests(resource)
    fields = {name: value for name, value in resource.items() if now.get(name) != known.get(name)}
    gone = {name: None for name in known if name not in now and "." not in name}
    # Of a class Google wants to hear this with every change.
    review = {"reviewStatus": resource["reviewStatus"]} if "reviewStatus" in resource and {**fields, **gone} else {}
    told = {".".join(path) for path in _TOLD}
    return Changes(
        fields={**review, **fields, **gone},
        are_told=any(name in now and name in known and now[name] != known[name] for name in told),
    )


def _at(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
