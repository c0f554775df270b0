"""How a page looks: what stands out from its background, what runs out of its box."""

from __future__ import annotations

from playwright.sync_api import Page

READABLE_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3

# Each text's colour beside the nearest painted background: [text, contrast].
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(element).backgroundColor);
      if (alpha === 1) return [r, g, b];
      if (alpha > 0) throw new Error("a half-transparent background cannot be judged");
    }
    return [255, 255, 255];
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || element.closest("script, style, noscript") || !element.checkVisibility()) continue;
    const [high, low] = [numbers(getComputedStyle(element).color), ground(element)].map(luminance).sort((a, b) => b - a);
    found.push([text, (high + 0.05) / (low + 0.05)]);
  }
  return found;
}"""

# Elements whose text runs out of their own box, which the page's width does not show.
SPILLING = """() => [...document.querySelectorAll("dd, td, p, li, h1, h2, button, a")]
  .filter((e) => e.checkVisibility() && !e.closest(".hidden") && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
  .map((e) => e.textContent.trim().slice(0, 40))"""


def widths(page: Page) -> tuple[int, int]:
    """How wide the page is, and how much of it is seen."""
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return int(wide), int(seen)
