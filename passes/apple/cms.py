"""Detached CMS signatures (RFC 5652) as Apple wants them, written and read with one set of types.

Written here rather than with `PKCS7SignatureBuilder`, because that takes the signing time from
the machine's clock, because reading needs the types in any case, and because all of a signature but
its time, its digest and the RSA value stays the same: it is encoded once for each key.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import ObjectIdentifier as Oid

_DATA: Final = Oid("1.2.840.113549.1.7.1")
_SIGNED_DATA: Final = Oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE: Final = Oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST: Final = Oid("1.2.840.113549.1.9.4")
_SIGNING_TIME: Final = Oid("1.2.840.113549.1.9.5")
_NAMES: Final = {
    _CONTENT_TYPE: "contentType",
    _MESSAGE_DIGEST: "messageDigest",
    _SIGNING_TIME: "signingTime",
}
_RSA: Final = Oid("1.2.840.113549.1.1.1")
_SHA256: Final = Oid("2.16.840.1.101.3.4.2.1")
# SHA-1 signatures are still common in the field, and Wallet takes them; we make none.
_DIGESTS: Final[dict[Oid, hashes.SHA1 | hashes.SHA256]] = {
    _SHA256: hashes.SHA256(),
    Oid("1.3.14.3.2.26"): hashes.SHA1(),  # noqa: S303 read, never made
}

# Some writers name RSA alone, others RSA with the digest.
_WITH_RSA: Final = {
    "sha256": (_RSA, Oid("1.2.840.113549.1.1.11")),
    "sha1": (_RSA, Oid("1.2.840.113549.1.1.5")),
}
# What reading a certificate may raise; that happens only where one looks at a part of it.
UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
)
_T = TypeVar("_T")


class SignatureFaulty(ValueError):
    """Not a signature that Wallet takes, or not of this content."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a right signature says: who signed, when, and which certificates came along."""

    leaf: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    signing_time: datetime


@asn1.sequence
class _Algorithm:
    algorithm: Oid
    parameters: asn1.Null | None


@asn1.sequence
class _Attribute:
    type: Oid
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _IssuerAndSerial:
    issuer: asn1.TLV
    serial: int


@asn1.sequence
class _SignerInfo:
    version: int
    sid: _IssuerAndSerial
    digest_algorithm: _Algorithm
    signed_attributes: Annotated[asn1.SetOf[_Attribute], asn1.Implicit(0)]
    signature_algorithm: _Algorithm
    signature: bytes
    unsigned_attributes: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(1)]


@asn1.sequence
class _Content:
    type: Oid
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class _SignedData:
    version: int
    digest_algorithms: asn1.SetOf[_Algorithm]
    content: _Content
    certificates: Annotated[asn1.SetOf[x509.Certificate], asn1.Implicit(0)]
    signers: asn1.SetOf[_SignerInfo]


@asn1.sequence
class _ContentInfo:
    type: Oid
    content: Annotated[_SignedData, asn1.Explicit(0)]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A key with its certificate and the one that issued it, and what of them is in every signature."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    intermediate: x509.Certificate
    head: bytes = field(repr=False)
    tail: bytes = field(repr=False)

    @classmethod
    def of(cls, key: rsa.RSAPrivateKey, certificate: x509.Certificate, intermediate: x509.Certificate) -> "Identity":
        """Prepare what every signature of this key carries: all that stands around its signed attributes."""
        blank = bytes(key.key_size // 8)
        whole = asn1.encode_der(_signed_data(certificate, intermediate, signature=blank))
        head, _, tail = whole.partition(_BLANK_ATTRIBUTES)
        return cls(
            key=key, certificate=certificate, intermediate=intermediate, head=head, tail=tail.removesuffix(blank)
        )


def sign_detached(content: bytes, *, identity: Identity, now: datetime) -> bytes:
    """Sign with RSA and SHA-256; the content is not in the signature, both certificates are.

    The same content, key and second give the same bytes.
    """
    if now.year > _UTC_TIME_ENDS:
        raise ValueError(f"a signing time after {_UTC_TIME_ENDS} is written in another way (RFC 5652, 11.3)")
    time = now.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode()
    attributes = _BEFORE_TIME + time + _BEFORE_DIGEST + sha256(content).digest()
    # RFC 5652, 5.4: what is signed is the SET itself, not the [0] that stands in its place.
    signature = identity.key.sign(_SET + attributes, _PADDING, _HASH)
    return b"".join((identity.head, _IMPLICIT_0, attributes, identity.tail, signature))


def _signed_data(certificate: x509.Certificate, intermediate: x509.Certificate, *, signature: bytes) -> "_ContentInfo":
    """A signature (RFC 5652, 3 and 5.1) whose attributes and RSA value are still blank, but of their size."""
    issuer = asn1.decode_der(asn1.TLV, certificate.issuer.public_bytes())
    signer = _SignerInfo(
        version=1,
        sid=_IssuerAndSerial(issuer=issuer, serial=certificate.serial_number),
        digest_algorithm=_Algorithm(algorithm=_SHA256, parameters=None),
        signed_attributes=_blank_attributes(),
        signature_algorithm=_Algorithm(algorithm=_RSA, parameters=asn1.Null()),
        signature=signature,
        unsigned_attributes=None,
    )
    data = _SignedData(
        version=1,
        digest_algorithms=asn1.SetOf([signer.digest_algorithm]),
        content=_Content(type=_DATA, content=None),
        certificates=asn1.SetOf([certificate, intermediate]),
        signers=asn1.SetOf([signer]),
    )
    return _ContentInfo(type=_SIGNED_DATA, content=data)


def _blank_attributes() -> "asn1.SetOf[_Attribute]":
    """The three attributes that Apple asks for (RFC 5652, 11.1 to 11.3); DER puts them into this order, by length."""
    return asn1.SetOf(
        [
            _attribute(_CONTENT_TYPE, _DATA),
            _attribute(_SIGNING_TIME, asn1.UTCTime(_BLANK_TIME)),
            _attribute(_MESSAGE_DIGEST, _BLANK_DIGEST),
        ]
    )


def _attribute(oid: Oid, value: Oid | bytes | asn1.UTCTime) -> _Attribute:
    tlv = asn1.decode_der(asn1.TLV, asn1.encode_der(value))
    return _Attribute(type=oid, values=asn1.SetOf([tlv]))


_BLANK_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BLANK_DIGEST: Final = bytes(32)
_UTC_TIME_ENDS: Final = 2049
_SET, _IMPLICIT_0 = b"\x31", b"\xa0"
_PADDING, _HASH = padding.PKCS1v15(), hashes.SHA256()
_ENCODED: Final = asn1.encode_der(_blank_attributes()).removeprefix(_SET)
_BLANK_ATTRIBUTES: Final = _IMPLICIT_0 + _ENCODED
_BEFORE_TIME, _BEFORE_DIGEST = _ENCODED.removesuffix(_BLANK_DIGEST).split(b"000101000000Z")


def verify_detached(signature: bytes, *, content: bytes) -> Signed:
    """Read a signature of this content; whom to trust is for the caller to say.

    Raises `SignatureFaulty` where it is not DER, not detached, lacks one of the three attributes
    that Apple asks for, or does not fit the content or the certificate, and one of `UNREADABLE`
    for a broken certificate.
    """
    data = _parsed(signature)
    (signer,) = data.signers.as_list()
    certificates = tuple(data.certificates.as_list())
    leaf = _leaf(signer, certificates)
    attributes = _attributes(signer)
    algorithm = _DIGESTS.get(signer.digest_algorithm.algorithm)
    if algorithm is None:
        raise SignatureFaulty("its digest is neither SHA-256 nor SHA-1")
    if signer.signature_algorithm.algorithm not in _WITH_RSA[algorithm.name]:
        raise SignatureFaulty("it is not signed with RSA and its digest")
    if _value(attributes, _CONTENT_TYPE, Oid) != _DATA:
        raise SignatureFaulty("its contentType is not data")
    if _value(attributes, _MESSAGE_DIGEST, bytes) != _digest(content, algorithm):
        raise SignatureFaulty("it is of another content (messageDigest)")
    signing_time = _value(attributes, _SIGNING_TIME, asn1.UTCTime).as_datetime()
    key = leaf.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureFaulty("the signer's key is not RSA")
    signed = asn1.encode_der(signer.signed_attributes)
    try:
        key.verify(signer.signature, signed, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        raise SignatureFaulty("it was not made with the key of its certificate") from None
    return Signed(leaf=leaf, certificates=certificates, signing_time=signing_time)


def _parsed(signature: bytes) -> _SignedData:
    try:
        info = asn1.decode_der(_ContentInfo, signature)
    except UNREADABLE as error:
        raise SignatureFaulty("it is not CMS SignedData in DER with attributes") from error
    data = info.content
    if info.type != _SIGNED_DATA or data.content.type != _DATA:
        raise SignatureFaulty("it is not SignedData over data")
    if data.content.content is not None:
        raise SignatureFaulty("it is not detached: it carries its content")
    if len(data.signers.as_list()) != 1:
        raise SignatureFaulty("it has not exactly one signer")
    (signer,) = data.signers.as_list()
    if (data.version, signer.version) != (1, 1):
        raise SignatureFaulty("it is of another version of CMS")
    digests = [each.algorithm for each in data.digest_algorithms.as_list()]
    if signer.digest_algorithm.algorithm not in digests:
        raise SignatureFaulty("it does not announce its digest")
    return data


def _leaf(signer: _SignerInfo, certificates: tuple[x509.Certificate, ...]) -> x509.Certificate:
    issuer = asn1.encode_der(signer.sid.issuer)
    for certificate in certificates:
        named = certificate.serial_number == signer.sid.serial
        if named and certificate.issuer.public_bytes() == issuer:
            return certificate
    raise SignatureFaulty("the signer's certificate is not in it")


def _attributes(signer: _SignerInfo) -> dict[Oid, list[asn1.TLV]]:
    attributes = signer.signed_attributes.as_list()
    by_type = {attribute.type: attribute.values.as_list() for attribute in attributes}
    if len(by_type) != len(attributes):
        raise SignatureFaulty("an attribute is there twice")
    return by_type


def _value(attributes: dict[Oid, list[asn1.TLV]], oid: Oid, kind: type[_T]) -> _T:
    values = attributes.get(oid, [])
    if len(values) != 1:
        raise SignatureFaulty(f"its attribute {_NAMES[oid]} is missing or has several values")
    try:
        return asn1.decode_der(kind, asn1.encode_der(values[0]))
    except ValueError as error:
        raise SignatureFaulty(f"its attribute {_NAMES[oid]} cannot be read") from error


def _digest(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()
