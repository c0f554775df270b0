"""A database of its own and a shop with members, for benchmarks."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from wallet_api import tokens
from wallet_api.app import wire
from wallet_api.clock import Clock, SystemClock
from wallet_api.services.app import App
from wallet_api.services.enrol import Consents, enrol
from wallet_api.services.identify import Till
from wallet_api.services.publish import publish
from wallet_api.settings import Settings
from wallet_api.store import access, programs
from wallet_api.store.embedded import private_server
from wallet_api.store.ids import new_id
from wallet_api.store.members import NewMember
from wallet_api.store.programs import Location
from wallet_api.store.schema import migrate

ROOT = Path(__file__).parents[1]
CD_SHOP = ROOT / "programs" / "cd-shop.yaml"
CLUB = ROOT / "bench" / "club.yaml"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A Carnet to measure."""

    app: App
    settings: Settings
    till: Till
    till_key: str
    location: Location
    members: list[UUID]

    @property
    def environment(self) -> dict[str, str]:
        """What a server process needs."""
        assert self.settings.database_url is not None
        return {
            **os.environ,
            "CARNET_SECRET_KEY": self.settings.secret_key,
            "DATABASE_URL": self.settings.database_url,
            "CARNET_DATA_DIR": str(self.settings.data_dir),
        }


@contextlib.contextmanager
def open_bench(*, members: int, program: Path = CD_SHOP, clock: Clock | None = None) -> Iterator[Bench]:
    """Start a private PostgreSQL (or use the one that BENCH_DATABASE_URL names) and let members join."""
    folder = Path(tempfile.mkdtemp(prefix="carnet-bench-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url = os.environ.get("BENCH_DATABASE_URL") or stack.enter_context(private_server(folder / "postgres"))
        settings = Settings(secret_key="a secret for benchmarks only, long enough", database_url=url, data_dir=folder)
        app = wire(settings, clock=clock or SystemClock())
        stack.callback(app.db.close)
        migrate(app.db.engine)
        published, _ = publish(app, program.read_text(encoding="utf-8"), now=app.clock.now())
        name = published.program
        raw, hashed = tokens.new_api_key()
        with app.db.begin() as tx:
            location = programs.add_location(
                tx,
                Location(id=new_id(), program_id=name, code="shop", name="Shop", latitude=None, longitude=None),
            )
            scopes = ("till", "members:act")
            key = access.add_key(tx, name, name="till", key_hash=hashed, scopes=scopes, location_ids=[])
        till = Till(key_id=key, program=name, scopes=frozenset(scopes), location_id=location.id)
        joined = [_join(app, name, number) for number in range(members)]
        yield Bench(app=app, settings=replace(settings), till=till, till_key=raw, location=location, members=joined)


def _join(app: App, program: str, number: int) -> UUID:
    now = app.clock.now()
    newcomer = NewMember(
        program_id=program, joined_at=now, email=f"m{number}@example.org", given_name=f"M{number}", locale="en"
    )
    with app.db.begin() as tx:
        return enrol(app, tx, newcomer, Consents(terms=True), now=now, quiet=True)
