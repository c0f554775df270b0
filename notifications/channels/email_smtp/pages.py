"""A mail's two parts: plain text, and a page in the brand's colours that needs no picture to be read."""

from html import escape

from notifications.message import Brand, Message

_STOP = {"en": "Unsubscribe", "fr": "Se désinscrire"}
_NEUTRAL = Brand(name="", background="#1f2937", text="#ffffff", logo_url="", url="")


def text(message: Message) -> str:
    """The plain part: the body, and how to end such mails."""
    if message.unsubscribe_url is None:
        return message.body
    return f"{message.body}\n\n-- \n{_stop(message)}: {message.unsubscribe_url}\n"


def html(message: Message, language: str) -> str:
    """The page: the brand on top, the text, and how to end such mails. Styles stand in the tags, as mail programs want."""
    brand = message.brand or _NEUTRAL
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in message.body.splitlines() if line.strip())
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(message.title)}</title></head>"
        '<body style="margin:0;background:#f3f5f9;color:#1b1f2a;font-family:sans-serif;line-height:1.5">'
        '<div style="max-width:36rem;margin:0 auto;background:#ffffff">'
        f'{_head(brand)}<div style="padding:1.25rem"><h1 style="font-size:1.35rem">{escape(message.title)}</h1>'
        f"{paragraphs}</div>{_foot(message)}</div></body></html>\n"
    )


def _head(brand: Brand) -> str:
    if not brand.name:
        return ""
    logo = (
        f'<img src="{escape(brand.logo_url)}" alt="" height="40" style="vertical-align:middle;margin-right:.75rem">'
        if brand.logo_url
        else ""
    )
    style = f"color:{escape(brand.text)};text-decoration:none;font-weight:bold"
    return (
        f'<div style="background:{escape(brand.background)};padding:1rem 1.25rem">'
        f'<a href="{escape(brand.url)}" style="{style}">{logo}{escape(brand.name)}</a></div>'
    )


def _foot(message: Message) -> str:
    if message.unsubscribe_url is None:
        return ""
    return (
        '<p style="padding:0 1.25rem 1.25rem;font-size:.85rem">'
        f'<a href="{escape(message.unsubscribe_url)}" style="color:#565d6d">{_stop(message)}</a></p>'
    )


def _stop(message: Message) -> str:
    return _STOP.get(message.locale.replace("_", "-").split("-")[0].lower(), _STOP["en"])
