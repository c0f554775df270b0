"""Certificates that look like Apple's but are not: for the demo and the tests.

No iPhone takes a pass signed with them; everything else, OpenSSL included, treats them alike.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from passes.apple.signing import DEVELOPMENT_MARK, PASS_TYPE_OID

_VALID: Final = timedelta(days=365)
_CLOCKS_DIFFER: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class DevelopmentCertificates:
    """A root, an intermediate in WWDR's place, and a pass certificate with its key; all PEM."""

    root_pem: bytes
    wwdr_pem: bytes
    cert_pem: bytes
    key_pem: bytes = field(repr=False)


def development_certificates(*, pass_type_id: str, team_id: str, now: datetime) -> DevelopmentCertificates:
    """Make new certificates, valid for a year from an hour ago; the signing keys are forgotten.

    The pass certificate is good for a TLS client too, as Apple's is for its push service.
    """
    root_key, wwdr_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    root_name = _name(f"Root ({DEVELOPMENT_MARK})")
    wwdr_name = _name(f"Worldwide Relations Stand-in ({DEVELOPMENT_MARK})")
    root = _authority(root_name, root_key, issuer=root_name, now=now, below=1)
    wwdr = _authority(wwdr_name, wwdr_key, issuer=root_name, now=now, below=0)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, pass_type_id),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {pass_type_id}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team_id),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_MARK),
        ]
    )
    leaf = _builder(subject, key, issuer=wwdr_name, now=now)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(ca=False), critical=True)
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]
    leaf = leaf.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    mark = x509.UnrecognizedExtension(PASS_TYPE_OID, asn1.encode_der(pass_type_id))
    leaf = leaf.add_extension(mark, critical=False)
    return DevelopmentCertificates(
        root_pem=_signed(root, by=root_key),
        wwdr_pem=_signed(wwdr, by=root_key),
        cert_pem=_signed(leaf, by=wwdr_key),
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_MARK),
        ]
    )


def _authority(
    name: x509.Name, key: rsa.RSAPrivateKey, *, issuer: x509.Name, now: datetime, below: int
) -> x509.CertificateBuilder:
    """Lay out a certificate that may issue others, with so many authorities below it."""
    builder = _builder(name, key, issuer=issuer, now=now)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
    return builder.add_extension(_usage(ca=True), critical=True)


def _builder(name: x509.Name, key: rsa.RSAPrivateKey, *, issuer: x509.Name, now: datetime) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, *, by: rsa.RSAPrivateKey) -> bytes:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return builder.sign(by, SHA256()).public_bytes(Encoding.PEM)
