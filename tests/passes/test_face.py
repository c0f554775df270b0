from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from passes.face import CardFace, FaceLocation, FaceNfc, FaceProgress, FaceTier


def test_the_same_face_has_the_same_fingerprint(face: CardFace) -> None:
    again = replace(face, brand=replace(face.brand))

    assert again.fingerprint() == face.fingerprint()
    assert len(face.fingerprint()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"holder": "Alice Durand"},
        {"tier": FaceTier(id="platinum", name="Platine")},
        {"tier": None},
        {"balances": ()},
        {"rewards": ()},
        {"promotion": None},
        {"message": "Summer is here"},
        {"earlier_messages": ("Spring is here",)},
        {"voided": True},
        {"expires_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"next_reward": "2 more for Coffee"},
        {"progress": FaceProgress(kind="tier", done=1, needed=2, label="")},
        {"locations": (FaceLocation(latitude=1, longitude=2, text="x"),)},
        {"nfc": FaceNfc(message="5", public_key="x")},
        {"static_code": "512345678901234499999999"},
        {"web_service_url": "https://new.example/apple"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_shown_changes_the_fingerprint(face: CardFace, change: dict[str, object]) -> None:
    changed = replace(face, **change)  # type: ignore[arg-type]  # one table for many types

    assert changed.fingerprint() != face.fingerprint()


def test_a_new_logo_or_colour_changes_the_fingerprint(face: CardFace) -> None:
    brand = face.brand
    colours = replace(brand.colours, label="#000000")

    prints = {
        face.fingerprint(),
        replace(face, brand=replace(brand, logo=b"one")).fingerprint(),
        replace(face, brand=replace(brand, logo=b"two")).fingerprint(),
        replace(face, brand=replace(brand, colours=colours)).fingerprint(),
    }

    assert len(prints) == 4


def test_the_token_is_not_shown_so_it_changes_nothing(face: CardFace) -> None:
    other = replace(face, authentication_token="another-token-of-enough-length")

    assert other.fingerprint() == face.fingerprint()


def test_two_lines_are_not_one_line_with_a_break(face: CardFace) -> None:
    two, one = replace(face, rewards=("a", "b")), replace(face, rewards=("a\nb",))

    assert two.fingerprint() != one.fingerprint()


def test_a_printed_face_keeps_its_secrets_and_its_holder(face: CardFace) -> None:
    printed = repr(face)

    assert face.serial in printed
    for secret in (face.authentication_token, face.static_code, face.rotating_prefix, face.holder):
        assert str(secret) not in printed


def test_the_same_moment_written_in_another_zone_changes_nothing(face: CardFace) -> None:
    moment = datetime(2027, 1, 1, 12, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=2)))

    here, there = replace(face, expires_at=moment), replace(face, expires_at=elsewhere)

    assert there.fingerprint() == here.fingerprint()
