"""The pass certificate: read and checked once, then signs every pass."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from passes.apple.cms import Identity, sign_detached
from passes.apple.nfc import allows_nfc
from passes.errors import PassRefused

# Apple writes the pass type id into its pass certificates under this number.
PASS_TYPE_OID: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.1.16")
RSA_BITS_MIN: Final = 2048
PASS_CERTIFICATE: Final = "pass certificate"
WWDR_CERTIFICATE: Final = "WWDR certificate"
DEVELOPMENT_MARK: Final = "Carnet development, not Apple"
_STRING_TAGS: Final = (b"\x0c", b"\x13", b"\x16")  # UTF8String, PrintableString, IA5String


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs manifests with one pass certificate, or with two in turn; safe to share between threads.

    While a certificate is replaced both are loaded: see `followed_by`. One is for development if it is from
    `passes.apple.development`: no iPhone takes what it signs. Wallet takes NFC only where Apple has allowed it.
    """

    pass_type_id: str
    team_id: str
    begins_at: datetime
    ends_at: datetime
    is_development: bool
    allows_nfc: bool
    identity: Identity = field(repr=False)
    successor: "Signer | None" = field(default=None, repr=False)

    @classmethod
    def load(
        cls,
        *,
        cert_pem: bytes,
        key_pem: bytes,
        password: bytes | None,
        wwdr_pem: bytes,
        pass_type_id: str | None = None,
        team_id: str | None = None,
    ) -> "Signer":
        """Read key and certificates (PEM; certificates in DER too) and check that they fit.

        `pass_type_id` and `team_id`, when given, must be the certificate's own. Raises `PassRefused`, naming the part
        at fault and saying what to do. Dates are not looked at: a certificate that has ended, or is to begin, is a right
        one, which `at` leaves out. Costs 50 ms: once at start, not once a pass.
        """
        certificate = read_certificate(cert_pem, name=PASS_CERTIFICATE)
        intermediate = read_certificate(wwdr_pem, name=WWDR_CERTIFICATE)
        key = _key(key_pem, password)
        if key.public_key() != certificate.public_key():
            raise PassRefused(
                "private key", "belongs to another certificate; name the key that its request was made with"
            )
        if not is_issued_by(certificate, intermediate):
            raise PassRefused(
                WWDR_CERTIFICATE, f"did not issue the pass certificate; Apple has several: get {_issuer(certificate)}"
            )
        signer = cls(
            pass_type_id=_named(certificate, NameOID.USER_ID, "UID"),
            team_id=_named(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME, "OU"),
            begins_at=max(certificate.not_valid_before_utc, intermediate.not_valid_before_utc),
            ends_at=min(certificate.not_valid_after_utc, intermediate.not_valid_after_utc),
            is_development=DEVELOPMENT_MARK in subject_values(certificate, NameOID.ORGANIZATION_NAME),
            allows_nfc=allows_nfc(certificate),
            identity=Identity.of(key, certificate, intermediate),
        )
        if apple_pass_type(certificate) != signer.pass_type_id:
            raise PassRefused(
                PASS_CERTIFICATE, "is not for passes: Apple's mark is missing; make one for a Pass Type ID at Apple"
            )
        _check_wish("pass type id", wish=pass_type_id, own=signer.pass_type_id)
        _check_wish("team id", wish=team_id, own=signer.team_id)
        return signer

    def followed_by(self, successor: "Signer") -> "Signer":
        """Return a signer that changes over to another certificate of the same pass type and team.

        Raises `PassRefused` for one of another type or team: passes in wallets could never be updated by it.
        """
        _check_wish("pass type id", wish=self.pass_type_id, own=successor.pass_type_id)
        _check_wish("team id", wish=self.team_id, own=successor.team_id)
        return replace(self, successor=successor)

    def at(self, now: datetime) -> "Signer | None":
        """Return the one that signs at a time, and that Apple's push service is to know us by; None if none can.

        Of two that are valid it is the younger: the older signs until then, and again should the younger end first.
        """
        if self.successor is None:  # the usual case, asked for each pass
            return self if self.begins_at <= now <= self.ends_at else None
        valid = [each for each in self._each() if each.begins_at <= now <= each.ends_at]
        return max(valid, key=lambda each: each.begins_at, default=None)

    def required_at(self, now: datetime) -> "Signer":
        """Return the one that signs at a time; raises `PassRefused` with the certificate at fault and its date."""
        if (signer := self.at(now)) is not None:
            return signer
        latest = max(self._each(), key=lambda each: each.ends_at)
        if latest.ends_at < now:
            raise PassRefused(latest.ends_first, f"has expired on {latest.ends_at:%Y-%m-%d}")
        raise PassRefused(PASS_CERTIFICATE, f"is valid from {latest.begins_at:%Y-%m-%d} only")

    def ends(self, now: datetime) -> tuple[datetime, str]:
        """Return until when signing goes on without a gap, and the name of the certificate that ends then.

        Where none can sign at this time it is the last end that there was, or now if all are still to begin.
        """
        if self.at(now) is None:
            past = [each for each in self._each() if each.ends_at < now]
            last = max(past, key=lambda each: each.ends_at, default=None)
            return (last.ends_at, last.ends_first) if last else (now, PASS_CERTIFICATE)
        end, name = now, PASS_CERTIFICATE
        for each in sorted(self._each(), key=lambda each: each.begins_at):
            if each.begins_at <= end < each.ends_at:
                end, name = each.ends_at, each.ends_first
        return end, name

    @property
    def ends_first(self) -> str:
        """Which certificate's end is the end of both."""
        is_leaf = self.ends_at == self.identity.certificate.not_valid_after_utc
        return PASS_CERTIFICATE if is_leaf else WWDR_CERTIFICATE

    def sign(self, manifest: bytes, *, now: datetime) -> bytes:
        """Return the detached signature (CMS, DER) over a manifest, signed at `now`; the same second, the same bytes.

        Raises `PassRefused` where no certificate is valid: Wallet would refuse the pass.
        """
        return sign_detached(manifest, identity=self.required_at(now).identity, now=now)

    def _each(self) -> "Iterator[Signer]":
        yield self
        if self.successor is not None:
            yield self.successor


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


def _issuer(certificate: x509.Certificate) -> str:
    """The issuer's name as Apple's page of certificate authorities has it, with the generation, such as G4."""
    parts = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    parts += certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return ", ".join(str(part.value) for part in parts) or "the one that it names"


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier, what: str) -> str:
    values = subject_values(certificate, oid)
    if len(values) != 1:
        raise PassRefused(PASS_CERTIFICATE, f"does not have one {what} in its subject; is it one for passes?")
    return values[0]


def _check_wish(name: str, *, wish: str | None, own: str) -> None:
    if wish is not None and wish != own:
        raise PassRefused(name, f"is {wish}, but the certificate is for {own}; correct one of them")
