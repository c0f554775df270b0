"""NFC: whether a pass certificate may sign passes that readers hear, and what such a pass says."""

from functools import lru_cache
from typing import Final

from cryptography import x509

# Certificates that Apple gave its leave for NFC carry this extension (and "Pass Type ID with NFC" in their name). Apple
# does not document it; makers of passes have read it off such certificates.
NFC_OID: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.1.26")


@lru_cache(maxsize=8)
def allows_nfc(certificate: x509.Certificate) -> bool:
    """Tell whether Wallet takes `nfc` from this certificate; from any other it refuses the whole pass."""
    try:
        certificate.extensions.get_extension_for_oid(NFC_OID)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return True
