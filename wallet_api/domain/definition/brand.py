"""How the card looks, and what messages say."""

from __future__ import annotations

from dataclasses import dataclass, field

from wallet_api.domain.definition.basics import Localised


@dataclass(frozen=True, kw_only=True)
class Colours:
    """The card's colours as `#rrggbb`."""

    background: str = "#1f2937"
    text: str = "#ffffff"
    label: str = "#d1d5db"


@dataclass(frozen=True, kw_only=True)
class BrandLink:
    """A link on the back of the wallet pass: what it leads to, and its https, mailto or tel address."""

    name: Localised
    url: str


@dataclass(frozen=True, kw_only=True)
class Brand:
    """How the card looks: name, colours, a PNG logo (its bytes) or none, and links."""

    name: str
    colours: Colours = field(default_factory=Colours)
    logo: bytes | None = None
    links: tuple[BrandLink, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MessageText:
    """The title and body of one kind of message in one language, with `{placeholders}`; no title means the default."""

    title: str | None
    body: str
