"""`carnet program test`: the worked examples of a file, told step by step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from tests.cli.conftest import Carnet
from tests.shop import PROGRAMS, Shop
from wallet_api.store import programs

TEMPLATE = PROGRAMS / "points-tiers.yaml"
OTHER = """\
program: points-tiers
journeys:
  - name: alice
    steps:
      - {at: 2026-03-10, do: join, expect: {balance: {points: 50}}}
      - {at: 2026-03-10T18:30:00, do: sale, id: s1, amount: 12.90, expect: {balance: {points: 63}, tier: silver}}
      - {at: 2026-03-11, do: redeem, reward: off-5}
      - {at: 2026-03-12, do: access, tag: preview}
"""


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file of journeys, some of which differ."""
    file = tmp_path / "other.yaml"
    file.write_text(OTHER, encoding="utf-8")
    return file


@pytest.fixture
def poor_role(database_url: str) -> Iterator[str]:
    """The URL of a role that may not create databases."""
    name = f"poor_{uuid4().hex}"
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'a test only' NOCREATEDB")
        yield make_url(database_url).set(username=name, password="a test only").render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP ROLE {name}")
    engine.dispose()


def test_each_step_is_printed_and_the_end_says_that_all_is_as_expected(carnet: Carnet) -> None:
    steps = len(re.findall(r"^ +- \{at: ", TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE))

    result = carnet("program", "test", TEMPLATE, CARNET_SECRET_KEY=None)

    *lines, summary = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.fullmatch(rf"\d+ journeys, {steps} steps: all as expected\.", summary)
    assert len([line for line in lines if line.startswith("  ok ")]) == steps > 0


def test_expected_and_actual_values_stand_under_a_step_that_differs(carnet: Carnet, other: Path) -> None:
    result = carnet("program", "test", TEMPLATE, "--journeys", other)

    assert result.exit_code == 1
    assert result.stdout == (
        "alice (other.yaml, line 3)\n"
        "  ok       line 5: 2026-03-10 join\n"
        "  DIFFERS  line 6: 2026-03-10 18:30:00 sale s1\n"
        "           balance.points: expected 63, actual 62\n"
        "           tier: expected silver, actual bronze\n"
        "  DIFFERS  line 7: 2026-03-11 redeem off-5\n"
        "           refused: expected none, actual insufficient_balance (The member does not have enough units for "
        "this.)\n"
        "  ok       line 8: 2026-03-12 access\n"
    )
    assert result.stderr == "Error: 1 journey, 4 steps: 2 not as expected.\n"


def test_the_shops_own_database_is_not_touched(carnet: Carnet, shop: Shop) -> None:
    result = carnet("program", "test", PROGRAMS / "cd-shop.yaml")

    assert result.exit_code == 0
    with shop.app.db.read() as tx:
        assert programs.program_ids(tx) == [shop.program]
        assert tx.exec_driver_sql("SELECT count(*) FROM members").scalar_one() == 1


def test_a_fault_in_the_journeys_is_named_with_its_line(carnet: Carnet, other: Path) -> None:
    other.write_text(OTHER.replace("do: redeem", "do: reedem"), encoding="utf-8")

    result = carnet("program", "test", TEMPLATE, "--journeys", other)

    assert result.exit_code == 1
    assert result.stdout == f"{other}:7:30: journeys[0].steps[2].do: `reedem` is unknown; did you mean `redeem`?\n"
    assert result.stderr == "Error: other.yaml has 1 fault. Mend them.\n"


def test_journeys_of_another_program_are_refused(carnet: Carnet, other: Path) -> None:
    result = carnet("program", "test", PROGRAMS / "cd-shop.yaml", "--journeys", other)

    assert result.exit_code == 1
    assert "these are journeys of `points-tiers`; here belongs `cd-shop`" in result.stdout


def test_a_program_without_journeys_is_told_to_have_some(carnet: Carnet, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TEMPLATE.read_text(encoding="utf-8").split("journeys:")[0], encoding="utf-8")

    result = carnet("program", "test", file)

    assert result.exit_code == 1
    assert result.stderr == "Error: shop.yaml has no journeys. Write some, or name a file with --journeys.\n"


def test_check_finds_faults_in_the_journeys_too(carnet: Carnet, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TEMPLATE.read_text(encoding="utf-8").replace("do: wait", "do: weight"), encoding="utf-8")

    result = carnet("program", "check", file)

    assert result.exit_code == 1
    assert "`weight` is unknown; did you mean `wait`?" in result.stdout


def test_a_role_that_may_not_create_databases_is_told_so(carnet: Carnet, poor_role: str) -> None:
    result = carnet("program", "test", TEMPLATE, DATABASE_URL=poor_role)

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: No database could be made. Give the role of DATABASE_URL the right CREATEDB, or leave DATABASE_URL out.\n"
    )
