"""Random cards, as wild as a card may be: what people type, every colour that can be read, logos of all kinds."""

import base64
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st
from PIL import Image

from passes import texts
from passes.contrast import LEAST_CONTRAST, contrast
from passes.face import (
    BrandFace,
    CardFace,
    Colours,
    FaceBalance,
    FaceCurrency,
    FaceLink,
    FaceLocation,
    FaceNfc,
    FaceProgress,
    FaceTier,
    Translation,
)

HARD_TEXTS = (
    'Bob "the \\ Builder"',
    "O'Brien; DROP TABLE members",
    "👩‍👩‍👧‍👦 Zoë 🇫🇷",
    "محمد بن سلمان",
    "\u202etxet tfel-ot-thgir",
    "<b>bob</b> &amp; %@ {0}",
    "é" * 300,
    "👩‍👩‍👧‍👦" * 40,
    "a" + "\N{COMBINING ACUTE ACCENT}" * 299,
)
HARD_NAMES = (*HARD_TEXTS, "bob\0", "\x1b[31mbob\x7f", "half \ud83d", "line\nbreak", "", "   ", "b" * 5_000)


def plain_card(brand: BrandFace, *, locale: Literal["en", "fr"] = "en") -> CardFace:
    """Alice's card, with nothing on it that a card can do without."""
    return CardFace(
        brand=brand,
        serial="0199c7f0-0000-7000-8000-00000000a11c",
        card_number="12345678901234",
        static_code="512345678901234400112233",
        rotating_prefix="7123456789012346",
        holder="Alice Martin",
        locale=locale,
    )


def typed(*, least: int = 0) -> st.SearchStrategy[str]:
    """Whatever people type: emoji, right-to-left, quotes, line breaks; what we refuse left out."""
    alphabet = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\"'\\%@{}<>&")
    return st.text(alphabet, min_size=least, max_size=60) | st.sampled_from(HARD_TEXTS)


def _filled() -> st.SearchStrategy[str]:
    return typed(least=1).filter(lambda text: bool(text.strip()))


def _colour() -> st.SearchStrategy[str]:
    return st.binary(min_size=3, max_size=3).map(lambda three: f"#{three.hex()}")


def _readable(colour: str, *, on: str) -> str:
    """Give the colour, or black or white where it cannot be read."""
    best = max("#000000", "#ffffff", key=lambda each: contrast(each, on))
    return colour if contrast(colour, on) >= LEAST_CONTRAST else best


def colours() -> st.SearchStrategy[Colours]:
    return st.builds(
        lambda ground, text, label: Colours(
            background=ground, foreground=_readable(text, on=ground), label=_readable(label, on=ground)
        ),
        _colour(),
        _colour(),
        _colour(),
    )


def _logo(mode: str, side: tuple[int, int], seed: int) -> bytes:
    out = BytesIO()
    image = Image.effect_noise(side, 5 + seed % 90).convert(mode)
    image.save(out, "PNG", interlace=seed % 2)
    return out.getvalue()


def _digits(number: int, *, first: str = "") -> st.SearchStrategy[str]:
    """Give codes of so many digits behind the first ones; ten times as fast as a regular expression."""
    return st.integers(0, 10**number - 1).map(lambda code: f"{first}{code:0{number}d}")


def logos() -> st.SearchStrategy[bytes]:
    sides = st.sampled_from([(16, 16), (32, 100), (160, 50), (600, 60), (300, 299), (512, 512)])
    modes = st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA"])
    return st.builds(_logo, modes, sides, st.integers(0, 200))


def places() -> st.SearchStrategy[tuple[FaceLocation, ...]]:
    place = st.builds(FaceLocation, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), text=typed())
    return st.lists(place, max_size=10).map(tuple)


def brands() -> st.SearchStrategy[BrandFace]:
    addresses = st.sampled_from(
        ["https://lea.example/?a=1&b=2", "https://lea.example", "mailto:lea@lea.example", "tel:+33100000000"]
    )
    translations = st.builds(
        Translation, text=typed() | st.sampled_from([texts.TIER, "%@"]), language=st.just("fr"), says=typed()
    )
    return st.builds(
        BrandFace,
        organization=_filled(),
        program_name=typed(),
        description=_filled(),
        colours=colours(),
        logo_text=st.none() | typed(),
        logo=st.none() | logos(),
        locations=places(),
        links=st.lists(st.builds(FaceLink, label=typed(), url=addresses), max_size=4).map(tuple),
        translations=st.lists(translations, max_size=4).map(tuple),
    )


def _nfc() -> st.SearchStrategy[FaceNfc]:
    def key(seed: int) -> str:
        point = ec.derive_private_key(seed, ec.SECP256R1()).public_key()
        compressed = point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return base64.b64encode(
            bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + compressed
        ).decode()

    return st.builds(
        FaceNfc,
        message=_digits(23, first="5"),
        public_key=st.integers(1, 9).map(key),
        asks_holder=st.booleans(),
    )


def faces(brand: st.SearchStrategy[BrandFace]) -> st.SearchStrategy[CardFace]:
    """Cards of these brands."""
    balances = st.builds(
        FaceBalance,
        unit=st.text("abcdefgh-", min_size=1, max_size=12),
        label=typed(),
        amount=typed(),
        raw=st.integers(),
        currency=st.none() | st.just(FaceCurrency(code="EUR", digits=2)),
    )
    progress = st.builds(
        FaceProgress,
        kind=st.sampled_from(["tier", "reward", "stamps"]),
        done=st.integers(-5, 40),
        needed=st.integers(0, 35),
        label=typed(),
    )
    return st.builds(
        CardFace,
        brand=brand,
        serial=st.uuids().map(str),
        card_number=_digits(14),
        static_code=_digits(23, first="5"),
        rotating_prefix=_digits(15, first="7"),
        holder=typed() | st.sampled_from(HARD_NAMES),
        locale=st.sampled_from(["en", "fr"]),
        balances=st.lists(balances, max_size=6, unique_by=lambda balance: balance.unit).map(tuple),
        tier=st.none() | st.builds(FaceTier, id=typed(), name=typed()),
        next_tier=st.none() | typed(),
        next_reward=st.none() | typed(),
        progress=st.none() | progress,
        member_since=st.none() | st.dates(min_value=date(1, 1, 1)),
        rewards=st.lists(typed(), max_size=5).map(tuple),
        expiry=st.none() | typed(),
        promotion=st.none() | typed(),
        message=st.none() | typed(),
        earlier_messages=st.lists(typed(), max_size=2).map(tuple),
        locations=st.none() | places(),
        nfc=st.none() | _nfc(),
        voided=st.booleans(),
        expires_at=st.none() | st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),
        web_service_url=st.just("https://cards.example/passes/apple"),
        authentication_token=st.text("abcXYZ019_-", min_size=16, max_size=43),
    )
