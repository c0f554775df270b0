"""The "Add to Google Wallet" link: a signed token that names an object made before."""

from datetime import datetime
from typing import Final

from google.auth import jwt
from google.oauth2.service_account import Credentials

from passes.errors import PassRefused

SAVE_URL: Final = "https://pay.google.com/gp/v/save/"
# Longer links are cut by some browsers and messengers, says Google.
LINK_CHARACTERS_MAX: Final = 1_800


def save_link(object_id: str, class_id: str, *, credentials: Credentials, now: datetime) -> str:
    """Return the link that saves an object; it carries ids only.

    Anyone who holds the link can read its token, so the object, with the key of its rotating
    code, is made over REST before. Raises `PassRefused` at 1,800 characters.
    """
    claims = {
        "iss": credentials.signer_email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(now.timestamp()),
        "origins": [],
        "payload": {"loyaltyObjects": [{"id": object_id, "classId": class_id}]},
    }
    token: bytes = jwt.encode(  # type: ignore[no-untyped-call]  # google-auth leaves it untyped
        credentials.signer, claims
    )
    link = SAVE_URL + token.decode()
    if len(link) >= LINK_CHARACTERS_MAX:
        raise PassRefused("save link", f"is not shorter than {LINK_CHARACTERS_MAX} characters")
    return link
