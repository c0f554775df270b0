"""A service account that looks like Google's but is not: Google's objects can be made with it, and sent to nobody."""

import json
import secrets
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# Google's issuer numbers begin with 3388.
ISSUER_ID: Final = "1000000000000000000"
_MARK: Final = "carnet-development-not-google"


def development_account() -> bytes:
    """Make a service account's file (JSON) with a new key; its addresses end with .invalid, so that nothing leads there."""
    key = rsa.generate_private_key(65537, 2048)
    facts = {
        "type": "service_account",
        "project_id": _MARK,
        "private_key_id": secrets.token_hex(20),
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": f"wallet@{_MARK}.invalid",
        "token_uri": f"https://{_MARK}.invalid/token",
    }
    return json.dumps(facts, indent=2).encode()
