"""Calling the API as somebody: tokens, keys, and the codes that were sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from tests.shop import Shop
from wallet_api import tokens
from wallet_api.services.sign_in import hash_password
from wallet_api.store import access, sql
from wallet_api.tokens import AccessClaims, issue_access_token, token_keys

PASSWORD = "correct horse battery staple"

Headers = dict[str, str]


def bearer(credential: str) -> Headers:
    """The header of a token or key."""
    return {"Authorization": f"Bearer {credential}"}


def as_member(shop: Shop, member_id: UUID | None = None) -> Headers:
    """A session of this member, Alice unless told."""
    return _with_session(shop, member_id=member_id or shop.alice)


def as_staff(shop: Shop, name: str, *, role: str) -> Headers:
    """A session of a staff member."""
    return _with_session(shop, staff_id=add_staff(shop, name, role=role), role=role)


def as_key(shop: Shop, *scopes: str) -> Headers:
    """A key with these scopes."""
    raw, hashed = tokens.new_api_key()
    with shop.app.db.begin() as tx:
        access.add_key(tx, shop.program, name="for a test", key_hash=hashed, scopes=scopes, location_ids=[])
    return bearer(raw)


def add_staff(shop: Shop, name: str, *, role: str) -> UUID:
    """A staff member who may sign in with PASSWORD."""
    with shop.app.db.begin() as tx:
        staff_id = access.add_staff(
            tx, shop.program, email=f"{name}@example.org", password_hash=hash_password(PASSWORD), role=role
        )
    assert staff_id is not None
    return staff_id


def code_sent_to(shop: Shop, address: str) -> str | None:
    """The newest sign-in code on its way to this address; None if there is none."""
    with shop.app.db.read() as tx:
        row = sql.first(
            tx,
            "SELECT data ->> 'code' AS code FROM deliveries WHERE target = :address ORDER BY id DESC LIMIT 1",
            address=address,
        )
    return row.code if row else None


def told(response: TestResponse) -> Any:
    """The JSON of an answer."""
    return response.get_json(force=True)


def refused(response: TestResponse) -> tuple[int, str]:
    """The status and code of a problem."""
    assert response.content_type == "application/problem+json"
    return response.status_code, told(response)["code"]


def _with_session(
    shop: Shop, *, member_id: UUID | None = None, staff_id: UUID | None = None, role: str | None = None
) -> Headers:
    now = shop.app.clock.now()
    with shop.app.db.begin() as tx:
        session = access.add_session(tx, shop.program, member_id=member_id, staff_id=staff_id, now=now)
    subject = member_id or staff_id
    assert subject is not None
    claims = AccessClaims(
        subject=subject, kind="member" if member_id else "staff", program=shop.program, session=session, role=role
    )
    return bearer(issue_access_token(claims, keys=token_keys(shop.app.settings), now=now))
