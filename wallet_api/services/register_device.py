"""A member's phones, to which push messages go."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.store import members
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Device:
    """A phone or browser as its app reports it."""

    fcm_token: str
    platform: str
    app_version: str | None = None


def register_device(app: App, tx: Tx, member_id: UUID, device: Device, *, program: str) -> tuple[Json, bool]:
    """Send this member's messages to this device from now on; whether the device is new to them."""
    device_id, is_new = members.add_device(
        tx,
        program,
        member_id,
        token=device.fcm_token,
        platform=device.platform,
        app_version=device.app_version,
        now=app.clock.now(),
    )
    return {"id": device_id, "platform": device.platform, "app_version": device.app_version}, is_new


def forget_device(tx: Tx, member_id: UUID, device_id: UUID) -> None:
    """Send nothing to this device any more; NotFound for one that is not this member's."""
    if not members.remove_device(tx, member_id, device_id):
        raise errors.NotFound(what="device")
