"""A database that has been in use goes on with the newest schema: what it held stays valid and means the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config

from tests.store.people import NOON, PROGRAM, Person, club
from wallet_api.domain.state import Lot, Membership, Standing
from wallet_api.store import schema, sql, transactions
from wallet_api.store.ids import new_id
from wallet_api.store.schema import MIGRATIONS, is_current, migrate
from wallet_api.store.session import Database

ALICE, SALE, LOT = new_id(), new_id(), new_id()
EXPIRES = NOON + timedelta(days=365)
OLD_ROWS = f"""
INSERT INTO programs (id, version) VALUES ('{PROGRAM}', 1);
INSERT INTO program_versions (program_id, version, source) VALUES ('{PROGRAM}', 1, '');
INSERT INTO members (id, program_id, locale, joined_at, tier, tier_since)
VALUES ('{ALICE}', '{PROGRAM}', 'en', '{NOON}', 'silver', '2026-03-10');
INSERT INTO entries (id, program_id, member_id, position, unit, kind, amount, occurred_at, source_id, definition_version, hash)
VALUES ('{LOT}', '{PROGRAM}', '{ALICE}', 1, 'points', 'earn', 40, '{NOON}', '{SALE}', 1, '');
INSERT INTO lots (member_id, id, unit, amount, remaining, earned_at, expires_at, source_id)
VALUES ('{ALICE}', '{LOT}', 'points', 40, 30, '{NOON}', '{EXPIRES}', '{SALE}');
INSERT INTO accounts (member_id, unit, available, lifetime, debt) VALUES ('{ALICE}', 'points', 30, 40, 0);
INSERT INTO tier_changes (id, member_id, tier, since, at, definition_version, reason)
VALUES ('{new_id()}', '{ALICE}', 'silver', '2026-03-10', '{NOON}', 1, '{{}}');
INSERT INTO transactions (id, program_id, member_id, type, location_id, external_id, occurred_at, currency, amount, paid,
                          lines, net, kept, definition_version)
VALUES ('{SALE}', '{PROGRAM}', '{ALICE}', 'sale', '{new_id()}', 'r-1', '{NOON}', 'EUR', 4000, 4000,
        '[{{"sku": "", "amount": 4000}}]', '[4000]', '["1"]', 1);
"""


@pytest.fixture
def old(db: Database) -> Person:
    """Alice in a database of version 0002."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(OLD_ROWS)
        connection.commit()
    return Person(db=db, id=ALICE, definition=club())


def test_old_rows_mean_what_they_meant(old: Person) -> None:
    before = datetime.now(tz=UTC)

    migrate(old.db.engine)

    assert is_current(old.db.engine)
    state = old.state
    assert state.standing == Standing(tier="silver", since=date(2026, 3, 10), until=None)
    assert state.lots[LOT] == Lot(
        id=LOT, unit="points", amount=40, left=30, earned_at=NOON, expires_at=EXPIRES, source_id=SALE
    )
    assert (state.available("points"), state.pending("points")) == (30, 0)
    assert (state.membership, state.badges, state.referred_by) == (Membership(), {}, None)
    # Nothing that a schedule of the past would have brought is caught up on.
    assert state.settled_at is not None
    assert state.settled_at >= before


def test_an_old_sale_can_be_returned(old: Person) -> None:
    migrate(old.db.engine)

    with old.db.read() as tx:
        row = transactions.sale_row(tx, SALE, program_id=PROGRAM)
        assert row is not None
        sale = transactions.recorded_sale(tx, row, definition=old.definition, location=None)

    assert (sale.by_units, sale.free, sale.membership, sale.spent) == ((), (), "none", ())


def test_who_is_to_join_later_is_settled_only_then(old: Person) -> None:
    tomorrow = datetime.now(tz=UTC) + timedelta(days=1)
    with old.db.begin() as tx:
        sql.run(tx, "UPDATE members SET joined_at = :at", at=tomorrow)

    migrate(old.db.engine)

    assert old.state.settled_at == tomorrow


def test_when_an_old_tier_change_was_recorded_its_id_tells(old: Person) -> None:
    migrate(old.db.engine)

    with old.db.read() as tx:
        row = sql.one(tx, "SELECT id, recorded_at, uuid_time(id) AS made FROM tier_changes")

    assert row.recorded_at is None
    assert row.made == datetime.fromtimestamp((row.id.int >> 80) / 1_000, tz=UTC)  # RFC 9562, section 5.7


def test_code_of_the_version_before_still_writes(old: Person) -> None:
    migrate(old.db.engine)

    with old.db.begin() as tx:
        tx.exec_driver_sql(
            OLD_ROWS.partition("INSERT INTO entries")[0]
            .replace(f"'{PROGRAM}'", "'another'")
            .replace(str(ALICE), str(UUID(int=7)))
        )

    with old.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS n FROM members WHERE settled_at IS NOT NULL").n == 2


def test_migrating_twice_is_the_same_as_once(old: Person) -> None:
    migrate(old.db.engine)
    before = old.state

    schema.migrate(old.db.engine)

    assert old.state == before
