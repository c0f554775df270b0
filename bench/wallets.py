"""Sales on members whose phones hold the pass: is every phone right in the end, after how many pushes, and how soon.

Real processes: the server, a worker, an APNs stand-in that the worker pushes to, and emulated phones that are woken by it,
ask, and fetch. What has no law of nature beside it (there is no faster way to be woken than a push) is only printed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import requests

from bench.world import Bench, open_bench
from passes.apple.development import development_certificates
from passes.apple.signing import Signer
from standins.apns import ApnsStandIn
from standins.wallet_device import DevicePass, WalletDevice
from tests.processes import free_port, running, wait_until_ready
from wallet_api.services import show_card, show_pass
from wallet_api.services.app import App
from wallet_api.store import pass_freshness, sql

MEMBERS = 200
SALES = 1_000
SECONDS = 60.0
PAUSE_SECONDS = 30
TILLS = 4
PHONES_AT_ONCE = 8
READY_SECONDS_MAX = 60.0
SETTLED_SECONDS_MAX = 60.0
AMOUNT = 1_234
PASS_TYPE = "pass.org.example.bench"
TEAM = "ABCDE12345"


@dataclass(frozen=True, kw_only=True)
class Load:
    """So many sales, one after the other over the members, within a time; and how long a phone is left alone."""

    sales: int
    seconds: float
    pause_seconds: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was seen: by the tills, by APNs, by the phones, by Carnet itself."""

    sales: int
    seconds: float
    pushes: int
    lists: int
    fetches: int
    measured: pass_freshness.Fetches
    stale: int
    complaints: tuple[str, ...]
    unsent: int


def run() -> None:
    """Measure and print: with the pause of a real shop, then without any, which shows what Carnet itself takes."""
    print(f"Wallets: {SALES / SECONDS:.1f} sales a second on {MEMBERS} members with a pass on a phone")
    _print(Load(sales=SALES, seconds=SECONDS, pause_seconds=PAUSE_SECONDS, currency="USD"))
    _print(Load(sales=SALES // 4, seconds=SECONDS / 4, pause_seconds=0, currency="USD"))


def _print(load: Load) -> None:
    with open_bench(members=MEMBERS) as bench:
        seen = measure(bench, load, folder=bench.settings.data_dir)
    fresh = seen.measured
    print(f"  {load.sales} sales in {seen.seconds:.1f} s, pushes to a phone {load.pause_seconds} s apart:")
    print(f"    pushes {seen.pushes}, {seen.pushes / seen.sales:.2f} a sale")
    print(f"    phones asked {seen.lists} times and fetched {seen.fetches} passes, the first {MEMBERS} on being added")
    print(
        f"    from the first sale not shown to its fetch: median {fresh.median_seconds:.2f} s,"
        f" 95 % {fresh.p95_seconds:.2f} s, worst {fresh.worst_seconds:.2f} s"
    )
    print(f"    phones with an old pass {seen.stale}, complaints {len(seen.complaints)}, pushes not sent {seen.unsent}")


def measure(bench: Bench, load: Load, *, folder: Path) -> Figures:
    """Put a phone beside each member, sell, and wait until nothing is to be told any more."""
    certificates = development_certificates(pass_type_id=PASS_TYPE, team_id=TEAM, now=bench.app.clock.now())
    files = {"wwdr.pem": certificates.wwdr_pem, "pass.pem": certificates.cert_pem, "pass.key": certificates.key_pem}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    signer = Signer.load(
        cert_pem=certificates.cert_pem, key_pem=certificates.key_pem, password=None, wwdr_pem=certificates.wwdr_pem
    )
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    app = replace(bench.app, settings=replace(bench.settings, base_url=base_url), apple=signer)
    with contextlib.ExitStack() as stack:
        apns = stack.enter_context(ApnsStandIn(client_ca=folder / "wwdr.pem"))
        environment = {
            **bench.environment,
            "CARNET_BASE_URL": base_url,
            "APPLE_PASS_CERT": str(folder / "pass.pem"),
            "APPLE_PASS_KEY": str(folder / "pass.key"),
            "APPLE_WWDR_CERT": str(folder / "wwdr.pem"),
            "APNS_ENDPOINT": apns.endpoint,
            "APNS_CA": str(apns.ca_file),
            "APPLE_PUSH_PAUSE_SECONDS": str(load.pause_seconds),
        }
        serve = ("serve", "--port", str(port), "--workers", "2")
        log = folder / "serve.log"
        server = stack.enter_context(running(*serve, environment=environment, log=log))
        stack.enter_context(running("worker", environment=environment, log=folder / "worker.log"))
        wait_until_ready(base_url, server, log, seconds=READY_SECONDS_MAX)
        threads = stack.enter_context(ThreadPoolExecutor(max_workers=PHONES_AT_ONCE))
        phones = _phones(app, bench.members, apns, threads)
        sold_from = time.monotonic()
        _sell(bench, load, base_url)
        seconds = time.monotonic() - sold_from
        stale = _settle(app, bench.members, phones)
        exchanges = [one for phone in phones for one in phone.exchanges if one.method == "GET"]
        with app.db.read() as tx:
            measured = pass_freshness.fetches_since(tx, bench.till.program, datetime.fromtimestamp(0, UTC))
        return Figures(
            sales=load.sales,
            seconds=seconds,
            pushes=len(apns.pushes),
            lists=sum("/registrations/" in one.path for one in exchanges),
            fetches=sum("/v1/passes/" in one.path and one.status == 200 for one in exchanges),
            measured=measured,
            stale=stale,
            complaints=tuple(complaint for phone in phones for complaint in phone.complaints),
            unsent=_unsent(app),
        )


def _phones(app: App, members: Sequence[UUID], apns: ApnsStandIn, threads: ThreadPoolExecutor) -> list[WalletDevice]:
    """A phone for each member that holds the pass, is registered and has asked once, as phones do."""
    phones = []
    for member in members:
        phone = WalletDevice()
        phone.connect(apns, threads=threads)
        phone.add(_pass_of(app, member))
        phones.append(phone)
    list(threads.map(WalletDevice.check_for_updates, phones))
    return phones


def _pass_of(app: App, member: UUID) -> bytes:
    with app.db.begin() as tx:
        shown = show_pass.shown_pass(app, tx, show_card.card_of(tx, member))
    return show_pass.signed(app, shown)


def _sell(bench: Bench, load: Load, base_url: str) -> None:
    """Post the sales, evenly over the time, from several tills."""
    start = time.monotonic()

    def till(number: int) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {bench.till_key}"
            for sale in range(number, load.sales, TILLS):
                time.sleep(max(0.0, start + sale * load.seconds / load.sales - time.monotonic()))
                body = {
                    "member_id": str(bench.members[sale * 7 % len(bench.members)]),
                    "external_id": f"receipt-{sale}",
                    "location_id": str(bench.location.id),
                    "occurred_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                    "currency": load.currency,
                    "amount": AMOUNT,
                }
                headers = {"Idempotency-Key": f"sale-{sale}"}
                answer = session.post(f"{base_url}/v1/transactions", json=body, headers=headers, timeout=30)
                answer.raise_for_status()

    with ThreadPoolExecutor(max_workers=TILLS) as tills:
        list(tills.map(till, range(TILLS)))


def _settle(app: App, members: Sequence[UUID], phones: Sequence[WalletDevice]) -> int:
    """Wait until no push waits and every phone shows what it should; how many do not at the end."""
    end = time.monotonic() + SETTLED_SECONDS_MAX
    while True:
        stale = 0
        if not _unsent(app):
            for phone in phones:
                phone.wait_until_quiet(timeout=SETTLED_SECONDS_MAX)
            stale = sum(not _is_newest(app, member, phone) for member, phone in zip(members, phones, strict=True))
            if not stale:
                return 0
        if time.monotonic() >= end:
            return stale or len(phones)
        time.sleep(0.25)


def _is_newest(app: App, member: UUID, phone: WalletDevice) -> bool:
    newest = DevicePass.read(_pass_of(app, member), language="en")
    return phone.passes[newest.serial].content == newest.content


def _unsent(app: App) -> int:
    """Events and pushes that the worker is still to work on, or could not."""
    with app.db.read() as tx:
        row = sql.one(
            tx,
            "SELECT (SELECT count(*) FROM outbox)"
            " + (SELECT count(*) FROM deliveries WHERE channel = 'apple' AND status <> 'accepted') AS n",
        )
    return int(row.n)
