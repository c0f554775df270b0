"""How well two colours can be told apart, after WCAG 2.2."""

from typing import Final

LEAST_CONTRAST: Final = 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11: large text and graphics."""


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two `#rrggbb` colours: 1 (the same) to 21 (black on white)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in bytes.fromhex(colour[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
