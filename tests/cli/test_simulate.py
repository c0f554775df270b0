"""`carnet program simulate`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import Carnet
from tests.shop import NOON, PROGRAMS, Shop
from wallet_api.clock import FixedClock

TEMPLATE = PROGRAMS / "points-tiers.yaml"
HEADER = "member,external_id,occurred_at,amount"


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The template with half the thresholds."""
    return write_definition(tmp_path, {"from: 500": "from: 250", "from: 2000": "from: 1000"})


@pytest.fixture
def trading(shop: Shop, clock: FixedClock) -> Shop:
    """A shop where Alice bought, redeemed, used her voucher, and brought a part back."""
    first = shop.sell(350_00)
    voucher = shop.redeem("off-5")
    shop.sell(30_00, vouchers=(str(voucher["code"]),))
    clock.set(NOON + timedelta(days=1))
    shop.take_back(first, amount=60_00)
    return shop


def write_definition(folder: Path, changes: dict[str, str]) -> Path:
    file, definition = folder / "changed.yaml", TEMPLATE.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in definition
        definition = definition.replace(old, new)
    file.write_text(definition, encoding="utf-8")
    return file


def write_sales(folder: Path, *lines: str) -> Path:
    file = folder / "sales.csv"
    file.write_text("\n".join((HEADER, *lines, "")), encoding="utf-8")
    return file


def test_a_changed_definition_stands_beside_the_one_in_force(carnet: Carnet, trading: Shop, changed: Path) -> None:
    result = carnet("program", "simulate", changed)

    assert result.exit_code == 0, result.stderr
    said = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert said[:2] == [
        "points-tiers, March 10, 2026 to March 11, 2026. Members: 1, sales: 2, returns: 1.",
        "Today is version 1, in force; changed is changed.yaml. Both start from nothing and replay the same past.",
    ]
    for line in (
        "earned 425 425 0",
        "redeemed 200 200 0",
        "returned 60 60 0",
        "open 165 165 0",
        "worth of one point €0.025 €0.025 €0.00",
        "liability €4.13 €4.13 €0.00",
        "Silver 0 1 +1",
        "up 0 1 +1",
        "per sale €4.56 €4.56 €0.00",
        "share of the revenue 2.9% 2.9% 0 pp",
        "taken off by vouchers and member prices €5.00 €5.00 €0.00",
        "revenue €315.00 €315.00 €0.00",
        "Bronze 0 1 0",
    ):
        assert line in said
    assert "What could not be replayed" not in said


def test_nothing_is_written_not_even_where_nothing_may_be(
    carnet: Carnet, trading: Shop, changed: Path, database_url: str
) -> None:
    before = contents(database_url)

    with read_only(database_url):
        result = carnet("program", "simulate", changed, "--until", "2026-12-31")

    assert result.exit_code == 0, result.stderr
    assert before["entries"]
    assert contents(database_url) == before
    assert [path.name for path in changed.parent.iterdir()] == ["changed.yaml"]


def test_redemptions_of_a_reward_that_is_gone_are_said(carnet: Carnet, trading: Shop, tmp_path: Path) -> None:
    gone = write_definition(tmp_path, {"off-5": "off-6"})

    result = carnet("program", "simulate", gone)

    assert result.exit_code == 0, result.stderr
    _, _, told = result.stdout.partition("What could not be replayed\n")
    assert told.splitlines() == [
        "  changed: 1 redemption (off-5): The program has no such reward.",
        "  changed: 1 voucher (off-5): The member has none in the replay.",
    ]


def test_units_without_a_money_value_are_said_to_have_none(carnet: Carnet, trading: Shop, tmp_path: Path) -> None:
    free = write_definition(tmp_path, {"gives: {money_off: 5.00}": "gives: {item: {en: a tea, fr: un thé}}"})

    result = carnet("program", "simulate", free)

    assert result.exit_code == 0, result.stderr
    assert (
        "In changed, points are worth no money: no reward takes money off for them, and they pay nothing at the till. "
        "Liability and cost leave them out." in result.stdout
    )


def test_json_has_the_same_figures_for_programs(carnet: Carnet, trading: Shop, changed: Path) -> None:
    told = json.loads(carnet("program", "simulate", changed, "--json").stdout)

    assert told["moves"] == [{"from": "bronze", "to": "silver", "members": 1}]
    assert told["changed"]["members_by_tier"] == {"bronze": 0, "silver": 1, "gold": 0}
    assert told["today"]["units"]["points"] == {
        "earned": 425,
        "redeemed": 200,
        "expired": 0,
        "returned": 60,
        "adjusted": 0,
        "open": 165,
        "worth": {"money": 5, "units": 2},
        "liability": 413,
    }
    assert told["today"]["liability_by_month"] == {"2026-03": 413}


def test_a_file_of_sales_needs_no_database(carnet: Carnet, changed: Path, tmp_path: Path) -> None:
    sales = write_sales(tmp_path, "1,r-1,2026-01-01,300", "1,r-2,2026-02-01,12.90", "2,r-3,2026-02-01T10:00:00Z,5")
    nowhere = {"DATABASE_URL": None, "CARNET_SECRET_KEY": None, "CARNET_DATA_DIR": str(tmp_path)}

    both = carnet("program", "simulate", changed, "--transactions", sales, "--against", TEMPLATE, **nowhere)
    alone = carnet("program", "simulate", changed, "--transactions", sales, **nowhere)

    assert (both.exit_code, alone.exit_code) == (0, 0), both.stderr + alone.stderr
    assert "Members: 2, sales: 3, returns: 0." in both.stdout
    assert "Today is points-tiers.yaml; changed is changed.yaml." in both.stdout
    assert "There is no definition of today to compare it with (see --against)." in alone.stdout
    assert not (tmp_path / "postgres").exists()


def test_a_file_of_sales_is_compared_with_the_version_in_force(
    carnet: Carnet, shop: Shop, changed: Path, tmp_path: Path
) -> None:
    sales = write_sales(tmp_path, "1,r-1,2026-01-01,300")

    result = carnet("program", "simulate", changed, "--transactions", sales)

    assert "Today is version 1, in force; changed is changed.yaml." in result.stdout


def test_bad_lines_are_listed_and_nothing_is_simulated(carnet: Carnet, changed: Path, tmp_path: Path) -> None:
    sales = write_sales(tmp_path, "1,r-1,yesterday,5", "1,r-2,2026-01-01,5", "1,r-3,2026-01-01,-5")

    result = carnet("program", "simulate", changed, "--transactions", sales, "--against", TEMPLATE)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{sales}:2: occurred_at is neither a day (2026-03-01) nor a time with its zone (RFC 3339).",
        f"{sales}:4: amount is not a number of 0 or more such as 12.90; returns are not imported.",
    ]
    assert result.stderr == "Error: sales.csv has 2 lines that cannot be read. Mend or remove them.\n"
    assert not (tmp_path / "sales.rejected.csv").exists()


def test_a_file_with_other_columns_is_refused(carnet: Carnet, changed: Path, tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text("who;when\n1;2\n", encoding="utf-8")

    result = carnet("program", "simulate", changed, "--transactions", sales, "--against", TEMPLATE)

    assert result.exit_code == 1
    assert "sales.csv has no column member" in result.stderr


def test_a_faulty_definition_is_told_by_line(carnet: Carnet, trading: Shop, tmp_path: Path) -> None:
    faulty = write_definition(tmp_path, {"price: 200 points": "price: 200 pionts"})
    line = next(n for n, text in enumerate(faulty.read_text().splitlines(), 1) if "pionts" in text)

    for words in (("simulate", faulty), ("simulate", TEMPLATE, "--against", faulty)):
        result = carnet("program", *words)

        assert result.exit_code == 1
        assert result.stdout.startswith(f"{faulty}:{line}:")
        assert "did you mean `points`?" in result.stdout
        assert result.stderr == "Error: changed.yaml has 1 fault. Mend them.\n"


def test_a_definition_in_another_currency_is_refused(carnet: Carnet, trading: Shop, tmp_path: Path) -> None:
    dollars = write_definition(tmp_path, {"currency: EUR": "currency: USD"})

    result = carnet("program", "simulate", dollars)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: changed.yaml counts in USD, today's definition (version 1, in force) in EUR. The same sales cannot be "
        "replayed in both; write changed.yaml in EUR.\n"
    )


def test_sales_in_another_currency_are_refused(carnet: Carnet, trading: Shop, tmp_path: Path) -> None:
    dollars = write_definition(tmp_path, {"currency: EUR": "currency: USD"})

    result = carnet("program", "simulate", dollars, "--against", dollars)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: The program's sales are in EUR, the definition counts in USD.\n"


def test_a_program_without_sales_or_without_a_database_is_told_what_to_do(
    carnet: Carnet, shop: Shop, changed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(TEMPLATE.read_text(encoding="utf-8").replace("program: points-tiers", "program: other"))

    empty = carnet("program", "simulate", changed)
    unknown = carnet("program", "simulate", other)
    nowhere = carnet("program", "simulate", changed, DATABASE_URL=None, CARNET_DATA_DIR=str(tmp_path))

    assert [result.exit_code for result in (empty, unknown, nowhere)] == [1, 1, 1]
    assert empty.stderr == "Error: There are no sales in this time: nothing to replay.\n"
    assert "The database has no program other, so there are no sales to replay." in unknown.stderr
    assert "There is no database to take sales from." in nowhere.stderr


def test_a_picture_is_drawn_where_it_is_asked_for(carnet: Carnet, trading: Shop, changed: Path, tmp_path: Path) -> None:
    drawn = carnet("program", "simulate", changed, "--plot", tmp_path / "moves.png")
    odd = carnet("program", "simulate", changed, "--plot", tmp_path / "moves.gif")
    nowhere = carnet("program", "simulate", changed, "--plot", tmp_path / "none" / "moves.png")

    assert drawn.exit_code == 0, drawn.stderr
    assert (tmp_path / "moves.png").read_bytes().startswith(b"\x89PNG")
    assert (odd.exit_code, nowhere.exit_code) == (2, 2)
    assert "moves.gif ends in neither .png nor .svg." in odd.stderr
    assert (odd.stdout, nowhere.stdout) == ("", "")


def test_long_work_says_how_far_it_is_beside_the_answer(carnet: Carnet, changed: Path, tmp_path: Path) -> None:
    first = datetime(2020, 1, 1, tzinfo=UTC)
    with (tmp_path / "many.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER.split(","))
        for number in range(10_000):
            rows.writerow([number % 5_000, number, (first + timedelta(days=number % 365)).date(), 5])

    result = carnet(
        "program", "simulate", changed, "--transactions", tmp_path / "many.csv", "--json", "--against", TEMPLATE
    )

    assert result.stderr == "10000 lines read.\n10000 of 10000 transactions replayed.\n"
    assert json.loads(result.stdout)["sales"] == 10_000


def contents(database_url: str) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        tables = connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).scalars()
        rows = {
            table: sorted(connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()) for table in tables
        }
    engine.dispose()
    return rows


@contextmanager
def read_only(database_url: str) -> Iterator[None]:
    """While the block lasts, whoever connects to the database may only read, unless they say otherwise."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    name = engine.url.database
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        yield
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off'))
    engine.dispose()
