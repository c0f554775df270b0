import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from passes.apple.pass_json import pass_json
from passes.errors import PassRefused
from passes.face import CardFace, Colours, FaceBalance, FaceLink, FaceLocation, FaceNfc, FaceProgress


def read(face: CardFace) -> dict[str, Any]:
    made = pass_json(face, pass_type_id="pass.example.carnet", team_id="CARNET0001")
    document: dict[str, Any] = json.loads(made)
    return document


def fields(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in document["storeCard"].values():
        yield from group


def test_a_card_is_laid_out_as_a_store_card(face: CardFace) -> None:
    document = read(face)

    assert document["formatVersion"] == 1
    assert document["passTypeIdentifier"] == "pass.example.carnet"
    assert document["teamIdentifier"] == "CARNET0001"
    assert document["serialNumber"] == face.serial
    assert document["sharingProhibited"] is True
    assert document["barcodes"] == [
        {
            "format": "PKBarcodeFormatQR",
            "message": "512345678901234400112233",
            "messageEncoding": "iso-8859-1",
            "altText": "12345678901234",
        }
    ]
    assert document["backgroundColor"] == "rgb(122, 31, 61)"
    assert document["webServiceURL"] == "https://cards.example/apple"
    assert "nfc" not in document
    assert "voided" not in document
    card = document["storeCard"]
    assert [field["value"] for field in card["headerFields"]] == ["Or"]
    assert [field["value"] for field in card["primaryFields"]] == ["1 250"]
    assert [field["value"] for field in card["secondaryFields"]] == [face.holder, face.next_tier]
    assert [field["value"] for field in card["auxiliaryFields"]] == ["21,75 €"]


def test_what_lies_ahead_is_told_in_front_in_few_words_as_the_strip_draws_it_and_the_rest_on_the_back(
    face: CardFace,
) -> None:
    both = replace(face, next_tier="250 more in 2026 for Gold", next_reward="2 more for Coffee")
    tier = replace(both, progress=FaceProgress(kind="tier", done=1, needed=2, label="250 more for Gold"))
    stamps = replace(both, progress=FaceProgress(kind="stamps", done=7, needed=9, label="2 more for Coffee"))

    fronts = [read(card)["storeCard"]["secondaryFields"][1] for card in (tier, stamps, both)]
    backs = [[f["key"] for f in read(card)["storeCard"]["backFields"]] for card in (tier, stamps, both)]

    assert fronts == [
        {"key": "progress", "label": "Next level", "value": "250 more for Gold"},
        {"key": "progress", "label": "Next reward", "value": "2 more for Coffee"},
        {"key": "next-tier", "label": "Next level", "value": "250 more in 2026 for Gold"},
    ]
    assert [[key for key in keys if key.startswith("next-")] for keys in backs] == [
        ["next-tier", "next-reward"],
        ["next-tier"],
        ["next-reward"],
    ]


def test_a_member_without_a_name_has_no_empty_field(face: CardFace) -> None:
    bare = replace(face, holder=" ", balances=(), tier=None, next_tier=None)

    card = read(bare)["storeCard"]

    assert [field["value"] for field in card["primaryFields"]] == [face.brand.program_name]
    assert card.keys() == {"primaryFields", "backFields"}
    assert [field["key"] for field in card["backFields"]].count("program") == 0


def test_the_members_own_places_stand_in_the_place_of_the_brands(face: CardFace) -> None:
    near = (FaceLocation(latitude=43.6, longitude=1.44, text="Votre carte pour Toulouse"),)

    own, brands, none = (read(card) for card in (replace(face, locations=near), face, replace(face, locations=())))

    assert own["locations"] == [{"latitude": 43.6, "longitude": 1.44, "relevantText": "Votre carte pour Toulouse"}]
    assert brands["locations"][0]["relevantText"] == "A coffee at Léa's?"
    assert "locations" not in none


NFC_KEY = "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACJSSx/wk8yJFezle8j14BEN5cso4ZvvyfJBLWLKX4Yro="


def test_nfc_stands_in_the_pass_only_where_the_certificate_allows_it(face: CardFace) -> None:
    card = replace(face, nfc=FaceNfc(message=face.static_code, public_key=NFC_KEY))

    plain, allowed = (
        json.loads(pass_json(card, pass_type_id="pass.example.carnet", team_id="CARNET0001", nfc_allowed=may))
        for may in (False, True)
    )

    assert "nfc" not in plain
    assert allowed["nfc"] == {
        "message": face.static_code,
        "encryptionPublicKey": NFC_KEY,
        "requiresAuthentication": False,
    }


@pytest.mark.parametrize(
    ("message", "key", "field"),
    [
        ("5" * 65, NFC_KEY, "nfc.message"),
        ("é" * 33, NFC_KEY, "nfc.message"),
        ("", NFC_KEY, "nfc.message"),
        ("5", "", "nfc.encryptionPublicKey"),
        ("5", "not base64!", "nfc.encryptionPublicKey"),
        ("5", NFC_KEY[:-8] + "AAA=", "nfc.encryptionPublicKey"),
        # The same key, uncompressed: readers expect it compressed.
        ("5", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + "A" * 86 + "==", "nfc.encryptionPublicKey"),
    ],
)
def test_nfc_that_readers_would_not_take_is_refused_by_field(
    face: CardFace, message: str, key: str, field: str
) -> None:
    card = replace(face, nfc=FaceNfc(message=message, public_key=key))

    with pytest.raises(PassRefused) as refused:
        pass_json(card, pass_type_id="pass.example.carnet", team_id="CARNET0001", nfc_allowed=True)

    assert refused.value.field == field


def test_points_tier_and_promotions_announce_themselves(face: CardFace) -> None:
    announced = {field["key"]: field["changeMessage"] for field in fields(read(face)) if "changeMessage" in field}

    assert announced == {
        "tier": "Your level is now %@",
        "balance-beans": "Beans: %@",
        "balance-cash": "Cash back: %@",
        "promotion": "%@",
    }


def test_a_message_comes_to_the_lock_screen_and_goes_in_silence_and_earlier_ones_stand_below_it(face: CardFace) -> None:
    told = replace(face, message="Summer\nIt\u202e is\0 here,\u00a0Zoé!", earlier_messages=("Spring", "Winter"))

    before, while_on, after = ({field["key"]: field for field in fields(read(each))} for each in (face, told, face))

    nothing = {"key": "message", "label": "Latest message", "value": "Nothing at the moment"}
    assert [before["message"], after["message"]] == [nothing, nothing]
    assert while_on["message"] == nothing | {"value": "Summer\nIt is here,\u00a0Zoé!", "changeMessage": "%@"}
    assert while_on["earlier-messages"] == {
        "key": "earlier-messages",
        "label": "Earlier messages",
        "value": "Spring\n\nWinter",
    }


def test_a_unit_with_a_per_cent_sign_is_announced_without_its_name(face: CardFace) -> None:
    odd = FaceBalance(unit="x", label="5% back", amount="12", raw=12)

    (balance,) = read(replace(face, balances=(odd,)))["storeCard"]["primaryFields"]

    assert balance["changeMessage"] == "%@"


def test_a_program_without_units_shows_the_holder_large(face: CardFace) -> None:
    card = read(replace(face, balances=(), tier=None, next_tier=None))["storeCard"]

    assert [field["value"] for field in card["primaryFields"]] == [face.holder]
    assert "headerFields" not in card
    assert "secondaryFields" not in card


def test_six_units_fit_since_those_beyond_three_go_to_the_back(face: CardFace) -> None:
    units = tuple(FaceBalance(unit=f"u{i}", label=f"Unit {i}", amount=str(i), raw=i) for i in range(6))

    card = read(replace(face, balances=units))["storeCard"]

    back = [field["key"] for field in card["backFields"]]
    assert [field["value"] for field in card["auxiliaryFields"]] == ["1", "2"]
    assert [key for key in back if key.startswith("balance")] == [
        "balance-u3",
        "balance-u4",
        "balance-u5",
    ]


def test_the_day_of_joining_is_the_same_day_in_every_time_zone(face: CardFace) -> None:
    document = read(replace(face, member_since=date(987, 3, 1)))

    (since,) = [field for field in fields(document) if field["key"] == "member-since"]
    assert since["value"] == "0987-03-01T00:00:00Z"
    assert since["ignoresTimeZone"] is True


def test_an_expiry_is_written_in_utc_and_a_voided_card_says_so(face: CardFace) -> None:
    noon = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    document = read(replace(face, expires_at=noon, voided=True))

    assert document["expirationDate"] == "2027-01-01T10:00:00Z"
    assert document["voided"] is True


def test_a_link_says_where_it_leads_and_cannot_break_out_of_its_anchor(face: CardFace) -> None:
    links = (
        FaceLink(label='</a><script>"', url="https://lea.example/menu/?a=1&b=2"),
        FaceLink(label="Write to us", url="mailto:lea@lea.example"),
        FaceLink(label="Call us", url="tel:+33100000000"),
    )

    document = read(replace(face, brand=replace(face.brand, links=links)))

    back = [field for field in fields(document) if field["key"].startswith("link-")]
    assert [field["label"] for field in back] == [link.label for link in links]
    assert [field["attributedValue"] for field in back] == [
        '<a href="https://lea.example/menu/?a=1&amp;b=2">lea.example/menu</a>',
        '<a href="mailto:lea@lea.example">lea@lea.example</a>',
        '<a href="tel:+33100000000">+33100000000</a>',
    ]


@pytest.mark.parametrize(
    "name",
    [
        'Bob "the \\ Builder"',
        "O'Brien; DROP TABLE",
        "👩‍👩‍👧‍👦 Zoë 🇫🇷",
        "محمد بن سلمان",
        "מֹשֶׁה כהן",
        "<b>bob</b>",
        "b" * 60,
    ],
)
def test_names_in_any_script_are_shown_as_they_are(face: CardFace, name: str) -> None:
    document = read(replace(face, holder=name))

    assert document["storeCard"]["secondaryFields"][0]["value"] == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bob\0", "bob"),
        ("bo\0b", "bo b"),
        ("\x1b[31mbob\x9b\x7f", "[31mbob"),
        ("half \ud83d", "half"),
        ("line\nbreak\u2028 and\ttab", "line break and tab"),
        ("\u202etxet tfel-ot-thgir\u202c", "txet tfel-ot-thgir"),
        ("\u2066bob\u2069 \u202bCarol", "bob Carol"),
        ("  bob  ", "bob"),
        ("b" * 61, "b" * 59 + "…"),
        ("b" * 300, "b" * 59 + "…"),
        ("b" * 5_000, "b" * 59 + "…"),
        ("ab " * 100, ("ab " * 20)[:59].rstrip() + "…"),
        # No family is torn apart, no flag halved into another one, no letter robbed of its accent, no hand of its tone.
        ("b" * 57 + "👩‍👩‍👧‍👦" * 5, "b" * 57 + "…"),
        ("b" * 58 + "🇫🇷🇩🇪", "b" * 58 + "…"),
        ("b" * 57 + "🇫🇷🇩🇪", "b" * 57 + "🇫🇷…"),
        ("b" * 58 + "e\N{COMBINING ACUTE ACCENT}" * 9, "b" * 58 + "…"),
        ("b" * 58 + "👋🏽" * 9, "b" * 58 + "…"),
        ("a" + "\N{COMBINING ACUTE ACCENT}" * 299, "…"),
    ],
)
def test_a_name_that_is_long_or_holds_what_a_pass_cannot_show_is_cleaned_not_refused(
    face: CardFace, name: str, shown: str
) -> None:
    document = read(replace(face, holder=name))

    assert document["storeCard"]["secondaryFields"][0]["value"] == shown


@pytest.mark.parametrize("text", ["news\0", "\x1b[31mnews", "news\x7f", "half \ud83d", "b" * 4_001])
def test_a_brands_texts_that_break_readers_are_refused(face: CardFace, text: str) -> None:
    with pytest.raises(PassRefused) as refused:
        read(replace(face, promotion=text))

    assert refused.value.field == "storeCard.backFields[1].value"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"serial": ""}, "serialNumber"),
        ({"static_code": ""}, "barcodes[0].message"),
        ({"static_code": "５０"}, "barcodes[0].message"),
        ({"web_service_url": None}, "webServiceURL"),
        ({"authentication_token": None}, "authenticationToken"),
        ({"authentication_token": "x" * 15}, "authenticationToken"),
        ({"web_service_url": "http://cards.example"}, "webServiceURL"),
        ({"expires_at": datetime(2027, 1, 1)}, "expirationDate"),
    ],
)
def test_a_card_that_wallet_would_refuse_is_refused_by_field(
    face: CardFace, change: dict[str, object], field: str
) -> None:
    broken = replace(face, **change)  # type: ignore[arg-type]  # one table for many types

    with pytest.raises(PassRefused) as refused:
        read(broken)

    assert refused.value.field == field


def test_two_balances_of_one_unit_are_refused(face: CardFace) -> None:
    twice = replace(face, balances=(face.balances[0], face.balances[0]))

    with pytest.raises(PassRefused, match="unique"):
        read(twice)


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "112233", "rgb(1, 2, 3)", "#1122334", "#112233\n"])
def test_colours_that_are_not_colours_are_refused(face: CardFace, colour: str) -> None:
    colours = replace(face.brand.colours, label=colour)

    with pytest.raises(PassRefused) as refused:
        read(replace(face, brand=replace(face.brand, colours=colours)))

    assert refused.value.field == "labelColor"


@pytest.mark.parametrize(
    ("colours", "field"),
    [
        (Colours(background="#ffffff", foreground="#eeeeee", label="#000000"), "foregroundColor"),
        (Colours(background="#1f2937", foreground="#ffffff", label="#374151"), "labelColor"),
    ],
)
def test_colours_that_cannot_be_told_apart_are_refused(face: CardFace, colours: Colours, field: str) -> None:
    with pytest.raises(PassRefused, match="contrast of 1") as refused:
        read(replace(face, brand=replace(face.brand, colours=colours)))

    assert refused.value.field == field


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://lea.example", 'https://x" onclick="', "https://", "https://[::1", ""]
)
def test_links_that_are_no_links_are_refused(face: CardFace, url: str) -> None:
    links = (FaceLink(label="Shop", url=url),)

    with pytest.raises(PassRefused) as refused:
        read(replace(face, brand=replace(face.brand, links=links)))

    assert refused.value.field == "links[0]"


@pytest.mark.parametrize(
    ("places", "field"),
    [
        ((FaceLocation(latitude=91, longitude=0, text="x"),), "locations[0].latitude"),
        ((FaceLocation(latitude=0, longitude=-180.1, text="x"),), "locations[0].longitude"),
        ((FaceLocation(latitude=float("nan"), longitude=0, text="x"),), "locations[0].latitude"),
        ((FaceLocation(latitude=0, longitude=0, text="x"),) * 11, "locations"),
    ],
)
def test_places_that_are_nowhere_or_too_many_are_refused(
    face: CardFace, places: tuple[FaceLocation, ...], field: str
) -> None:
    with pytest.raises(PassRefused) as refused:
        read(replace(face, brand=replace(face.brand, locations=places)))

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("pass_type_id", "team_id", "field"),
    [
        ("example.carnet", "CARNET0001", "passTypeIdentifier"),
        ("pass.example.carnet", "carnet", "teamIdentifier"),
    ],
)
def test_ids_that_apple_would_not_give_are_refused(face: CardFace, pass_type_id: str, team_id: str, field: str) -> None:
    with pytest.raises(PassRefused) as refused:
        pass_json(face, pass_type_id=pass_type_id, team_id=team_id)

    assert refused.value.field == field


def test_the_same_card_gives_the_same_bytes(face: CardFace) -> None:
    one = pass_json(face, pass_type_id="pass.example.carnet", team_id="CARNET0001")
    two = pass_json(replace(face), pass_type_id="pass.example.carnet", team_id="CARNET0001")

    assert one == two
