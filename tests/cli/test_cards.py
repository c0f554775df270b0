"""`carnet card print`."""

from __future__ import annotations

from pathlib import Path

from pypdfium2 import PdfDocument  # type: ignore[import-untyped]  # it ships no types

from tests.cli.conftest import Carnet
from tests.shop import Shop
from wallet_api.store import cards, sql


def test_cards_are_printed_into_a_file(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    bob, out = shop.join("bob"), tmp_path / "cards.pdf"
    with shop.app.db.read() as tx:
        card = cards.of_member(tx, bob)
    assert card is not None
    words = ["card", "print", "--program", shop.program, "--member", "alice@example.org", "--layout", "cards"]

    result = carnet(*words, "--members-from", "-", "--out", out, stdin=f"\n {card.number}\n\n")

    assert (result.exit_code, result.stdout) == (0, f"2 cards printed into {out}.\n")
    assert ["Alice" in text for text in _texts(out)] == [True, False]
    assert ["Bob" in text for text in _texts(out)] == [False, True]


def test_names_may_stay_away(carnet: Carnet, shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "cards.pdf"

    result = carnet(*_for_alice(shop, out), "--without-names")

    assert result.exit_code == 0
    assert ["Alice" in text for text in _texts(out)] == [False]


def test_nobody_too_many_and_strangers_are_refused_and_nothing_is_written(
    carnet: Carnet, shop: Shop, tmp_path: Path
) -> None:
    out = tmp_path / "cards.pdf"
    to = ["card", "print", "--program", shop.program, "--out", out]

    nobody, many = carnet(*to), carnet(*to, "--members-from", "-", stdin="alice@example.org\n" * 201)
    stranger = carnet(*to, "--member", "zoe@example.org")
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET status = 'blocked'")
    blocked = carnet(*_for_alice(shop, out))

    assert nobody.exit_code == 2
    assert many.stderr == "Error: 201 cards are too many for one file. Print 200 at a time.\n"
    assert stranger.stderr.startswith("Error: No member is known as zoe@example.org.")
    assert blocked.stderr == f"Error: There is no active card of member {shop.alice}.\n"
    assert [result.exit_code for result in (many, stranger, blocked)] == [1, 1, 1]
    assert not out.exists()


def _for_alice(shop: Shop, out: Path) -> list[object]:
    return ["card", "print", "--program", shop.program, "--member", "alice@example.org", "--out", out]


def _texts(path: Path) -> list[str]:
    return [page.get_textpage().get_text_range() for page in PdfDocument(path)]
