"""`carnet program …` and `carnet location create`."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

from tests.cli.conftest import Carnet
from tests.shop import PROGRAMS, Shop
from wallet_api.store import programs


def test_a_fine_file_is_summed_up_in_a_paragraph(carnet: Carnet) -> None:
    result = carnet("program", "check", PROGRAMS / "cd-shop.yaml", CARNET_SECRET_KEY=None)

    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert "cd-shop is fine: “The CD Shop Club” counts points in USD." in result.stdout
    assert "Silver from $100.00, Gold from $300.00 a calendar year." in result.stdout


def test_each_fault_of_a_file_is_named_with_its_line(carnet: Carnet, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    text = (PROGRAMS / "points-tiers.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("currency: EUR", "currency: EURO").replace("unit: points", "unit: pionts"))
    wrong = [n for n, line in enumerate(file.read_text().splitlines(), 1) if "EURO" in line or "pionts" in line]

    result = carnet("program", "check", file)

    assert result.exit_code == 1
    assert [int(line.split(":")[1]) for line in result.stdout.splitlines()] == wrong
    assert "did you mean `points`?" in result.stdout
    assert result.stderr == "Error: shop.yaml has 3 faults. Mend them.\n"


def test_a_file_that_is_not_utf_8_is_refused(carnet: Carnet, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_bytes("name: Café".encode("latin-1"))

    result = carnet("program", "check", file)

    assert (result.exit_code, result.stderr) == (1, "Error: shop.yaml is not UTF-8. Save it as UTF-8.\n")


def test_applying_a_file_puts_its_next_version_in_force(carnet: Carnet, shop: Shop) -> None:
    first = carnet("program", "apply", PROGRAMS / "cd-shop.yaml")
    second = carnet("program", "apply", PROGRAMS / "cd-shop.yaml")

    assert (first.stdout, second.stdout) == (
        "Version 1 of cd-shop is in force.\n",
        "Version 2 of cd-shop is in force.\n",
    )
    with shop.app.db.read() as tx:
        assert programs.latest_version(tx, "cd-shop") == 2


def test_a_faulty_file_is_not_applied(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("program: new-shop\n")

    result = carnet("program", "apply", file)

    assert result.exit_code == 1
    assert f"{file}:1:1" in result.stdout
    assert "Mend them." in result.stderr
    with shop.app.db.read() as tx:
        assert programs.latest_version(tx, "new-shop") is None


def test_the_schema_is_json(carnet: Carnet) -> None:
    result = carnet("program", "schema", CARNET_SECRET_KEY=None)

    assert result.exit_code == 0
    assert "tiers" in json.loads(result.stdout)["properties"]


def test_a_location_is_created_and_changed_under_its_code(carnet: Carnet, shop: Shop) -> None:
    words = ["location", "create", "--program", shop.program, "--code", "lyon"]

    made = carnet(*words, "--name", "Lyon")
    changed = carnet(*words, "--name", "Lyon Part-Dieu", "--latitude", "45.76", "--longitude", "4.86")

    assert made.stdout == changed.stdout
    with shop.app.db.read() as tx:
        lyon = programs.location(tx, UUID(made.stdout.strip()))
    assert lyon is not None
    assert (lyon.code, lyon.name, lyon.latitude) == ("lyon", "Lyon Part-Dieu", 45.76)


def test_a_location_needs_a_program_and_both_coordinates(carnet: Carnet, shop: Shop) -> None:
    nowhere = carnet("location", "create", "--program", "none", "--code", "a", "--name", "A")
    half = carnet("location", "create", "--program", shop.program, "--code", "a", "--name", "A", "--latitude", "1")

    assert nowhere.exit_code == 1
    assert nowhere.stderr == "Error: There is no program of that name. Correct it, or create it first.\n"
    assert half.exit_code == 2


def test_a_file_can_come_into_force_later(carnet: Carnet, shop: Shop) -> None:
    carnet("program", "apply", PROGRAMS / "cd-shop.yaml")

    later = carnet("program", "apply", PROGRAMS / "cd-shop.yaml", "--from", "2999-01-31")
    over = carnet("program", "apply", PROGRAMS / "cd-shop.yaml", "--from", "2020-01-31")

    assert later.stdout == "Version 2 of cd-shop will be in force from 2999-01-31 00:00 (America/New_York).\n"
    assert over.exit_code == 1
    assert "cannot come into force at a time that is over" in over.stderr
    with shop.app.db.read() as tx:
        assert shop.app.version_at(tx, "cd-shop", 2, at=shop.app.clock.now()) == 1
