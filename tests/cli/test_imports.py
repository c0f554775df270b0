"""`carnet import transactions` and `carnet ledger verify`."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import Carnet
from tests.shop import Shop
from wallet_api.store import sql

HEADER = "member,external_id,occurred_at,amount,location"
GOOD = "crm-1,r-1,2025-06-01,12.90,paris"


def write(folder: Path, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    file = folder / "sales.csv"
    file.write_bytes((end.join(lines) + end).encode(encoding))
    return file


def test_sales_are_imported_and_counted(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path, HEADER, GOOD, "crm-1,r-2,2025-06-02,5,", "alice@example.org,r-3,2025-06-02,5,paris")

    result = carnet("import", "transactions", file, "--program", shop.program)

    assert result.exit_code == 0
    assert result.stdout == "Sales imported: 3, known already: 0, lines rejected: 0, new guest members: 1.\n"
    assert not (tmp_path / "sales.rejected.csv").exists()


def test_rejected_lines_can_be_mended_and_imported(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    file = write(
        tmp_path, HEADER, GOOD, "crm-1,r-2,yesterday,5,paris", "", "crm-1,r-3,2025-06-02", "crm-2,r-4,2025-06-02,5,"
    )
    rejected = tmp_path / "sales.rejected.csv"

    first = carnet("import", "transactions", file, "--program", shop.program)
    rows = list(csv.DictReader(rejected.read_text(encoding="utf-8").splitlines()))
    rejected.write_text(rejected.read_text(encoding="utf-8").replace("yesterday", "2025-06-01"), encoding="utf-8")
    second = carnet("import", "transactions", rejected, "--program", shop.program)

    assert first.exit_code == 1
    assert "Sales imported: 2," in first.stdout
    assert f"Lines rejected: 2. Mend them in {rejected} and import that." in first.stderr
    assert [(row["line"], row["external_id"]) for row in rows] == [("3", "r-2"), ("5", "r-3")]
    assert second.exit_code == 1
    assert "Sales imported: 1, known already: 0, lines rejected: 1," in second.stdout


@pytest.mark.parametrize(
    ("lines", "encoding", "end"),
    [
        pytest.param([HEADER, GOOD], "utf-8-sig", "\n", id="BOM"),
        pytest.param([HEADER, GOOD], "utf-8", "\r\n", id="CRLF"),
        pytest.param(
            [HEADER.replace(",", ";"), "crm-1;r-1;2025-06-01;12,90;paris"], "utf-8-sig", "\r\n", id="semicolons"
        ),
        pytest.param([HEADER.replace(",", "\t"), GOOD.replace(",", "\t")], "utf-8", "\n", id="tabs"),
        pytest.param([HEADER.upper(), f'"crm-1",{GOOD[6:]}'], "utf-8", "\n", id="capitals and quotes"),
    ],
)
def test_files_are_read_as_people_export_them(
    carnet: Carnet, shop: Shop, tmp_path: Path, lines: list[str], encoding: str, end: str
) -> None:
    file = write(tmp_path, *lines, encoding=encoding, end=end)

    result = carnet("import", "transactions", file, "--program", shop.program)

    assert result.exit_code == 0
    with shop.app.db.read() as tx:
        sales = sql.every(tx, "SELECT external_id, amount FROM transactions")
    assert [(sale.external_id, sale.amount) for sale in sales] == [("r-1", 1290)]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(
            f"{HEADER}\n{GOOD}\nJosé,r-2,2025-06-01,1,paris\n".encode("latin-1"), "is not UTF-8: line 3", id="Latin-1"
        ),
        pytest.param(b"member,amount\n", "has no column external_id and no column occurred_at", id="columns missing"),
        pytest.param(f"{HEADER},amount\n".encode(), "names a column twice", id="column twice"),
        pytest.param(b"", "has no column member", id="empty"),
    ],
)
def test_a_file_that_cannot_be_read_imports_nothing(
    carnet: Carnet, shop: Shop, tmp_path: Path, content: bytes, fault: str
) -> None:
    file = tmp_path / "sales.csv"
    file.write_bytes(content)

    result = carnet("import", "transactions", file, "--program", shop.program)

    assert result.exit_code == 1
    assert fault in result.stderr
    with shop.app.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS rows FROM transactions").rows == 0


def test_a_quotation_mark_that_is_never_closed_is_told_with_the_lines_it_swallowed(
    carnet: Carnet, shop: Shop, tmp_path: Path
) -> None:
    file = write(tmp_path, HEADER, GOOD, '"crm-1,r-2,2025-06-01,1,paris', "crm-1,r-3,2025-06-01,1,paris")

    result = carnet("import", "transactions", file, "--program", shop.program)

    assert result.exit_code == 1
    assert "Sales imported: 1," in result.stdout
    assert "Lines 3 to 4 are not CSV" in (tmp_path / "sales.rejected.csv").read_text(encoding="utf-8")


def test_columns_that_mean_nothing_are_named(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    file = write(tmp_path, f"{HEADER},shoe_size", f"{GOOD},42")

    result = carnet("import", "transactions", file, "--program", shop.program)

    assert result.stdout.startswith("These columns are ignored: shoe_size.\nSales imported: 1,")


def test_an_unknown_location_or_program_is_a_sentence(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    words = ["import", "transactions", write(tmp_path, HEADER, GOOD), "--program"]

    nowhere = carnet(*words, shop.program, "--location", "lyon")
    nothing = carnet(*words, "none")

    assert nowhere.stderr == "Error: There is no location lyon of that name. Correct it, or create it first.\n"
    assert nothing.stderr == "Error: There is no program of that name. Correct it, or create it first.\n"


def test_a_ledger_that_agrees_is_said_to(carnet: Carnet, shop: Shop) -> None:
    shop.sell(1000)

    result = carnet("ledger", "verify", "--program", shop.program)

    assert (result.exit_code, result.stdout) == (0, "Members checked: 1, all ledgers agree.\n")


def test_a_difference_in_the_ledger_is_listed_and_fails(carnet: Carnet, shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE accounts SET available = 51")

    result = carnet("ledger", "verify")

    assert result.exit_code == 1
    assert f"{shop.alice} balance: points: the balance is 51, its entries add up to 50" in result.stdout
    assert "Members checked: 1, differences: 2." in result.stderr


def test_an_unknown_program_has_no_ledger_to_verify(carnet: Carnet, shop: Shop) -> None:
    result = carnet("ledger", "verify", "--program", f"not-{shop.program}")

    assert result.exit_code == 1
    assert "There is no program of that name." in result.stderr
