import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from passes.errors import PassRefused
from passes.face import BrandFace, CardFace, FaceBalance, FaceCurrency, FaceLink, FaceTier, Translation
from passes.google.objects import loyalty_class, loyalty_object, wallet_id

ISSUER = "3388000000012345678"
NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
KEY = bytes.fromhex("01b1b6c0a634f19b782766468cbdd188ebe0c4d7")


def made_class(brand: BrandFace, *, tier: FaceTier | None = None, callback_url: str | None = None) -> dict[str, Any]:
    made = loyalty_class(
        brand,
        issuer_id=ISSUER,
        class_suffix="lea-club",
        logo_url="https://cards.example/logo.png",
        tier=tier,
        callback_url=callback_url,
    )
    return through_json(made)


def made_object(face: CardFace) -> dict[str, Any]:
    made = loyalty_object(face, issuer_id=ISSUER, class_suffix="lea-club", totp_key=KEY, now=NOW)
    return through_json(made)


def through_json(made: dict[str, object]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return read


def shown_by_google(rotating: dict[str, Any], *, at: int) -> str:
    """Draw what a phone draws, by RFC 6238 and Google's description of the pattern."""
    (parameter,) = rotating["totpDetails"]["parameters"]
    step = at * 1000 // int(rotating["totpDetails"]["periodMillis"])
    mac = hmac.digest(bytes.fromhex(parameter["key"]), step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    digits = str(number % 10 ** parameter["valueLength"]).zfill(parameter["valueLength"])
    pattern: str = rotating["valuePattern"]
    return pattern.replace("{totp_timestamp_seconds}", str(at)).replace("{totp_value_0}", digits)


def test_a_class_has_what_google_requires(brand: BrandFace) -> None:
    made = made_class(brand, callback_url="https://cards.example/google/callback")

    assert made["id"] == f"{ISSUER}.lea-club"
    assert made["issuerName"] == "Café Léa"
    assert made["programName"] == "Léa & Co Club"
    assert made["programLogo"]["sourceUri"]["uri"] == "https://cards.example/logo.png"
    assert made["reviewStatus"] == "UNDER_REVIEW"
    assert made["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    assert made["hexBackgroundColor"] == "#7a1f3d"
    assert made["merchantLocations"] == [{"latitude": 48.8566, "longitude": 2.3522}]
    assert made["callbackOptions"] == {"url": "https://cards.example/google/callback"}


def test_labels_stand_in_english_and_french(brand: BrandFace) -> None:
    made = made_class(brand)

    assert made["accountIdLabel"] == "Card number"
    assert made["localizedAccountIdLabel"] == {
        "defaultValue": {"language": "en", "value": "Card number"},
        "translatedValues": [{"language": "fr", "value": "Numéro de carte"}],
    }


def test_a_phone_draws_the_code_that_the_server_expects(face: CardFace) -> None:
    made = made_object(face)

    drawn = shown_by_google(made["rotatingBarcode"], at=1_790_000_000)

    assert drawn == "7123456789012346179000000079175564"


def test_a_card_shows_its_points_and_the_rotating_code(face: CardFace) -> None:
    made = made_object(face)

    assert made["id"] == f"{ISSUER}.{face.serial}"
    assert made["classId"] == f"{ISSUER}.lea-club"
    assert made["state"] == "ACTIVE"
    assert made["accountId"] == "12345678901234"
    assert made["loyaltyPoints"]["balance"] == {"int": 1250}
    assert made["loyaltyPoints"]["localizedLabel"]["translatedValues"] == [{"language": "fr", "value": "Grains"}]
    assert made["secondaryLoyaltyPoints"]["balance"] == {"money": {"micros": "21750000", "currencyCode": "EUR"}}
    assert made["passConstraints"] == {"screenshotEligibility": "INELIGIBLE"}
    assert made["rotatingBarcode"]["totpDetails"]["algorithm"] == "TOTP_SHA1"
    assert made["rotatingBarcode"]["totpDetails"]["periodMillis"] == "30000"
    bodies = {module["id"]: module["body"] for module in made["textModulesData"]}
    assert bodies["next-tier"] == "Encore 250 grains jusqu'à Platine"
    assert bodies["expiry"] == "100 grains expirent le 31 décembre"
    assert bodies["member-since"] == "1 mars 2024"
    assert bodies["rewards"] == "Un café : 100 grains\nUn brunch : 900 grains"


@pytest.mark.parametrize(
    ("balance", "amount"),
    [
        (FaceBalance(unit="p", label="P", amount="−5", raw=-5), {"int": -5}),
        (
            FaceBalance(unit="p", label="P", amount="2 147 483 648", raw=2**31),
            {"string": "2 147 483 648"},
        ),
        (
            FaceBalance(
                unit="y",
                label="Y",
                amount="¥1,200",
                raw=1200,
                currency=FaceCurrency(code="JPY", digits=0),
            ),
            {"money": {"micros": "1200000000", "currencyCode": "JPY"}},
        ),
    ],
)
def test_amounts_take_the_form_that_holds_them(face: CardFace, balance: FaceBalance, amount: dict[str, object]) -> None:
    made = made_object(replace(face, balances=(balance,)))

    assert made["loyaltyPoints"]["balance"] == amount
    assert made["secondaryLoyaltyPoints"] is None


def test_a_third_unit_stands_among_the_texts(face: CardFace) -> None:
    third = FaceBalance(unit="stamps", label="Stamps", amount="7 / 10", raw=7)

    made = made_object(replace(face, balances=(*face.balances, third)))

    (stamps,) = [m for m in made["textModulesData"] if m["id"] == "balance-stamps"]
    assert (stamps["header"], stamps["body"]) == ("Stamps", "7 / 10")


def test_a_static_code_never_goes_to_google(face: CardFace) -> None:
    made = made_object(face)

    assert made["barcode"] is None
    assert face.static_code not in json.dumps(made)


def test_a_name_is_shown_whatever_its_owner_typed(face: CardFace) -> None:
    made = made_object(replace(face, holder="Zoë\0 «\N{RIGHT-TO-LEFT OVERRIDE}» " + "👩‍👩‍👧‍👦" * 99))

    assert made["accountName"] == "Zoë « » 👩‍👩‍👧‍👦…"


def test_a_tier_stands_in_the_class_in_all_languages(brand: BrandFace) -> None:
    spoken = replace(brand, translations=(Translation(text="Gold", language="fr", says="Or"),))

    made = made_class(spoken, tier=FaceTier(id="gold", name="Gold"))

    assert (made["rewardsTier"], made["rewardsTierLabel"]) == ("Gold", "Level")
    assert made["localizedRewardsTier"]["translatedValues"] == [{"language": "fr", "value": "Or"}]
    assert made_class(brand)["rewardsTier"] is None


def test_a_text_that_is_translated_into_english_is_french_itself(brand: BrandFace) -> None:
    spoken = replace(
        brand, program_name="Le Club", translations=(Translation(text="Le Club", language="en", says="The Club"),)
    )

    made = made_class(spoken)

    assert made["localizedProgramName"] == {
        "defaultValue": {"language": "fr", "value": "Le Club"},
        "translatedValues": [{"language": "en", "value": "The Club"}],
    }


def test_long_names_are_cut_where_it_can_be_seen(brand: BrandFace) -> None:
    made = made_class(replace(brand, organization="Boulangerie des Trois Ponts", program_name="x" * 20))

    assert made["issuerName"] == "Boulangerie des Tro…"
    assert made["localizedIssuerName"]["defaultValue"]["value"] == "Boulangerie des Tro…"
    assert made["programName"] == "x" * 20


def test_a_long_list_of_rewards_keeps_whole_lines(face: CardFace) -> None:
    made = made_object(replace(face, rewards=tuple(f"Reward {number}: {'x' * 80}" for number in range(9))))

    (rewards,) = [module["body"] for module in made["textModulesData"] if module["id"] == "rewards"]
    assert rewards.endswith("x\n…")
    assert len(rewards) <= 500
    assert len(rewards.split("\n")) == 6


def test_ten_texts_are_shown_and_the_least_of_them_left_out(face: CardFace) -> None:
    units = tuple(FaceBalance(unit=f"u.{number}", label="U", amount="1", raw=1) for number in range(9))

    made = made_object(replace(face, balances=units, next_reward="Un café : 20 grains de plus"))

    assert [module["id"] for module in made["textModulesData"]] == [
        "promotion",
        "next-tier",
        "next-reward",
        "expiry",
        "rewards",
        "member-since",
        "balance-u-2",
        "balance-u-3",
        "balance-u-4",
        "balance-u-5",
    ]


def test_the_places_of_a_member_stand_on_their_card(face: CardFace) -> None:
    made = made_object(replace(face, locations=face.brand.locations * 12))

    assert made["merchantLocations"] == [{"latitude": 48.8566, "longitude": 2.3522}] * 10
    assert made_object(face)["merchantLocations"] is None


def test_a_voided_card_is_inactive_and_loses_its_code(face: CardFace) -> None:
    made = made_object(replace(face, voided=True))

    assert made["state"] == "INACTIVE"
    assert made["rotatingBarcode"] is None
    assert KEY.hex() not in json.dumps(made)


def test_an_expiry_is_written_in_utc(face: CardFace) -> None:
    noon = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    made = made_object(replace(face, expires_at=noon))

    assert made["validTimeInterval"] == {"end": {"date": "2027-01-01T10:00:00Z"}}
    assert noon.astimezone(UTC).hour == 10


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"serial": "a/b"}, "id"),
        ({"serial": ""}, "id"),
        ({"rotating_prefix": "5123456789012346"}, "rotatingBarcode"),
        ({"rotating_prefix": "71234"}, "rotatingBarcode"),
        ({"promotion": "double\0"}, "textModulesData[0].body"),
        ({"promotion": "\ud83d"}, "textModulesData[0].body"),
        ({"expires_at": datetime(2027, 1, 1)}, "validTimeInterval"),
    ],
)
def test_a_card_that_google_would_refuse_is_refused_by_field(
    face: CardFace, change: dict[str, object], field: str
) -> None:
    broken = replace(face, **change)  # type: ignore[arg-type]  # one table for many types

    with pytest.raises(PassRefused) as refused:
        made_object(broken)

    assert refused.value.field == field


@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"\0"])
def test_a_key_of_another_length_is_refused(face: CardFace, key: bytes) -> None:
    with pytest.raises(PassRefused, match="20 bytes"):
        loyalty_object(face, issuer_id=ISSUER, class_suffix="lea-club", totp_key=key, now=NOW)


def test_a_brand_that_google_would_refuse_is_refused_by_field(brand: BrandFace) -> None:
    colours = replace(brand.colours, background="red")
    script = (FaceLink(label="x", url="javascript:alert(1)"),)

    with pytest.raises(PassRefused) as colour:
        made_class(replace(brand, colours=colours))
    with pytest.raises(PassRefused) as link:
        made_class(replace(brand, links=script))
    with pytest.raises(PassRefused) as places:
        made_class(replace(brand, locations=brand.locations * 11))
    with pytest.raises(PassRefused) as callback:
        made_class(brand, callback_url="http://cards.example")

    assert [r.value.field for r in (colour, link, places, callback)] == [
        "hexBackgroundColor",
        "links",
        "merchantLocations",
        "callbackOptions",
    ]


@pytest.mark.parametrize(("issuer", "suffix"), [("", "a"), ("12a", "a"), ("12", "é"), ("12", "a b"), ("12", "a" * 141)])
def test_ids_that_google_would_not_take_are_refused(issuer: str, suffix: str) -> None:
    with pytest.raises(PassRefused):
        wallet_id(issuer, suffix)
