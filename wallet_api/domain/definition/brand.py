"""How the card looks, and what messages say."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Colours:
    """The card's colours as `#rrggbb`."""

    background: str = "#1f2937"
    text: str = "#ffffff"
    label: str = "#d1d5db"


@dataclass(frozen=True, kw_only=True)
class Brand:
    """How the card looks: name, colours, and a PNG logo (its bytes) or none."""

    name: str
    colours: Colours = field(default_factory=Colours)
    logo: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class MessageText:
    """The title and body of one kind of message in one language, with `{placeholders}`; no title means the default."""

    title: str | None
    body: str
