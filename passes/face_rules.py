"""What every wallet asks of a face: colours that can be told apart, links that are links, clean text."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import orjson

from passes.contrast import LEAST_CONTRAST, contrast
from passes.errors import PassRefused
from passes.face import Colours

TEXT_CHARACTERS_MAX: Final = 4_000
NAME_CHARACTERS_MAX: Final = 60
# Tab and line breaks are fit; the rest of C0, DEL and lone surrogates break JSON or its readers.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FIT_ESCAPES: Final = {b"n", b"t", b'"'}
# Embeddings, overrides and isolates: a name in any script is shown right without them, and with them one name can
# look like another, or turn round what stands beside it.
_NO_PART_OF_A_NAME: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_JOINS_BOTH_SIDES: Final = "\N{ZERO WIDTH JOINER}"
_FLAG_LETTERS: Final = re.compile("[\N{REGIONAL INDICATOR SYMBOL LETTER A}-\N{REGIONAL INDICATOR SYMBOL LETTER Z}]+$")
_ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"


def rgb(colour: str, *, field: str) -> tuple[int, int, int]:
    """Read `#rrggbb`; raises `PassRefused` with the field's name for anything else."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise PassRefused(field, f"{colour[:20]!r} is not of the form #rrggbb")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def check_contrast(colours: Colours) -> None:
    """Raise `PassRefused` for a text that can hardly be read on its ground (WCAG 2.2: large text, graphics).

    It is refused, not mended: which of the two colours is the brand's is not ours to say.
    """
    rgb(colours.background, field="backgroundColor")
    for field, colour in (("foregroundColor", colours.foreground), ("labelColor", colours.label)):
        rgb(colour, field=field)
        if (ratio := contrast(colours.background, colour)) < LEAST_CONTRAST:
            ground = f"{colour} on {colours.background} has a contrast of {ratio:.1f}"
            raise PassRefused(field, f"{ground}; it takes {LEAST_CONTRAST:g} to be read")


def link_url(url: str, *, field: str) -> str:
    """Return an address that a pass may lead to: https, mailto or tel; else `PassRefused`."""
    if not re.fullmatch(r"(https://|mailto:|tel:)[^\s<>\"'\[\]]+", url):
        raise PassRefused(field, "is not an https, mailto or tel address")
    return url


def shown_name(name: str, *, most: int = NAME_CHARACTERS_MAX) -> str:
    """Return a person's name as a pass shows it: on one line, cleaned, and cut with an ellipsis where it is long.

    A name comes from whoever joins, and must not keep its owner from having a card: what is unfit for a pass (NUL and
    other control characters) or misleads its reader (marks that turn the direction of text) is left out.
    """
    return _shortened(" ".join(_NO_PART_OF_A_NAME.sub(" ", name).split()), most=most)


def shown_text(text: str, *, most: int = TEXT_CHARACTERS_MAX) -> str:
    """Return a message as a pass shows it: cleaned and cut as a name is, since names stand in it; its lines are kept."""
    return _shortened("\n".join(_NO_PART_OF_A_NAME.sub("", line) for line in text.splitlines()).strip(), most=most)


def text_fault(text: str) -> str | None:
    """Say what makes a text unfit for a pass, or None."""
    if _UNFIT.search(text):
        return "holds a control character, or half a character (a lone surrogate)"
    if len(text) > TEXT_CHARACTERS_MAX:
        return f"is longer than {TEXT_CHARACTERS_MAX} characters"
    return None


def text_faults(document: object) -> Iterator[tuple[str, str]]:
    """Find unfit texts at any depth of a JSON value: the field's path, and what is wrong.

    Walks with a list of its own: a document nested deep on purpose must not end the process.
    """
    if _is_clean(document):
        return
    todo: list[tuple[str, object]] = [("", document)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            dot = "." if path else ""
            todo += [(f"{path}{dot}{key}", part) for key, part in value.items()]
        elif isinstance(value, list):
            todo += [(f"{path}[{index}]", part) for index, part in enumerate(value)]
        elif isinstance(value, str) and (what := text_fault(value)):
            yield path, what


def _is_clean(document: object) -> bool:
    """Tell of most documents that no text in them is unfit, in a tenth of the time of a walk: their JSON shows it.

    Unfit characters stand in it as escapes, or as DEL; half a character cannot be written. What is in doubt, such as a
    backslash that is text, is left to the walk.
    """
    try:
        data = orjson.dumps(document)
    except TypeError:
        return False
    escapes = {part[:1] for part in data.split(b"\\")[1:]}
    return len(data) <= TEXT_CHARACTERS_MAX and b"\x7f" not in data and escapes <= _FIT_ESCAPES


def _shortened(text: str, *, most: int) -> str:
    return text if len(text) <= most else _cut(text[: most - 1], following=text[most - 1]) + _ELLIPSIS


def _cut(text: str, *, following: str) -> str:
    """Shorten a text further until it does not end within one visible character: a family, a flag, a letter's accent."""
    while text and (_continues(following) or text[-1] == _JOINS_BOTH_SIDES):
        following, text = text[-1], text[:-1]
    flags = _FLAG_LETTERS.search(text)
    if flags and len(flags[0]) % 2 and _FLAG_LETTERS.search(following):
        text = text[:-1]
    return text.rstrip()


def _continues(character: str) -> bool:
    """Tell whether this belongs to the character before it: a mark, a joiner, a skin's tone."""
    is_mark = unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}
    return is_mark or "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}" <= character <= "\N{EMOJI MODIFIER FITZPATRICK TYPE-6}"
