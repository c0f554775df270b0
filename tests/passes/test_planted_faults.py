"""A right pass, and one fault at a time planted in it: each is refused, and named."""

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha1
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import NameOID
from PIL import Image

from passes.apple.check import Fault, check_bundle, check_pass, is_bundle
from passes.apple.cms import Identity
from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.nfc import NFC_OID, allows_nfc
from passes.apple.package import BrandAssets, build_pass, bundle
from passes.apple.png import png
from passes.apple.signing import PASS_TYPE_OID, Signer
from passes.face import CardFace, FaceNfc

Files = dict[str, bytes]
Document = dict[str, Any]
PASS_TYPE = "pass.example.carnet"


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A right pass, taken apart, and whoever signs what is made of it."""

    files: Files
    signer: Signer
    certificates: DevelopmentCertificates
    now: datetime

    def signed(self, files: Files, *, signer: Signer | None = None) -> Files:
        """Hash and sign whatever is there."""
        listed = {name: content for name, content in files.items() if name not in ("manifest.json", "signature")}
        digests = {name: sha1(content, usedforsecurity=False).hexdigest() for name, content in listed.items()}
        manifest = json.dumps(digests).encode()
        signature = (signer or self.signer).sign(manifest, now=self.now)
        return listed | {"manifest.json": manifest, "signature": signature}

    def document(self, change: Callable[[Document], object]) -> Files:
        """Change pass.json; hash and sign the result, as its maker would."""
        document: Document = json.loads(self.files["pass.json"])
        change(document)
        return self.signed(self.files | {"pass.json": json.dumps(document).encode()})

    def by(self, *, pass_type_id: str = PASS_TYPE, team_id: str = "CARNET0001") -> Signer:
        """Give a signer of another certificate under another root."""
        made = development_certificates(pass_type_id=pass_type_id, team_id=team_id, now=self.now)
        return Signer.load(cert_pem=made.cert_pem, key_pem=made.key_pem, password=None, wwdr_pem=made.wwdr_pem)


@pytest.fixture(scope="module")
def sound(
    face: CardFace, assets: BrandAssets, signer: Signer, certificates: DevelopmentCertificates, now: datetime
) -> Sound:
    return Sound(
        files=taken_apart(build_pass(face, assets=assets, signer=signer, now=now)),
        signer=signer,
        certificates=certificates,
        now=now,
    )


def taken_apart(package: bytes) -> Files:
    with ZipFile(BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put_together(files: Files) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def not_detached(sound: Sound) -> Files:
    """The manifest stands in its own signature, as `openssl smime -sign -nodetach` has it."""
    identity = sound.signer.identity
    builder = PKCS7SignatureBuilder().set_data(sound.files["manifest.json"])
    builder = builder.add_signer(identity.certificate, identity.key, SHA256()).add_certificate(identity.intermediate)
    return sound.files | {"signature": builder.sign(Encoding.DER, [PKCS7Options.Binary])}


def without_signing_time(sound: Sound) -> Files:
    identity = sound.signer.identity
    builder = PKCS7SignatureBuilder().set_data(sound.files["manifest.json"])
    builder = builder.add_signer(identity.certificate, identity.key, SHA256()).add_certificate(identity.intermediate)
    options = [PKCS7Options.Binary, PKCS7Options.DetachedSignature, PKCS7Options.NoAttributes]
    return sound.files | {"signature": builder.sign(Encoding.DER, options)}


def other_intermediate(sound: Sound) -> Files:
    own, other = sound.signer.identity, sound.by().identity.intermediate
    return sound.signed(
        sound.files, signer=replace(sound.signer, identity=Identity.of(own.key, own.certificate, other))
    )


def attributes_out_of_order(sound: Sound) -> Files:
    signature = sound.files["signature"]
    found = re.search(
        rb"(\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03.{13})"
        rb"(\x30\x1c\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05.{17})",
        signature,
        re.DOTALL,
    )
    assert found
    turned = signature[: found.start()] + found[2] + found[1] + signature[found.end() :]
    return sound.files | {"signature": turned}


def first(document: Document, group: str) -> Document:
    field: Document = document["storeCard"][group][0]
    return field


def picture(width: int, height: int) -> bytes:
    return png(Image.new("RGB", (width, height), "#7a1f3d"))


FAULTS: dict[str, tuple[Callable[[Sound], Files], str, str]] = {
    "pass.json tampered with": (
        lambda s: s.files | {"pass.json": s.files["pass.json"].replace(b"1 250", b"9 250")},
        "pass.json",
        "another SHA-1",
    ),
    "a hash of the tampered pass.json in the manifest": (
        lambda s: (
            s.signed(s.files | {"pass.json": s.files["pass.json"].replace(b"1 250", b"9 250")})
            | {"signature": s.files["signature"]}
        ),
        "signature",
        "another content",
    ),
    "a file missing": (
        lambda s: {name: content for name, content in s.files.items() if name != "logo.png"},
        "logo.png",
        "in the manifest, but not in the package",
    ),
    "no icon": (
        lambda s: s.signed({name: content for name, content in s.files.items() if name != "icon@2x.png"}),
        "icon@2x.png",
        "missing",
    ),
    "a file too many": (
        lambda s: s.files | {"de.lproj/pass.strings": b""},
        "de.lproj/pass.strings",
        "not in the manifest",
    ),
    "not detached": (not_detached, "signature", "not detached"),
    "no signing time": (without_signing_time, "signature", "attributes"),
    "attributes out of order": (attributes_out_of_order, "signature", "not CMS SignedData in DER"),
    "another intermediate": (other_intermediate, "signature", "lacks the intermediate"),
    "another root": (lambda s: s.signed(s.files, signer=s.by()), "WWDR certificate", "not issued by the root"),
    "another team": (
        lambda s: s.signed(s.files, signer=s.by(team_id="RIVAL00001")),
        "teamIdentifier",
        "not the one of the pass certificate",
    ),
    "another pass type": (
        lambda s: s.signed(s.files, signer=s.by(pass_type_id="pass.rival")),
        "passTypeIdentifier",
        "not the one of the pass certificate",
    ),
    "a colour in hex": (lambda s: s.document(lambda d: d.update(labelColor="#ffffff")), "labelColor", "rgb(r, g, b)"),
    "two fields of one key": (
        lambda s: s.document(lambda d: first(d, "headerFields").update(key="holder")),
        "storeCard.secondaryFields[0].key",
        "there twice",
    ),
    "a lock screen text without its value": (
        lambda s: s.document(lambda d: first(d, "primaryFields").update(changeMessage="It changed")),
        "storeCard.primaryFields[0].changeMessage",
        "%@",
    ),
    "a picture too large": (
        lambda s: s.signed(s.files | {"strip.png": picture(376, 144)}),
        "strip.png",
        "is 376x144 pixels; its place has 375x144",
    ),
    "a damaged picture": (
        lambda s: s.signed(s.files | {"strip.png": picture(375, 144)[:-40]}),
        "strip.png",
        "damaged",
    ),
    "a picture with another header": (
        lambda s: s.signed(s.files | {"strip.png": two_headers()}),
        "strip.png",
        "damaged",
    ),
    "a picture that store cards do not show": (
        lambda s: s.signed(s.files | {"thumbnail.png": picture(90, 90)}),
        "thumbnail.png",
        "not shown on a storeCard",
    ),
    "a day for a moment": (
        lambda s: s.document(lambda d: d.update(expirationDate="2027-01-01")),
        "expirationDate",
        "W3C date",
    ),
    "eleven places": (
        lambda s: s.document(lambda d: d.update(locations=d["locations"] * 11)),
        "locations",
        "at most 10",
    ),
    "a number and a currency": (
        lambda s: s.document(
            lambda d: first(d, "primaryFields").update(value=1, numberStyle="PKNumberStyleDecimal", currencyCode="EUR")
        ),
        "storeCard.primaryFields[0].numberStyle",
        "excludes currencyCode",
    ),
    "a code that its characters cannot write": (
        lambda s: s.document(lambda d: d["barcodes"][0].update(message="5 €")),
        "barcodes[0].message",
        "cannot be written in iso-8859-1",
    ),
    "NFC without Apple's leave": (
        lambda s: s.document(lambda d: d.update(nfc={"message": "5", "encryptionPublicKey": nfc_key()})),
        "nfc",
        "needs a pass certificate",
    ),
    "an altitude in words": (
        lambda s: s.document(lambda d: d["locations"][0].update(altitude="high")),
        "locations[0].altitude",
        "not a number",
    ),
    "a place's text that is none": (
        lambda s: s.document(lambda d: d["locations"][0].update(relevantText=5)),
        "locations[0].relevantText",
        "not a text",
    ),
    "a beacon without its UUID": (
        lambda s: s.document(lambda d: d.update(beacons=[{"proximityUUID": "x"}])),
        "beacons[0].proximityUUID",
        "not a UUID",
    ),
    "a beacon's number too large": (
        lambda s: s.document(lambda d: d.update(beacons=[{"proximityUUID": UUID, "major": 65_536}])),
        "beacons[0].major",
        "65535",
    ),
    "a beacon's text that is none": (
        lambda s: s.document(lambda d: d.update(beacons=[{"proximityUUID": UUID, "relevantText": 5}])),
        "beacons[0].relevantText",
        "not a text",
    ),
    "days without an end": (
        lambda s: s.document(lambda d: d.update(relevantDates=[{"startDate": "2027-01-01T10:00Z"}])),
        "relevantDates[0]",
        "startDate and endDate",
    ),
    "relevant dates that are none": (
        lambda s: s.document(lambda d: d.update(relevantDates=[{"date": "tomorrow"}])),
        "relevantDates[0].date",
        "W3C date",
    ),
    "relevant dates that are no list": (
        lambda s: s.document(lambda d: d.update(relevantDates={})),
        "relevantDates",
        "not a list",
    ),
    "a radius below nothing": (lambda s: s.document(lambda d: d.update(maxDistance=-1)), "maxDistance", "above 0"),
    "a balance as a number": (
        lambda s: s.document(lambda d: d.update(semantics={"balance": {"amount": 21.75, "currencyCode": "EUR"}})),
        "semantics",
        '"21.75"',
    ),
    "semantics that are none": (lambda s: s.document(lambda d: d.update(semantics=[])), "semantics", "not an object"),
}
UUID = "2f234454-cf6d-4a0f-adf2-f4911ba9ffa6"


def two_headers() -> bytes:
    """The first says 375 x 144, the second far more; whoever believes the first unpacks the second."""
    whole = picture(375, 144)
    body = b"IHDR" + struct.pack(">2L5B", 9_000, 9_000, 8, 2, 0, 0, 0)
    return whole[:33] + struct.pack(">L", 13) + body + struct.pack(">L", zlib.crc32(body)) + whole[33:]


def nfc_key() -> str:
    point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    compressed = point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return base64.b64encode(bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + compressed).decode()


@pytest.mark.parametrize(("plant", "field", "why"), FAULTS.values(), ids=FAULTS.keys())
def test_each_planted_fault_is_refused_and_named(
    sound: Sound, plant: Callable[[Sound], Files], field: str, why: str
) -> None:
    package = put_together(plant(sound))

    faults = check_pass(package, root_pem=sound.certificates.root_pem, now=sound.now)

    assert [fault.what for fault in faults if fault.field == field and why in fault.what] != [], faults


def test_without_a_fault_nothing_is_refused(sound: Sound) -> None:
    package = put_together(sound.document(lambda document: document))

    assert check_pass(package, root_pem=sound.certificates.root_pem, now=sound.now) == []


@pytest.mark.parametrize(
    "change",
    [
        {"beacons": [{"proximityUUID": UUID, "major": 1, "minor": 65_535, "relevantText": "Coffee?"}]},
        {
            "relevantDates": [
                {"date": "2027-01-01T10:00Z"},
                {"startDate": "2027-01-01T10:00Z", "endDate": "2027-01-02T10:00Z"},
            ]
        },
        {"maxDistance": 100},
        {"semantics": {"balance": {"amount": "21.75", "currencyCode": "EUR"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_others_put_into_their_passes_is_right_too(sound: Sound, change: Document) -> None:
    package = put_together(sound.document(lambda document: document.update(change)))

    assert check_pass(package, now=sound.now) == []


def test_a_tickets_strip_is_lower_than_a_cards(sound: Sound) -> None:
    def ticket(document: Document) -> None:
        document["eventTicket"] = document.pop("storeCard")

    faults = check_pass(put_together(sound.document(ticket)), now=sound.now)

    assert [fault for fault in faults if not fault.field.startswith("strip")] == []
    assert Fault("strip.png", "is 375x144 pixels; its place has 375x98") in faults


@pytest.fixture(scope="module")
def nfc_signer(now: datetime) -> Signer:
    """Signs with a certificate of which Apple has allowed NFC."""
    key, wwdr_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    wwdr = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A stand-in for WWDR")])
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, PASS_TYPE),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID with NFC: {PASS_TYPE}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "CARNET0001"),
        ]
    )
    mark = x509.UnrecognizedExtension(PASS_TYPE_OID, b"\x0c\x13" + PASS_TYPE.encode())
    base = x509.CertificateBuilder().issuer_name(wwdr).not_valid_before(now - timedelta(hours=1))
    base = base.not_valid_after(now + timedelta(days=365))
    authority = (
        base.subject_name(wwdr)
        .public_key(wwdr_key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(wwdr_key, SHA256())
    )
    leaf = (
        base.subject_name(subject)
        .public_key(key.public_key())
        .serial_number(2)
        .add_extension(mark, critical=False)
        .add_extension(x509.UnrecognizedExtension(NFC_OID, b"\x05\x00"), critical=False)
        .sign(wwdr_key, SHA256())
    )
    return Signer.load(
        cert_pem=leaf.public_bytes(Encoding.PEM),
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        password=None,
        wwdr_pem=authority.public_bytes(Encoding.PEM),
    )


def test_a_certificate_with_apples_leave_signs_passes_with_nfc(
    face: CardFace, assets: BrandAssets, signer: Signer, nfc_signer: Signer, now: datetime
) -> None:
    card = replace(face, nfc=FaceNfc(message=face.static_code, public_key=nfc_key(), asks_holder=True))

    by_signer = {each: build_pass(card, assets=assets, signer=each, now=now) for each in (signer, nfc_signer)}

    assert "nfc" not in json.loads(taken_apart(by_signer[signer])["pass.json"])
    assert json.loads(taken_apart(by_signer[nfc_signer])["pass.json"])["nfc"]["requiresAuthentication"] is True
    assert [check_pass(package, now=now) for package in by_signer.values()] == [[], []]
    assert (allows_nfc(signer.identity.certificate), allows_nfc(nfc_signer.identity.certificate)) == (False, True)


def test_a_bundle_is_as_sound_as_its_passes(sound: Sound) -> None:
    right = put_together(sound.files)
    wrong = put_together(FAULTS["a colour in hex"][0](sound))

    checked = [
        check_bundle(bundle(passes), root_pem=sound.certificates.root_pem, now=sound.now)
        for passes in ([right] * 3, [right, wrong])
    ]

    assert checked[0] == []
    assert [fault.field for fault in checked[1]] == ["card-2.pkpass: labelColor"]


def test_a_bundle_with_something_else_or_too_many_or_damaged_is_refused(sound: Sound) -> None:
    right = put_together(sound.files)
    odd = {"readme.txt": b"", "folder/a.pkpass": right}
    many = {f"{at}.pkpass": right for at in range(11)}

    found = {
        name: [fault.field for fault in check_bundle(data, now=sound.now)]
        for name, data in {
            "odd": put_together(odd),
            "many": put_together(many),
            "none": b"PK",
            "cut": right[:-9],
        }.items()
    }

    assert found == {
        "odd": ["readme.txt", "folder/a.pkpass", "bundle"],
        "many": ["bundle"],
        "none": ["package"],
        "cut": ["package"],
    }


def test_a_bundle_is_told_from_a_pass_by_what_is_in_it(sound: Sound) -> None:
    right = put_together(sound.files)

    assert [is_bundle(data) for data in (bundle([right]), right, b"", b"PK")] == [True, False, False, False]
