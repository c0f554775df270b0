import inspect
from dataclasses import replace

from passes import texts
from passes.face import BrandFace, Translation


def test_every_text_of_ours_has_its_french(brand: BrandFace) -> None:
    constants = (value for name, value in inspect.getmembers(texts) if name.isupper())
    ours = [value for value in constants if isinstance(value, str)]

    french = texts.texts_in("fr", brand=brand)
    english = texts.texts_in("en", brand=brand)

    assert "Card number" in ours
    for text in ours:
        assert english[text] == text
        assert french[text] not in ("", text)
        assert french[text].count("%@") == text.count("%@")


def test_a_brands_own_word_wins_over_ours(brand: BrandFace) -> None:
    own = replace(brand, translations=(Translation(text="Level", language="fr", says="Cercle"),))

    assert texts.texts_in("fr", brand=own)["Level"] == "Cercle"
    assert texts.texts_in("en", brand=own)["Level"] == "Level"


def test_a_label_with_a_per_cent_sign_stays_out_of_the_lock_screens_text() -> None:
    assert texts.balance_changed("Points") == "Points: %@"
    assert texts.balance_changed("5% back") == "%@"
    assert texts.balance_changed("Grains", language="fr") == "Grains\N{NO-BREAK SPACE}: %@"


def test_a_unit_whose_name_has_a_per_cent_sign_does_not_speak_for_promotions(brand: BrandFace) -> None:
    """Both say `%@` only: what French makes of the one, it would make of the other."""
    own = replace(brand, translations=(Translation(text="5% back", language="fr", says="Remise"),))

    french = texts.texts_in("fr", brand=own)

    assert "%@" not in french
    assert french["5% back"] == "Remise"


def test_what_the_lock_screen_says_is_right_for_one_and_for_many(brand: BrandFace) -> None:
    own = replace(brand, translations=(Translation(text="points", language="fr", says="points de fidélité"),))

    said = texts.texts_in("fr", brand=own)[texts.balance_changed("points")]

    assert said.replace("%@", "1") == "points de fidélité\N{NO-BREAK SPACE}: 1"
