"""What we send to Google Wallet is what Google describes, whatever a brand and a card hold; and a fault would be found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passes.errors import PassRefused
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
from passes.google.changes import changes, digests
from passes.google.objects import loyalty_class, loyalty_message, loyalty_object
from tests.passes.faces import plain_card
from tests.passes.google_discovery import faults

ISSUER = "3388000000012345678"
NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
KEY = bytes(range(20))
Json = dict[str, Any]

TEXTS = st.characters(exclude_categories=["Cc", "Cs"])
NAMES = st.text(TEXTS, min_size=1, max_size=300) | st.sampled_from(
    ["L'Ãn \"d'or\" & Co", "قهوة الصباح", "👩‍👩‍👧‍👦" * 30, "e\N{COMBINING ACUTE ACCENT}" * 40, "x" * 300]
)
SLUGS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
COLOURS = st.from_regex(r"#[0-9A-Fa-f]{6}", fullmatch=True)
LOCATIONS = st.builds(
    FaceLocation, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), text=st.just("A coffee?")
)
BRANDS = st.builds(
    BrandFace,
    organization=NAMES,
    program_name=NAMES,
    description=NAMES,
    colours=st.builds(Colours, background=COLOURS, foreground=COLOURS, label=COLOURS),
    locations=st.lists(LOCATIONS, max_size=10).map(tuple),
    links=st.lists(
        st.builds(FaceLink, label=NAMES, url=st.sampled_from(["https://lea.example/?a=1&b", "tel:+33123456789"])),
        max_size=4,
    ).map(tuple),
    translations=st.lists(
        st.builds(Translation, text=NAMES, language=st.sampled_from(["en", "fr", "de"]), says=NAMES), max_size=3
    ).map(tuple),
)
BALANCES = st.builds(
    FaceBalance,
    unit=SLUGS | st.just("lea.points"),
    label=NAMES,
    amount=NAMES,
    raw=st.integers(-(10**12), 10**12),
    currency=st.none()
    | st.builds(FaceCurrency, code=st.sampled_from(["EUR", "JPY", "TND"]), digits=st.sampled_from([0, 2, 3])),
)
FACES = st.builds(
    CardFace,
    brand=BRANDS,
    serial=st.uuids().map(str),
    card_number=st.from_regex(r"[0-9]{14}", fullmatch=True),
    static_code=st.from_regex(r"5[0-9]{23}", fullmatch=True),
    rotating_prefix=st.from_regex(r"7[0-9]{15}", fullmatch=True),
    holder=st.text(max_size=300),
    locale=st.sampled_from(["en", "fr"]),
    balances=st.lists(BALANCES, max_size=14, unique_by=lambda balance: balance.unit).map(tuple),
    tier=st.none() | st.builds(FaceTier, id=SLUGS, name=NAMES),
    next_tier=st.none() | NAMES,
    member_since=st.none() | st.dates(),
    rewards=st.lists(NAMES, max_size=6).map(tuple),
    expiry=st.none() | NAMES,
    promotion=st.none() | NAMES,
    locations=st.none() | st.lists(LOCATIONS, max_size=12).map(tuple),
    voided=st.booleans(),
    expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
MANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def class_of(face: CardFace) -> Json:
    tier = face.tier
    return loyalty_class(
        face.brand,
        issuer_id=ISSUER,
        class_suffix=f"program-lea.{tier.id}" if tier else "program-lea",
        logo_url="https://cards.example/logo.png?v=1",
        tier=tier,
        callback_url="https://cards.example/passes/google/callback",
    )


def object_of(face: CardFace) -> Json:
    suffix = f"program-lea.{face.tier.id}" if face.tier else "program-lea"
    return loyalty_object(face, issuer_id=ISSUER, class_suffix=suffix, totp_key=KEY, now=NOW)


def inserted(resource: Json) -> Json:
    """What goes over the wire when it is made."""
    read: Json = json.loads(json.dumps({name: value for name, value in resource.items() if value is not None}))
    return read


@MANY
@given(face=FACES)
def test_classes_and_objects_are_what_google_describes(face: CardFace) -> None:
    loyalty, card = class_of(face), object_of(face)

    assert faults(inserted(loyalty), "LoyaltyClass") == []
    assert faults(inserted(card), "LoyaltyObject") == []


@MANY
@given(face=FACES)
def test_what_phones_show_fits_their_screens(face: CardFace) -> None:
    loyalty, card = class_of(face), object_of(face)

    assert max(map(len, _texts(loyalty, "issuerName", "programName"))) <= 20
    assert len(card["accountName"]) <= 20
    assert len(card["textModulesData"]) <= 10
    assert len({module["id"] for module in card["textModulesData"]}) == len(card["textModulesData"])
    assert len(card["merchantLocations"] or []) <= 10
    for points in filter(None, (card["loyaltyPoints"], card["secondaryLoyaltyPoints"])):
        assert max(map(len, _texts(points, "label"))) <= 9
        assert len(points["balance"]) == 1


@MANY
@given(before=FACES, after=FACES)
def test_a_patch_is_what_google_describes_and_leads_from_one_state_to_the_other(
    before: CardFace, after: CardFace
) -> None:
    old, new = object_of(before), object_of(replace(after, serial=before.serial))

    patch = changes(new, known=digests(old)).fields

    assert faults(patch, "LoyaltyObject", is_patch=True) == []
    assert inserted({**old, **patch}) == inserted(new)
    assert changes(new, known=digests({**old, **patch})).fields == {}


@given(title=st.text(TEXTS, max_size=50), body=st.text(TEXTS, max_size=300), notify=st.booleans())
def test_messages_are_what_google_describes(title: str, body: str, *, notify: bool) -> None:
    message = loyalty_message(message_id="m-1", title=title, body=body, until=NOW, notify=notify)

    assert faults({"message": message}, "AddMessageRequest") == []


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda o: o.update(rewardTier="Gold"), "rewardTier: unknown"),
        (lambda o: o.update(rewardsTier="Gold"), "rewardsTier: unknown"),  # it is the class's
        (lambda o: o.update(state="active"), "state: not one of its words"),  # an alias that is going away
        (lambda o: o.update(state="VOIDED"), "state: not one of its words"),
        (
            lambda o: o.update(infoModuleData={"showLastUpdateTime": True}),
            "infoModuleData.showLastUpdateTime: deprecated",
        ),
        (lambda o: o.update(locations=[]), "locations: deprecated"),
        (lambda o: o["loyaltyPoints"]["balance"].update(int="1250"), "loyaltyPoints.balance.int: not int32"),
        (lambda o: o["loyaltyPoints"]["balance"].update(int=2**31), "loyaltyPoints.balance.int: not int32"),
        (
            lambda o: o["rotatingBarcode"]["totpDetails"].update(periodMillis=30_000),
            "rotatingBarcode.totpDetails.periodMillis: not a string",
        ),
        (lambda o: o.update(textModulesData={}), "textModulesData: not an array"),
        (lambda o: o["textModulesData"][0].update(text="x"), "textModulesData[0].text: unknown"),
        (lambda o: o.update(validTimeInterval={"end": "2027-01-01"}), "validTimeInterval.end: not an object"),
        (lambda o: o.pop("classId"), "classId: required"),
        (lambda o: o.update(accountName=None), "accountName: not a string"),
    ],
)
def test_a_planted_fault_is_found(face: CardFace, spoil: Callable[[Json], object], found: str) -> None:
    card = inserted(object_of(face))
    assert faults(card, "LoyaltyObject") == []

    spoil(card)

    assert found in faults(card, "LoyaltyObject")


def test_a_place_that_is_not_on_earth_is_refused(brand: BrandFace) -> None:
    for place in ({"latitude": 91.0, "longitude": 0.0}, {"latitude": 0.0, "longitude": float("nan")}):
        with pytest.raises(PassRefused, match="merchantLocations"):
            class_of(plain_card(replace(brand, locations=(FaceLocation(**place, text="x"),))))


def test_a_card_ends_with_its_time(face: CardFace) -> None:
    over = object_of(replace(face, expires_at=NOW - timedelta(seconds=1)))
    lasts = object_of(replace(face, expires_at=NOW + timedelta(seconds=1)))

    assert (over["state"], over["rotatingBarcode"]) == ("EXPIRED", None)
    assert (lasts["state"], lasts["validTimeInterval"]) == ("ACTIVE", {"end": {"date": "2026-09-21T14:30:01Z"}})


def _texts(resource: Json, *names: str) -> list[str]:
    """Texts of a resource, and their translations."""
    localized = [resource[f"localized{name[0].upper()}{name[1:]}"]["translatedValues"] for name in names]
    return [*(resource[name] for name in names), *(each["value"] for told in localized for each in told)]
