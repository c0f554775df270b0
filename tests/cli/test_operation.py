"""`carnet migrate` and `carnet check`, and how commands say what is wrong."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from passes.apple.development import development_certificates
from tests.cli.conftest import Carnet
from tests.shop import Shop
from wallet_api.clock import SystemClock


def test_check_says_in_words_what_is_set_up(carnet: Carnet, shop: Shop) -> None:
    result = carnet("check", SMTP_URL="smtp://mail.example.org")

    assert result.exit_code == 0
    assert "Push messages go to the console channel, because FIREBASE_CREDENTIALS is not set." in result.stdout
    assert "E-mail goes through smtp://mail.example.org" in result.stdout
    assert "has the newest schema." in result.stdout
    assert f"Programs in force: {shop.program} (version 1)." in result.stdout


def test_check_names_every_setting_that_is_wrong(carnet: Carnet) -> None:
    result = carnet("check", CARNET_SECRET_KEY="", SMTP_URL="mail.example.org")

    assert result.exit_code == 1
    assert "CARNET_SECRET_KEY is missing." in result.stderr
    assert "SMTP_URL is not a URL" in result.stderr
    assert "Traceback" not in result.output


def test_a_database_that_is_not_there_is_a_sentence(carnet: Carnet) -> None:
    elsewhere = "postgresql://nobody:secret-word@127.0.0.1:1/none"

    results = [carnet(*words, DATABASE_URL=elsewhere) for words in (["migrate"], ["check"], ["ledger", "verify"])]

    assert {result.exit_code for result in results} == {1}
    assert {result.stderr for result in results} == {
        "Error: The database cannot be reached. Start it, or correct DATABASE_URL.\n"
    }


def test_a_database_without_migrations_is_refused_until_migrate_has_run(carnet: Carnet, database_url: str) -> None:
    name = f"{make_url(database_url).database}_empty"
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')

        before = carnet("check", DATABASE_URL=url)
        migrated = carnet("migrate", DATABASE_URL=url)
        after = carnet("check", DATABASE_URL=url)

        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    engine.dispose()
    assert (before.exit_code, migrated.exit_code, after.exit_code) == (1, 0, 0)
    assert "Run `carnet migrate`." in before.stderr
    assert "No program is in force yet." in after.stdout


def test_without_a_database_url_a_private_server_runs_for_the_command(carnet: Carnet) -> None:
    # Not under tmp_path: as root the server runs as another user, who may not enter pytest's folders.
    with tempfile.TemporaryDirectory(prefix="carnet-cli-") as folder:
        Path(folder).chmod(0o755)

        migrated = carnet("migrate", DATABASE_URL=None, CARNET_DATA_DIR=folder)
        checked = carnet("check", DATABASE_URL=None, CARNET_DATA_DIR=folder)

        still_runs = Path(folder, "postgres", "postmaster.pid").exists()
    assert (migrated.exit_code, checked.exit_code) == (0, 0)
    assert f"a private one in {folder}/postgres" in checked.stdout
    assert not still_runs


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """Settings that name a pass certificate of today."""
    made = development_certificates(pass_type_id="pass.org.example.shop", team_id="ABCDE12345", now=SystemClock().now())
    files = {"APPLE_PASS_CERT": made.cert_pem, "APPLE_PASS_KEY": made.key_pem, "APPLE_WWDR_CERT": made.wwdr_pem}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in files}


def test_check_says_until_when_passes_are_signed(carnet: Carnet, certificate: dict[str, str]) -> None:
    result = carnet("check", **certificate)

    assert result.exit_code == 0
    assert re.search(
        r"^The pass certificate ends on \d{4}-\d\d-\d\d; passes are signed until then\.$", result.stdout, re.MULTILINE
    )


def test_check_says_what_a_real_phone_needs_and_makes_nothing(carnet: Carnet, tmp_path: Path) -> None:
    result = carnet("check", CARNET_DATA_DIR=str(tmp_path))

    assert result.exit_code == 0
    assert "a real iPhone takes them once APPLE_PASS_CERT, APPLE_PASS_KEY and APPLE_WWDR_CERT name" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["check", "serve", "worker"])
def test_a_certificate_that_cannot_be_right_stops_every_command_with_a_sentence(
    carnet: Carnet, certificate: dict[str, str], command: str
) -> None:
    certificate["APPLE_WWDR_CERT"] = certificate["APPLE_PASS_CERT"]

    result = carnet(command, **certificate)

    assert result.exit_code == 1
    assert "Error: APPLE_WWDR_CERT: the WWDR certificate did not issue the pass certificate" in result.stderr
    assert "Traceback" not in result.output
