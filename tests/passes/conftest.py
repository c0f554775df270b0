"""A brand, alice's card, and development certificates."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.package import BrandAssets
from passes.apple.signing import Signer
from passes.face import (
    BrandFace,
    CardFace,
    Colours,
    FaceBalance,
    FaceCurrency,
    FaceLink,
    FaceLocation,
    FaceTier,
    Translation,
)
from tests.passes.faces import plain_card

PASS_TYPE_ID = "pass.example.carnet"
TEAM_ID = "CARNET0001"


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 9, 21, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def certificates(now: datetime) -> DevelopmentCertificates:
    return development_certificates(pass_type_id=PASS_TYPE_ID, team_id=TEAM_ID, now=now)


@pytest.fixture(scope="session")
def signer(certificates: DevelopmentCertificates) -> Signer:
    return Signer.load(
        cert_pem=certificates.cert_pem,
        key_pem=certificates.key_pem,
        password=None,
        wwdr_pem=certificates.wwdr_pem,
    )


@pytest.fixture(scope="session")
def brand() -> BrandFace:
    return BrandFace(
        organization="Café Léa",
        program_name="Léa & Co Club",
        description="Loyalty card of Café Léa",
        colours=Colours(background="#7a1f3d", foreground="#FFFFFF", label="#f2c6d3"),
        logo_text="Léa Club",
        locations=(FaceLocation(latitude=48.8566, longitude=2.3522, text="A coffee at Léa's?"),),
        links=(FaceLink(label="Shop & menu", url="https://lea.example/?from=pass&page=1"),),
        translations=(
            Translation(text="Beans", language="fr", says="Grains"),
            Translation(text="Loyalty card of Café Léa", language="fr", says="Carte du Café Léa"),
        ),
    )


@pytest.fixture(scope="session")
def assets(brand: BrandFace) -> BrandAssets:
    return BrandAssets.of(brand)


@pytest.fixture(scope="session")
def face(brand: BrandFace) -> CardFace:
    """Alice's card."""
    return replace(
        plain_card(brand, locale="fr"),
        balances=(
            FaceBalance(unit="beans", label="Beans", amount="1 250", raw=1250),
            FaceBalance(
                unit="cash",
                label="Cash back",
                amount="21,75 €",
                raw=2175,
                currency=FaceCurrency(code="EUR", digits=2),
            ),
        ),
        tier=FaceTier(id="gold", name="Or"),
        next_tier="Encore 250 grains jusqu'à Platine",
        member_since=date(2024, 3, 1),
        rewards=("Un café : 100 grains", "Un brunch : 900 grains"),
        expiry="100 grains expirent le 31 décembre",
        promotion="Double grains ce samedi",
        web_service_url="https://cards.example/apple",
        authentication_token="vxwxd7J8AlNNFPS8k0a0FfUFtq0ewzFdc",
    )
