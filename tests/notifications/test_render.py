from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.render import (
    MissingValue,
    Money,
    Override,
    Quantity,
    UnknownKind,
    Value,
    check_overrides,
    check_template,
    render,
)
from notifications.template import MalformedText
from notifications.texts import PLACEHOLDERS, TEXTS, Text

STARS = {"en": {"one": "star", "other": "stars"}, "fr": {"one": "étoile", "other": "étoiles"}}


def values(**changes: Value) -> dict[str, Value]:
    """A value for every placeholder that there is."""
    every: dict[str, Value] = {
        "program": "Chez Léa",
        "given_name": "Alice",
        "code": "042137",
        "minutes": 10,
        "points": 1_250,
        "balance": 3,
        "tier": "Or",
        "reward": "Café",
        "challenge": "Sept jours",
        "status": "paid",
        "missing": "3 achats",
        "items": "Thé, Café",
        "voucher": "K7QM-2XPT",
        "day": date(2026, 7, 14),
    }
    return every | changes


@pytest.mark.parametrize(
    ("locale", "points", "title"),
    [
        ("en", 1, "You earned 1 point"),
        ("en", 0, "You earned 0 points"),
        ("en", 1_250, "You earned 1,250 points"),
        ("fr", 0, "Vous gagnez 0\u00a0point"),  # French counts nothing in the singular
        ("fr", 1, "Vous gagnez 1\u00a0point"),
        ("fr", 2, "Vous gagnez 2\u00a0points"),
        ("fr", 1_250, "Vous gagnez 1\u202f250\u00a0points"),
        ("fr", 1_000_000, "Vous gagnez 1\u202f000\u202f000\u00a0points"),  # CLDR's "many", without a form here
        ("fr-CH", 1_250, "Vous gagnez 1\u202f250\u00a0points"),
        ("fr_CA", 1_250, "Vous gagnez 1\u00a0250\u00a0points"),
        ("de-DE", 1_250, "You earned 1,250 points"),  # English text, so English numbers
        ("en-IN", 125_000, "You earned 1,25,000 points"),
        ("tlh", 1, "You earned 1 point"),
        ("not a locale", 1, "You earned 1 point"),
        ("", 1, "You earned 1 point"),
    ],
)
def test_numbers_and_plurals_follow_the_reader(locale: str, points: int, title: str) -> None:
    text = render("points_earned", locale=locale, values=values(points=points))

    assert text.title == title


@pytest.mark.parametrize("kind", sorted(PLACEHOLDERS))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_kind_has_a_sound_text_in_every_language(kind: str, language: str) -> None:
    template = TEXTS[kind][language]

    text = render(kind, locale=language, values=values())

    assert check_template(template.title, kind) == []
    assert check_template(template.body, kind) == []
    assert not set("{}") & set(text.title + text.body)


@pytest.mark.parametrize("kind", sorted(PLACEHOLDERS))
def test_no_french_text_lets_a_mark_fall_on_the_next_line(kind: str) -> None:
    text = render(kind, locale="fr", values=values())

    for mark in ("!", "?", ";", ":"):
        assert f" {mark}" not in text.title + text.body


def test_french_marks_stand_behind_a_narrow_space() -> None:
    text = render(
        "welcome", locale="fr", values=values(), overrides={"welcome": {"fr": "Prêt ? Oui : « {program} » !"}}
    )

    assert text.title == "Bienvenue chez Chez Léa\u202f!"
    assert text.body == "Prêt\u202f? Oui\u00a0: «\u00a0Chez Léa\u00a0»\u202f!"


def test_typography_leaves_values_and_other_languages_alone() -> None:
    own: dict[str, Override] = {"welcome": {"fr": "{given_name}", "en": "Ready ?"}}

    french = render("welcome", locale="fr", values=values(given_name="A !"), overrides=own)
    english = render("welcome", locale="en", values=values(), overrides=own)

    assert french.body == "A !"
    assert english.body == "Ready ?"


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (10, "1 star", "1\u00a0étoile"),
        (15, "1.5 stars", "1,5\u00a0étoile"),
        (25, "2.5 stars", "2,5\u00a0étoiles"),
        (12_340, "1,234 stars", "1\u202f234\u00a0étoiles"),
    ],
)
def test_a_programs_unit_is_named_and_keeps_its_decimals(count: int, english: str, french: str) -> None:
    stars = Quantity(count=count, names=STARS, decimals=1)

    in_english = render("points_earned", locale="en", values=values(points=stars))
    in_french = render("points_earned", locale="fr", values=values(points=stars))

    assert in_english.title == f"You earned {english}"
    assert in_french.title == f"Vous gagnez {french}"


def test_money_and_dates_read_as_the_reader_writes_them() -> None:
    own: dict[str, Override] = {"points_earned": "{points} {balance}"}
    given_ = values(points=Money(minor=1_250, currency="EUR"), balance=date(2026, 7, 14))

    french = render("points_earned", locale="fr", values=given_, overrides=own)
    english = render("points_earned", locale="en-GB", values=given_, overrides=own)

    assert french.body == "12,50\u00a0€ 14 juillet 2026"
    assert english.body == "€12.50 14 July 2026"


@pytest.mark.parametrize(
    ("locale", "body"),
    [
        ("fr-CA", "Salut"),
        ("fr-FR", "Bonjour"),
        ("de-AT", "Grüezi"),
        ("it", "Hallo"),  # the program's first language, before English
        ("en-US", "Your card is ready. Show it each time you pay."),  # the reader's language before the program's
    ],
)
def test_a_text_is_looked_for_from_the_readers_locale_to_english(locale: str, body: str) -> None:
    own: dict[str, Override] = {
        "welcome": {
            "fr_CA": "Salut",
            "fr": {"title": "Bienvenue", "body": "Bonjour"},
            "de": "Hallo",
            "de-AT": "Grüezi",
        }
    }

    text = render("welcome", locale=locale, values=values(), overrides=own, languages=["de", "fr"])

    assert text.body == body


def test_without_a_text_in_the_programs_language_english_is_the_last_resort() -> None:
    text = render("welcome", locale="it", values=values(), languages=["de"])

    assert text.title == "Welcome to Chez Léa!"


@pytest.mark.parametrize(("locale", "title"), [("fr", "Bienvenue chez Chez Léa\u202f!"), ("de", "Chez Léa")])
def test_a_body_alone_takes_carnets_title_or_the_programs_name(locale: str, title: str) -> None:
    text = render("welcome", locale=locale, values=values(), overrides={"welcome": {"fr": "Bonjour", "de": "Hallo"}})

    assert text.title == title


@pytest.mark.parametrize("kind", ["tier_upgraded", "tier_downgraded"])
def test_one_text_for_tier_changes_covers_both_directions(kind: str) -> None:
    own: dict[str, Override] = {"tier_changed": {"fr": "Bienvenue chez {tier}, {given_name} !"}}

    text = render(kind, locale="fr", values=values(), overrides=own)

    assert text.body == "Bienvenue chez Or, Alice\u202f!"


def test_a_text_for_one_direction_goes_before_the_one_for_both() -> None:
    own: dict[str, Override] = {"tier_changed": "both", "tier_upgraded": "up"}

    assert render("tier_upgraded", locale="en", values=values(), overrides=own).body == "up"
    assert render("tier_downgraded", locale="en", values=values(), overrides=own).body == "both"


def test_a_value_is_never_read_as_a_template() -> None:
    text = render("welcome", locale="en", values=values(program="{code} {0} {{"))

    assert text.title == "Welcome to {code} {0} {{!"


def test_a_name_with_line_breaks_cannot_break_the_title() -> None:
    text = render("welcome", locale="en", values=values(program="Léa\r\nBcc: bob@example.test\x00"))

    assert text.title == "Welcome to Léa Bcc: bob@example.test !"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{balance}", "{balance} is unknown; welcome has {given_name}, {program}"),
        ("{Program}", "{Program} is unknown; welcome has {given_name}, {program}"),
        ("{program", "a brace stands alone; write {{ or }} to show one"),
        ("program}", "a brace stands alone; write {{ or }} to show one"),
        ("{program.name}", "{program.name} must be a plain name in braces"),
        ("{program[0]}", "{program[0]} must be a plain name in braces"),
        ("{program!r}", "{program} must be a plain name in braces"),
        ("{program:>9}", "{program} must be a plain name in braces"),
        ("{}", "{} must be a plain name in braces"),
        ("{0}", "{0} must be a plain name in braces"),
        (" ", "the text is empty"),
        ("x" * 1_001, "the text has more than 1000 characters"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_with_its_reason(text: str, problem: str) -> None:
    assert check_template(text, "welcome") == [problem]


def test_a_text_of_a_kind_that_there_is_not_is_refused() -> None:
    assert check_template("Hello", "birthdy") == ["there is no message of the kind birthdy"]


def test_a_programs_texts_are_checked_with_their_place() -> None:
    own: dict[str, Override] = {
        "welcome": {"fr": {"title": "{nom}", "body": "Bonjour"}, "francais": "Bonjour", "en": {"title": "Hi"}},
        "birthdy": "Hello",
        "points_earned": "{tier}",
        "tier_changed": {"en": "Welcome to {tier}, {given_name}!"},
    }

    problems = check_overrides(own)

    assert problems == [
        "welcome.fr.title: {nom} is unknown; welcome has {given_name}, {program}",
        "welcome.en.body: the text is missing",
        "welcome.francais: no language is written so",
        "birthdy: there is no message of this kind",
        "points_earned: {tier} is unknown; points_earned has {balance}, {given_name}, {points}, {program}",
    ]


@pytest.mark.parametrize(
    ("locale", "points", "body"),
    [
        ("en", 0, "Nothing yet"),
        ("en", 1, "1 point to go"),
        ("en", 1_250, "1,250 points to go"),
        ("fr", 0, "Rien encore"),
        ("fr", 1, "Encore 1 point"),
        ("fr", 1_250, "Encore 1\u202f250 points"),
        ("ru", 2, "ещё 2 балла"),
        ("ru", 5, "ещё 5 баллов"),
    ],
)
def test_a_plural_goes_by_the_language_of_its_text(locale: str, points: int, body: str) -> None:
    own: dict[str, Override] = {
        "points_earned": {
            "en": "{points, plural, =0 {Nothing yet} one {# point to go} other {# points to go}}",
            "fr": "{points, plural, =0 {Rien encore} one {Encore # point} other {Encore # points}}",
            "ru": "{points, plural, one {ещё # балл} few {ещё # балла} many {ещё # баллов} other {ещё # балла}}",
        }
    }

    text = render("points_earned", locale=locale, values=values(points=points), overrides=own)

    assert text.body == body


@pytest.mark.parametrize(
    ("own", "body"),
    [
        ("{points, number} for you", "1.5 for you"),
        ("{day, date, short} or {day, date}", "7/14/26 or July 14, 2026"),
        ("{points, plural, one {# star} other {{given_name} has {points}: #}}", "Alice has 1.5 stars: 1.5"),
        ("{{points}} {balance}", "{points} 3 points"),
        ("{points, plural, other {#}}#", "1.5#"),
        ("{given_name, select, Alice {you} other {them}}", "you"),
        ("{given_name, select, Bob {you} other {them}}", "them"),
    ],
)
def test_numbers_dates_and_choices_stand_as_icu_writes_them(own: str, body: str) -> None:
    stars = Quantity(count=15, names=STARS, decimals=1)
    texts: dict[str, Override] = {"points_expiring": own}

    # The text of another kind may use all of these.
    text = render("points_expiring", locale="en", values=values(points=stars), overrides=texts)

    assert text.body == body


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{points, plural, one {#}}", "{points, plural} has no text for other; every other case needs one"),
        ("{points, plural}", "{points, plural} has no texts; write {points, plural, other {…}}"),
        (
            "{points, plural, several {#} other {#}}",
            "several is no plural form; they are zero, one, two, few, many, other",
        ),
        ("{points, plural, other {#}", "{points, plural} does not end; a brace is missing"),
        ("{points, plural, other {#", "a brace stands alone; write {{ or }} to show one"),
        ("{points, currency}", "{points, currency} is unknown; it may be plural, select, number or date"),
        ("{points, date, iso}", "{points, date} may be written short, medium, long, full; not iso"),
        (
            "{points, plural, other {{stars}}}",
            "{stars} is unknown; points_earned has {balance}, {given_name}, {points}, {program}",
        ),
        ("{points, plural, other {" * 6 + "}}" * 6, "{points, plural} stands too deep in others; 4 is the most"),
    ],
)
def test_a_plural_that_cannot_be_used_is_refused_with_its_reason(text: str, problem: str) -> None:
    assert check_template(text, "points_earned") == [problem]


@given(text=st.lists(st.sampled_from(["{points", "{", "}", ", plural, ", "other {", "one {", "=1 {", "#", "{{", " x"])))
def test_no_text_breaks_the_check(text: list[str]) -> None:
    problems = check_template("".join(text), "points_earned")

    assert all(isinstance(problem, str) for problem in problems)


def test_rendering_without_a_value_that_the_text_uses_is_refused() -> None:
    with pytest.raises(MissingValue, match="balance"):
        render("points_earned", locale="en", values={"program": "Léa", "points": 1})


def test_rendering_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(UnknownKind, match="birthdy"):
        render("birthdy", locale="en", values=values())


@pytest.mark.parametrize("own", ["{program", {"en": {"title": "Hi"}}])
def test_rendering_an_unchecked_text_is_refused(own: Override) -> None:
    with pytest.raises(MalformedText):
        render("welcome", locale="en", values=values(), overrides={"welcome": own})


@given(text=st.lists(st.sampled_from(["{program}", "{given_name}", "{", "}", "{{", "}}", "!", " x"]), min_size=1))
def test_a_text_renders_as_python_would_format_it_or_is_refused_by_the_check(text: list[str]) -> None:
    template = "".join(text)
    own: dict[str, Override] = {"welcome": template}

    if check_template(template, "welcome"):
        return
    rendered = render("welcome", locale="en", values=values(), overrides=own)

    assert rendered.body == template.format(program="Chez Léa", given_name="Alice")


@given(locale=st.text(max_size=12) | st.sampled_from(["fr-FR", "fr_CA", "en-GB", "pt_BR", "zh-Hant-TW"]))
def test_any_locale_gets_a_text(locale: str) -> None:
    text = render("points_earned", locale=locale, values=values(points=1))

    assert isinstance(text, Text)
    assert "1" in text.title


def test_a_unit_without_the_readers_language_keeps_its_own_name() -> None:
    stars = Quantity(count=2, names={"en": {"one": "star", "other": "stars"}})

    text = render("points_earned", locale="fr", values=values(points=stars))

    assert text.title == "Vous gagnez 2\u00a0stars"
