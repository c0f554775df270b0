"""The pass certificate: read and checked once, then signs every pass."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from passes.apple.cms import Identity, sign_detached
from passes.errors import PassRefused

# Apple writes the pass type id into its pass certificates under this number.
PASS_TYPE_OID: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.1.16")
RSA_BITS_MIN: Final = 2048
_STRING_TAGS: Final = (b"\x0c", b"\x13", b"\x16")  # UTF8String, PrintableString, IA5String


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs manifests with one pass certificate; safe to share between threads."""

    pass_type_id: str
    team_id: str
    expires_at: datetime
    identity: Identity = field(repr=False)

    @classmethod
    def load(
        cls,
        *,
        cert_pem: bytes,
        key_pem: bytes,
        password: bytes | None,
        wwdr_pem: bytes,
        now: datetime,
        pass_type_id: str | None = None,
        team_id: str | None = None,
    ) -> "Signer":
        """Read key and certificates (PEM; certificates in DER too) and check that they fit.

        `pass_type_id` and `team_id`, when given, must be the certificate's own. Raises
        `PassRefused`, naming the part at fault. Costs 50 ms: once at start, not once a pass.
        """
        certificate = read_certificate(cert_pem, name="pass certificate")
        intermediate = read_certificate(wwdr_pem, name="WWDR certificate")
        key = _key(key_pem, password)
        if key.public_key() != certificate.public_key():
            raise PassRefused("private key", "belongs to another certificate")
        _check_issued(certificate, intermediate)
        check_period(intermediate, name="WWDR certificate", now=now)
        signer = cls(
            pass_type_id=_named(certificate, NameOID.USER_ID, "UID"),
            team_id=_named(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME, "OU"),
            expires_at=certificate.not_valid_after_utc,
            identity=Identity.of(key, certificate, intermediate),
        )
        check_period(certificate, name="pass certificate", now=now)
        if apple_pass_type(certificate) != signer.pass_type_id:
            raise PassRefused("pass certificate", "is not for passes: Apple's mark is missing")
        _check_wish("pass type id", wish=pass_type_id, own=signer.pass_type_id)
        _check_wish("team id", wish=team_id, own=signer.team_id)
        return signer

    def sign(self, manifest: bytes, *, now: datetime) -> bytes:
        """Return the detached signature (CMS, DER) over a manifest, signed at `now`.

        Raises `PassRefused` once a certificate has expired: Wallet would refuse the pass.
        """
        check_period(self.identity.certificate, name="pass certificate", now=now)
        check_period(self.identity.intermediate, name="WWDR certificate", now=now)
        return sign_detached(manifest, identity=self.identity, now=now)


def read_certificate(data: bytes, *, name: str) -> x509.Certificate:
    """Read a certificate in PEM, or in DER as Apple offers its own for download."""
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise PassRefused(name, "cannot be read as PEM or DER") from error


def check_period(certificate: x509.Certificate, *, name: str, now: datetime) -> None:
    """Raise `PassRefused` for a certificate that is not valid now."""
    if now < certificate.not_valid_before_utc:
        raise PassRefused(name, f"is valid from {certificate.not_valid_before_utc:%Y-%m-%d} only")
    if now > certificate.not_valid_after_utc:
        raise PassRefused(name, f"has expired on {certificate.not_valid_after_utc:%Y-%m-%d}")


def subject_values(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    """Return what a certificate's subject says under one attribute."""
    return [str(part.value) for part in certificate.subject.get_attributes_for_oid(oid)]


def apple_pass_type(certificate: x509.Certificate) -> str | None:
    """Return the pass type id in Apple's own extension, if there is one.

    Apple does not say which of ASN.1's kinds of string it uses, so each is taken.
    """
    try:
        extension = certificate.extensions.get_extension_for_oid(PASS_TYPE_OID).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    if not isinstance(extension, x509.UnrecognizedExtension):
        return None
    try:
        text = asn1.decode_der(asn1.TLV, extension.value)
        return bytes(text.data).decode("ascii") if text.tag_bytes in _STRING_TAGS else None
    except ValueError:
        return None


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether a certificate names this issuer, is signed by it, and may have been."""
    try:
        certificate.verify_directly_issued_by(issuer)
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return constraints.ca


def _key(pem: bytes, password: bytes | None) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The cause may quote the key's encoding, so it is not repeated.
        raise PassRefused("private key", "cannot be read: no PEM key, or a wrong password") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < RSA_BITS_MIN:
        raise PassRefused("private key", f"is not RSA with at least {RSA_BITS_MIN} bits")
    return key


def _check_issued(certificate: x509.Certificate, intermediate: x509.Certificate) -> None:
    if not is_issued_by(certificate, intermediate):
        raise PassRefused("WWDR certificate", "did not issue the pass certificate; Apple has several")


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier, what: str) -> str:
    values = subject_values(certificate, oid)
    if len(values) != 1:
        raise PassRefused("pass certificate", f"does not have one {what} in its subject")
    return values[0]


def _check_wish(name: str, *, wish: str | None, own: str) -> None:
    if wish is not None and wish != own:
        raise PassRefused(name, f"is {wish}, but the pass certificate is for {own}")
