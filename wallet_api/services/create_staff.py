"""Giving a person of the shop an account."""

from __future__ import annotations

from typing import Literal, TypeAlias
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.services.addresses import canonical_email
from wallet_api.services.app import App
from wallet_api.services.sign_in import hash_password
from wallet_api.store import access

PASSWORD_CHARACTERS_MIN = 12
Role: TypeAlias = Literal["cashier", "manager", "admin"]


def create_staff(app: App, program: str, *, email: str, role: Role, password: str) -> UUID:
    """Add a staff member; raises NotFound for the program, Invalid for the address or password, AlreadyMember."""
    address = canonical_email(email)
    name, _, domain = address.partition("@")
    if not name or "." not in domain or any(character.isspace() for character in address):
        raise errors.Invalid(pointer="#/email", detail=f"{email} is not an e-mail address.")
    if len(password) < PASSWORD_CHARACTERS_MIN:
        detail = f"A password needs at least {PASSWORD_CHARACTERS_MIN} characters."
        raise errors.Invalid(pointer="#/password", detail=detail)
    hashed = hash_password(password)  # takes a while on purpose, so it happens outside the transaction
    with app.db.begin() as tx:
        app.current_definition(tx, program)
        staff_id = access.add_staff(tx, program, email=address, password_hash=hashed, role=role)
    if staff_id is None:
        raise errors.AlreadyMember()
    return staff_id
