"""Settings: read once, checked all together, secrets kept to themselves, and told in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallet_api.settings import Settings, SettingsFaults

SECRET = "kR7vN2xQ9mW4bT8yJ5hL3cF6gD1sA0pZ"
GOOD = {"CARNET_SECRET_KEY": SECRET}


def faults_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsFaults) as refused:
        Settings.from_env(environ)
    return refused.value.faults


def test_a_secret_is_all_that_a_start_needs() -> None:
    settings = Settings.from_env(GOOD)

    assert settings.data_dir == Path("var")
    assert settings.database_url is None
    assert settings.base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_a_missing_secret_stops_the_start_and_says_what_to_do(secret: str | None) -> None:
    faults = faults_of({} if secret is None else {"CARNET_SECRET_KEY": secret})

    assert len(faults) == 1
    assert "CARNET_SECRET_KEY is missing" in faults[0]
    assert "openssl rand" in faults[0]


@pytest.mark.parametrize("secret", ["changeme", "a" * 64, "short-but-random-7Qx9"])
def test_a_secret_that_can_be_guessed_stops_the_start_and_is_not_repeated(secret: str) -> None:
    (fault,) = faults_of({"CARNET_SECRET_KEY": secret})

    assert "too easy to guess" in fault
    assert secret not in fault


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    faults = faults_of(
        {
            "DATABASE_URL": "mysql://carnet:hunter2@db/carnet",
            "CARNET_BASE_URL": "https://cards.example/carnet",
            "CARNET_DATA_DIR": __file__,
            "FIREBASE_CREDENTIALS": str(tmp_path / "gone.json"),
            "FIREBASE_ENDPOINT": "https://127.0.0.1:port",
            "APNS_ENDPOINT": "http://127.0.0.1:8443",
            "GOOGLE_WALLET_ISSUER_ID": "acme",
            "SMTP_URL": "mail.example",
            "MAIL_FROM": "nobody",
        }
    )

    assert [fault.split()[0] for fault in faults] == [
        "CARNET_SECRET_KEY",
        "CARNET_BASE_URL",
        "CARNET_DATA_DIR",
        "DATABASE_URL",
        "FIREBASE_CREDENTIALS",
        "FIREBASE_ENDPOINT",
        "APNS_ENDPOINT",
        "GOOGLE_WALLET_ISSUER_ID",
        "SMTP_URL",
        "MAIL_FROM",
    ]
    assert "hunter2" not in " ".join(faults)


def test_secrets_stay_out_of_repr_and_description() -> None:
    settings = Settings.from_env(
        {
            **GOOD,
            "DATABASE_URL": "postgresql://carnet:hunter2@db/carnet",
            "REPLICA_URL": "postgresql://carnet:hunter2@replica/carnet",
            "SMTP_URL": "smtps://carnet:hunter2@mail.example:465",
            "APPLE_PASS_KEY_PASSWORD": "hunter2",
        }
    )

    told = repr(settings) + " ".join(settings.describe())

    assert "hunter2" not in told
    assert SECRET not in told
    assert "postgresql://db/carnet" in told


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgres://db/carnet", "postgresql://db/carnet"),
        ("postgresql://db/carnet", "postgresql://db/carnet"),
        ("postgresql:///carnet?host=/run/pg/", "postgresql:///carnet?host=/run/pg/"),
    ],
)
def test_a_database_url_is_kept_under_the_name_that_sqlalchemy_knows(given: str, kept: str) -> None:
    assert Settings.from_env({**GOOD, "DATABASE_URL": given}).database_url == kept


@pytest.mark.parametrize("url", ["smtp://mail.example", "smtps://mail.example", "smtp+starttls://mail.example:587"])
def test_a_mail_server_is_reached_without_tls_over_tls_or_by_starttls(url: str) -> None:
    settings = Settings.from_env({**GOOD, "SMTP_URL": url})

    assert settings.smtp_url == url


def test_each_purpose_has_a_key_of_its_own_that_stays_the_same() -> None:
    settings = Settings.from_env(GOOD)

    keys = {settings.derive(label) for label in ("access-token", "card-code", "cursor")}

    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert Settings.from_env(GOOD).derive("card-code") == settings.derive("card-code")


def test_without_credentials_it_says_what_goes_to_the_console_and_why() -> None:
    described = Settings.from_env({**GOOD, "CARNET_BASE_URL": "https://cards.example"}).describe()

    assert "Push messages go to the console channel, because FIREBASE_CREDENTIALS is not set." in described
    assert "E-mail goes to the console channel, because SMTP_URL is not set." in described
    assert (
        "Apple Wallet passes are off, because APPLE_PASS_CERT and APPLE_PASS_KEY and APPLE_WWDR_CERT are not set."
        in described
    )
    assert any(sentence.startswith("Google Wallet passes are off") for sentence in described)


def test_with_credentials_it_says_what_is_on(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("{}")
    named = (
        "FIREBASE_CREDENTIALS",
        "APPLE_PASS_CERT",
        "APPLE_PASS_KEY",
        "APPLE_WWDR_CERT",
        "GOOGLE_WALLET_CREDENTIALS",
    )
    environ = {**GOOD, **dict.fromkeys(named, str(file)), "GOOGLE_WALLET_ISSUER_ID": "3388000000022"}
    environ |= {"SMTP_URL": "smtp://mail.example:25", "CARNET_BASE_URL": "https://cards.example/"}

    settings = Settings.from_env({**environ, "FIREBASE_ENDPOINT": "http://127.0.0.1:9000"})

    assert settings.describe() == [
        "Links and tokens carry the base URL https://cards.example.",
        "Files are kept in var.",
        "The database is a private one in var/postgres, because DATABASE_URL is not set.",
        "Push messages go through Firebase, by way of http://127.0.0.1:9000.",
        "E-mail goes through smtp://mail.example:25 as no-reply@cards.example.",
        "Text messages go to the console channel, because no provider of them is built in.",
        "Apple Wallet passes are on.",
        "Google Wallet passes are on.",
    ]


def test_a_part_of_what_a_channel_needs_leaves_it_off_and_names_the_rest() -> None:
    settings = Settings.from_env({**GOOD, "GOOGLE_WALLET_ISSUER_ID": "3388000000022"})

    assert not settings.google_for_development
    assert settings.missing_for_google == ("GOOGLE_WALLET_CREDENTIALS",)
    assert "Google Wallet passes are off, because GOOGLE_WALLET_CREDENTIALS is not set." in settings.describe()


@pytest.mark.parametrize(
    ("base_url", "switch", "is_on"),
    [
        ("http://127.0.0.1:8080", None, True),
        ("http://localhost:8080", None, True),
        ("http://[::1]:8080", None, True),
        ("https://cards.example", None, False),
        ("http://192.168.1.5:8080", None, False),
        ("https://localhost.example", None, False),
        ("https://cards.example", "on", True),
        ("http://127.0.0.1:8080", "off", False),
    ],
)
def test_passes_are_made_for_development_where_no_phone_can_come_or_where_one_says_so(
    base_url: str, switch: str | None, is_on: bool
) -> None:
    environ = {**GOOD, "CARNET_BASE_URL": base_url, "CARNET_DEVELOPMENT_WALLETS": switch or ""}

    settings = Settings.from_env(environ)

    assert settings.apple_for_development is is_on
    assert settings.google_for_development is is_on
    told = [sentence for sentence in settings.describe() if "Wallet" in sentence]
    assert all(("a real" in sentence) is is_on for sentence in told)


def test_a_switch_is_on_or_off() -> None:
    (fault,) = faults_of({**GOOD, "CARNET_DEVELOPMENT_WALLETS": "yes"})

    assert fault.startswith("CARNET_DEVELOPMENT_WALLETS is neither `on` nor `off`.")


def test_a_change_over_of_certificates_is_set_up_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("{}")

    (no_certificate,) = faults_of({**GOOD, "APPLE_PASS_KEY_NEXT": str(file)})
    (no_first,) = faults_of({**GOOD, "APPLE_PASS_CERT_NEXT": str(file)})

    assert "APPLE_PASS_KEY_NEXT is set, and APPLE_PASS_CERT_NEXT is not." in no_certificate
    assert "APPLE_PASS_CERT and APPLE_PASS_KEY and APPLE_WWDR_CERT are not set." in no_first


def test_the_key_of_nfc_readers_is_a_compressed_key_on_p_256() -> None:
    key = "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACJSSx/wk8yJFezle8j14BEN5cso4ZvvyfJBLWLKX4Yro="

    assert Settings.from_env({**GOOD, "APPLE_NFC_PUBLIC_KEY": key}).apple_nfc_public_key == key
    for wrong in (key[:-4], "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + "A" * 86 + "==", "no key"):
        (fault,) = faults_of({**GOOD, "APPLE_NFC_PUBLIC_KEY": wrong})
        assert fault.startswith("APPLE_NFC_PUBLIC_KEY is not base64 of a P-256 public key, compressed")
