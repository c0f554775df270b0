"""Bringing the objects of Google Wallet up to date, and putting messages on them.

One worker at a time writes an object, and sends only what Google does not have. A change of points or tier makes the
holders' phones ring, three times a day at the most; later ones are silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog

from passes.delivery import Outcome, PushResult
from passes.errors import PassRefused
from passes.google.changes import changes, digests
from passes.google.client import PRODUCTION as GOOGLE_WALLET
from passes.google.client import GoogleWalletClient, Kind
from passes.google.objects import Json, loyalty_message, wallet_id
from passes.google.pace import Pace, Turns
from wallet_api.domain.errors import Busy
from wallet_api.jobs.senders.sender import Result, wallet_result
from wallet_api.services.app import App, GoogleIssuer
from wallet_api.services.google_resources import class_and_object
from wallet_api.services.pass_changes import PASS_UPDATE
from wallet_api.store import cards, google_wallet
from wallet_api.store.deliveries import Delivery
from wallet_api.store.google_wallet import Resource
from wallet_api.store.session import Tx

log = structlog.get_logger(__name__)

BEGUN_WITHIN_SECONDS = 40.0
"""What a lease of a minute leaves, with a turn and an answer to wait for: nobody else may take up what is begun here."""

IN_FLIGHT_MAX = 8
"""At 15 requests a second that is enough for answers that take half a second."""

NOTIFY = {"notifyPreference": "NOTIFY_ON_UPDATE"}
WITHOUT_NOTICE = "without notice"
BEING_WRITTEN = Result(outcome="later", detail="another worker writes it", retry_after=1)
OUR_LIMIT = Result(outcome="later", detail="our own limit", retry_after=1)
BUSY = PushResult(outcome=Outcome.LATER, reason="database busy", retry_after=1)


@dataclass(frozen=True, kw_only=True)
class _Write:
    """A class or object that Google is to have: all of it, and the fields that differ, None where it has none yet."""

    kind: Kind
    claimed: Resource
    resource: Json
    fields: Json | None


class GoogleSender:
    """Brings Google Wallet's objects up to date; it belongs to one event loop."""

    def __init__(self, app: App, issuer: GoogleIssuer, *, credentials_file: Path) -> None:
        self._app, self._issuer = app, issuer
        self._client = GoogleWalletClient(
            credentials_file=credentials_file,
            endpoint=app.settings.google_wallet_endpoint or GOOGLE_WALLET,
            pace=Pace(self._reserve_turns),
        )
        self._in_flight = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Write the newest state of each pass, once however many updates wait for it, and add messages."""
        updates = {delivery.target: delivery for delivery in leased if delivery.kind == PASS_UPDATE}
        messages = {delivery.id: delivery for delivery in leased if delivery.kind != PASS_UPDATE}
        until = asyncio.get_running_loop().time() + BEGUN_WITHIN_SECONDS
        waiting = (*updates.values(), *messages.values())
        done = await asyncio.gather(*(self._limited(delivery, until=until) for delivery in waiting))
        of = dict(zip((*updates, *messages), done, strict=True))
        return [of[delivery.target if delivery.kind == PASS_UPDATE else delivery.id] for delivery in leased]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """The callback has noted already that nobody holds the pass any more."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _limited(self, delivery: Delivery, *, until: float) -> Result:
        async with self._in_flight:
            if asyncio.get_running_loop().time() > until:
                return OUR_LIMIT
            try:
                return await (self._update(delivery) if delivery.kind == PASS_UPDATE else self._tell(delivery))
            except PassRefused as refused:
                return Result(outcome="rejected", detail=str(refused))
            except Busy:
                return wallet_result(BUSY)
            except Exception as fault:  # noqa: BLE001 whatever it is, the other passes must not wait for it
                log.error("pass cannot be made", card=delivery.target, fault=type(fault).__name__)  # noqa: TRY400 the message may hold names
                return Result(outcome="later", detail=type(fault).__name__)

    async def _reserve_turns(self, count: int) -> Turns:
        per_second = self._app.settings.google_wallet_requests_per_second
        first_in = await asyncio.to_thread(self._take_turns, count, per_second)
        return Turns(first_in_seconds=first_in, apart_seconds=1 / per_second, count=count)

    def _take_turns(self, count: int, per_second: float) -> float:
        with self._app.db.begin() as tx:
            return google_wallet.reserve_turns(tx, count, per_second=per_second).first_in.total_seconds()

    # ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _update(self, delivery: Delivery) -> Result:
        try:
            writes, is_silent = await asyncio.to_thread(self._plan, delivery)
        except _BeingWrittenError:
            return BEING_WRITTEN
        for number, write in enumerate(writes):
            try:
                result = await self._client.save(write.kind, write.resource, changes=write.fields)
            except Busy:
                result = BUSY
            if result.outcome is not Outcome.ACCEPTED:
                return await asyncio.to_thread(self._give_up, writes[number:], result)
            await asyncio.to_thread(self._taken, write)
        return Result(outcome="accepted", detail=WITHOUT_NOTICE if is_silent else "")

    def _plan(self, delivery: Delivery) -> tuple[list[_Write], bool]:
        """What to write, the class before the object, and whether a change that should be told of is not."""
        now = self._app.clock.now()  # a batch may have waited for its turns
        with self._app.db.begin() as tx:
            card = cards.by_id(tx, UUID(delivery.target))
            assert card is not None
            claimed = _claim(tx, wallet_id(self._issuer.issuer_id, str(card.id)), now=now)
            loyalty, made = class_and_object(
                self._app, tx, card, issuer_id=self._issuer.issuer_id, base_url=self._app.settings.base_url, now=now
            )
            write, are_told = _write("loyaltyObject", claimed, made)
            writes = [*self._class_to_write(tx, loyalty, now=now), *([write] if write else [])]
            if write is None:
                google_wallet.let_go(tx, claimed)
            if write is None or not are_told or google_wallet.holding(tx, card.id).is_given_up:
                return writes, False
            assert write.fields is not None
            if not google_wallet.may_notify(tx, card.id, delivery.id, now=now):
                return writes, True
            write.fields.update(NOTIFY)
            return writes, False

    def _class_to_write(self, tx: Tx, loyalty: Json, *, now: datetime) -> list[_Write]:
        class_id = str(loyalty["id"])
        if google_wallet.digests_of(tx, class_id) == digests(loyalty):
            return []
        claimed = _claim(tx, class_id, now=now)
        write, _ = _write("loyaltyClass", claimed, loyalty)
        if write is None:  # another worker has just written it
            google_wallet.let_go(tx, claimed)
        return [write] if write else []

    def _taken(self, write: _Write) -> None:
        class_id = write.resource.get("classId")
        with self._app.db.begin() as tx:
            google_wallet.taken(
                tx, write.claimed, digests(write.resource), class_id=str(class_id) if class_id else None
            )

    def _give_up(self, writes: Sequence[_Write], result: PushResult) -> Result:
        with self._app.db.begin() as tx:
            for write in writes:
                google_wallet.let_go(tx, write.claimed)
            if result.reason == "classNotFound":
                # Whoever moves from a test server to Google's has classes that Google never saw.
                google_wallet.forget(tx, str(writes[0].resource["classId"]))
                return Result(outcome="later", detail=result.reason, retry_after=1)
        return wallet_result(result)

    # ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tell(self, delivery: Delivery) -> Result:
        object_id = wallet_id(self._issuer.issuer_id, delivery.target)
        notify = await asyncio.to_thread(self._may_tell, delivery, object_id)
        if isinstance(notify, Result):
            return notify
        message, is_repeated = _message(delivery, notify=notify), delivery.attempts > 1
        result = await self._client.add_message(object_id, message, is_repeated=is_repeated)
        if notify and result.reason.startswith("QuotaExceeded"):
            # Google counts by itself, and less than three where it takes us for a nuisance.
            notify, result = False, await self._client.add_message(object_id, _message(delivery, notify=False))
        if result.outcome is Outcome.ACCEPTED and not notify:
            return Result(outcome="accepted", detail=WITHOUT_NOTICE)
        return wallet_result(result)

    def _may_tell(self, delivery: Delivery, object_id: str) -> bool | Result:
        """Whether the message may make a phone ring; what becomes of it where there is no pass to put it on."""
        card_id = UUID(delivery.target)
        with self._app.db.begin() as tx:
            if google_wallet.holding(tx, card_id).is_given_up:
                return Result(outcome="gone", detail="nobody holds the pass")
            if google_wallet.class_of(tx, object_id) is None:
                return Result(outcome="later", detail="Google does not have the pass yet")
            return google_wallet.may_notify(tx, card_id, delivery.id, now=self._app.clock.now())


class _BeingWrittenError(Exception):
    """Another worker writes this class or object; the transaction is rolled back."""


def _claim(tx: Tx, resource_id: str, *, now: datetime) -> Resource:
    claimed = google_wallet.claim(tx, resource_id, now=now)
    if claimed is None:
        raise _BeingWrittenError
    return claimed


def _write(kind: Kind, claimed: Resource, resource: Json) -> tuple[_Write | None, bool]:
    """What is to be sent, if anything is, and whether the holder should hear of it."""
    known: Mapping[str, str] | None = claimed.digests
    if known is None:
        return _Write(kind=kind, claimed=claimed, resource=resource, fields=None), False
    found = changes(resource, known=known)
    if not found.fields:
        return None, False
    return _Write(kind=kind, claimed=claimed, resource=resource, fields=found.fields), found.are_told


def _message(delivery: Delivery, *, notify: bool) -> Json:
    return loyalty_message(
        message_id=str(delivery.message_id),
        title=delivery.title or "",
        body=delivery.body or "",
        until=delivery.expires_at,
        notify=notify,
    )
