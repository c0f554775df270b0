import hashlib
import json
import random
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from passes.apple.check import Fault, check_pass
from passes.apple.cms import Identity
from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.package import BrandAssets, build_pass
from passes.apple.rules import faults_of
from passes.apple.signing import PASS_TYPE_OID, Signer
from passes.face import CardFace

Files = dict[str, bytes]
Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Forge:
    """Makes packages with a fault in one place and everything else in order."""

    files: Files
    signer: Signer
    now: datetime

    def package(self, files: Files, *, resign: bool = True) -> bytes:
        if resign:
            listed = {n: c for n, c in files.items() if n not in ("manifest.json", "signature")}
            digests = {n: hashlib.sha1(c, usedforsecurity=False).hexdigest() for n, c in listed.items()}
            manifest = json.dumps(digests).encode()
            signature = self.signer.sign(manifest, now=self.now)
            files = listed | {"manifest.json": manifest, "signature": signature}
        out = BytesIO()
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return out.getvalue()

    def with_files(self, **changed: bytes) -> bytes:
        return self.package(self.files | changed)

    def with_document(self, change: Callable[[Document], object]) -> bytes:
        document = self.document()
        change(document)
        return self.package(self.files | {"pass.json": json.dumps(document).encode()})

    def document(self) -> Document:
        document: Document = json.loads(self.files["pass.json"])
        return document


@pytest.fixture(scope="session")
def package(face: CardFace, assets: BrandAssets, signer: Signer, now: datetime) -> bytes:
    return build_pass(face, assets=assets, signer=signer, now=now)


@pytest.fixture(scope="session")
def forge(package: bytes, signer: Signer, now: datetime) -> Forge:
    with ZipFile(BytesIO(package)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return Forge(files=files, signer=signer, now=now)


def test_our_own_pass_is_sound(package: bytes, certificates: DevelopmentCertificates, now: datetime) -> None:
    assert check_pass(package, now=now) == []
    assert check_pass(package, root_pem=certificates.root_pem, now=now) == []


def test_what_the_forge_leaves_alone_stays_sound(forge: Forge, now: datetime) -> None:
    package = forge.with_document(lambda document: document)

    assert check_pass(package, now=now) == []


def first(document: Document, group: str) -> Document:
    field: Document = document["storeCard"][group][0]
    return field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda d: d.pop("serialNumber"), "serialNumber"),
        (lambda d: d.pop("storeCard"), "style"),
        (lambda d: d.update(coupon={}), "style"),
        (lambda d: d.update(storeCard=[]), "storeCard"),
        (lambda d: d.update(formatVersion=True), "formatVersion"),
        (lambda d: d.update(formatVersion="1"), "formatVersion"),
        (lambda d: d.update(organizationName="  "), "organizationName"),
        (lambda d: d.update(teamIdentifier="RIVAL00001"), "teamIdentifier"),
        (lambda d: d.update(passTypeIdentifier="pass.rival"), "passTypeIdentifier"),
        (lambda d: d.update(backgroundColor="#ff0000"), "backgroundColor"),
        (lambda d: d.update(labelColor="rgb(0, 0, 256)"), "labelColor"),
        (lambda d: d.update(webServiceURL="http://cards.example"), "webServiceURL"),
        (lambda d: d.pop("webServiceURL"), "webServiceURL"),
        (lambda d: d.pop("authenticationToken"), "authenticationToken"),
        (lambda d: d.update(expirationDate="2027-01-01"), "expirationDate"),
        (lambda d: d.update(expirationDate="2027-02-30T00:00:00Z"), "expirationDate"),
        (lambda d: d.update(voided="false"), "voided"),
        (lambda d: d.update(nfc={"message": "x"}), "nfc"),
        (lambda d: d.update(appLaunchURL="carnet://"), "appLaunchURL"),
        (lambda d: d.update(groupingIdentifier="x"), "groupingIdentifier"),
        (lambda d: d.update(maxDistance="10"), "maxDistance"),
        (lambda d: d.update(associatedStoreIdentifiers=["1"]), "associatedStoreIdentifiers"),
        (lambda d: d.update(locations=d["locations"] * 11), "locations"),
        (lambda d: d.update(locations=[[]]), "locations[0]"),
        (lambda d: d["locations"][0].update(latitude="48"), "locations[0].latitude"),
        (lambda d: d.update(beacons=[{"major": 1}]), "beacons[0].proximityUUID"),
        (lambda d: d.update(barcodes={}), "barcodes"),
        (lambda d: d.update(barcodes=[1]), "barcodes[0]"),
        (lambda d: d["barcodes"][0].update(format=[]), "barcodes[0].format"),
        (lambda d: d["barcodes"][0].update(message="€"), "barcodes[0].message"),
        (
            lambda d: d["barcodes"][0].update(messageEncoding="klingon"),
            "barcodes[0].messageEncoding",
        ),
        (lambda d: d["barcodes"][0].update(altText=1), "barcodes[0].altText"),
        (
            lambda d: d.update(barcode=d["barcodes"][0] | {"format": "PKBarcodeFormatCode128"}),
            "barcode.format",
        ),
        (
            lambda d: first(d, "headerFields").update(key="holder"),
            "storeCard.secondaryFields[0].key",
        ),
        (lambda d: first(d, "headerFields").pop("value"), "storeCard.headerFields[0].value"),
        (lambda d: first(d, "headerFields").update(value=True), "storeCard.headerFields[0].value"),
        (
            lambda d: first(d, "headerFields").update(changeMessage="changed"),
            "storeCard.headerFields[0].changeMessage",
        ),
        (
            lambda d: first(d, "headerFields").update(changeMessage="%d to %@"),
            "storeCard.headerFields[0].changeMessage",
        ),
        (
            lambda d: first(d, "primaryFields").update(value=1, numberStyle="PKNumberStyleDecimal", currencyCode="EUR"),
            "storeCard.primaryFields[0].numberStyle",
        ),
        (
            lambda d: first(d, "primaryFields").update(currencyCode="EUR"),
            "storeCard.primaryFields[0].value",
        ),
        (
            lambda d: first(d, "primaryFields").update(dateStyle="PKDateStyleShort"),
            "storeCard.primaryFields[0].value",
        ),
        (
            lambda d: first(d, "primaryFields").update(textAlignment="PKTextAlignmentLeft"),
            "storeCard.primaryFields[0].textAlignment",
        ),
        (
            lambda d: first(d, "primaryFields").update(attributedValue="x"),
            "storeCard.primaryFields[0].attributedValue",
        ),
        (
            lambda d: first(d, "backFields").update(attributedValue="<script>x</script>"),
            "storeCard.backFields[0].attributedValue",
        ),
        (
            lambda d: first(d, "backFields").update(dataDetectorTypes=["Link"]),
            "storeCard.backFields[0].dataDetectorTypes",
        ),
        (lambda d: first(d, "backFields").update(colour="red"), "storeCard.backFields[0].colour"),
        (lambda d: first(d, "backFields").update(label="a\0b"), "storeCard.backFields[0].label"),
        (lambda d: d["storeCard"].update(footerFields=[]), "storeCard.footerFields"),
        (
            lambda d: d["storeCard"].update(headerFields=[{"key": f"h{i}", "value": i} for i in range(4)]),
            "storeCard.headerFields",
        ),
        (
            lambda d: d["storeCard"].update(primaryFields=[{"key": f"p{i}", "value": i} for i in range(2)]),
            "storeCard.primaryFields",
        ),
        (
            lambda d: d["storeCard"].update(auxiliaryFields=[{"key": f"a{i}", "value": i} for i in range(3)]),
            "storeCard.auxiliaryFields",
        ),
    ],
)
def test_a_fault_in_the_document_is_found_and_named_though_the_signature_is_right(
    forge: Forge, now: datetime, change: Callable[[Document], object], field: str
) -> None:
    package = forge.with_document(change)

    faults = check_pass(package, now=now)

    assert field in [fault.field for fault in faults]


@pytest.mark.parametrize("name", ["pass.json", "manifest.json", "signature", "icon.png", "icon@3x.png"])
def test_a_missing_file_is_named(forge: Forge, now: datetime, name: str) -> None:
    rest = {file: content for file, content in forge.files.items() if file != name}

    faults = check_pass(forge.package(rest, resign=False), now=now)

    assert Fault(name, "is missing") in faults


@pytest.mark.parametrize("name", ["pass.json", "logo@2x.png", "fr.lproj/pass.strings"])
def test_a_file_changed_after_hashing_is_named(forge: Forge, now: datetime, name: str) -> None:
    changed = forge.files | {name: forge.files[name] + b" "}

    faults = check_pass(forge.package(changed, resign=False), now=now)

    assert faults == [Fault(name, "has another SHA-1 than the manifest says")]


def test_a_file_too_many_is_named(forge: Forge, now: datetime) -> None:
    extra = forge.files | {"de.lproj/pass.strings": b""}

    faults = check_pass(forge.package(extra, resign=False), now=now)

    assert faults == [Fault("de.lproj/pass.strings", "is in the package, but not in the manifest")]


def test_a_manifest_changed_after_signing_is_found(forge: Forge, now: datetime) -> None:
    manifest = forge.files["manifest.json"] + b"\n"
    changed = forge.files | {"manifest.json": manifest}

    (fault,) = check_pass(forge.package(changed, resign=False), now=now)

    assert fault.field == "signature"
    assert "another content" in fault.what


def test_a_signature_of_another_team_is_found(
    forge: Forge, certificates: DevelopmentCertificates, now: datetime
) -> None:
    rival = development_certificates(pass_type_id="pass.rival", team_id="RIVAL00001", now=now)
    signer = Signer.load(
        cert_pem=rival.cert_pem,
        key_pem=rival.key_pem,
        password=None,
        wwdr_pem=rival.wwdr_pem,
    )

    faults = check_pass(
        replace(forge, signer=signer).package(forge.files),
        root_pem=certificates.root_pem,
        now=now,
    )

    assert [fault.field for fault in faults] == [
        "WWDR certificate",
        "passTypeIdentifier",
        "teamIdentifier",
    ]


def test_a_pass_signed_more_than_a_day_ago_or_ahead_is_found(package: bytes, now: datetime) -> None:
    for away in (timedelta(days=-1, seconds=-1), timedelta(days=1, seconds=1)):
        faults = check_pass(package, now=now + away)

        assert "signature" in [fault.field for fault in faults]
    assert check_pass(package, now=now + timedelta(hours=23)) == []


def test_an_expired_certificate_is_found(package: bytes, now: datetime) -> None:
    faults = check_pass(package, now=now + timedelta(days=400))

    assert {fault.field for fault in faults} == {
        "signature",
        "pass certificate",
        "WWDR certificate",
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("icon.png", b"GIF89a"),
        ("icon@2x.png", b""),
        ("logo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">2L", 161, 50) + bytes(9)),
        ("logo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">2L", 0, 50) + bytes(9)),
        ("holiday.png", None),
        ("fr.lproj/pass.strings", b'"Points" = "Poi'),
        ("fr.lproj/pass.strings", b'"Points" = "Po\xff";'),
    ],
)
def test_pictures_and_strings_that_are_none_are_named(
    forge: Forge, now: datetime, name: str, content: bytes | None
) -> None:
    package = forge.with_files(**{name: forge.files["logo.png"] if content is None else content})

    faults = check_pass(package, now=now)

    assert [fault.field for fault in faults] == [name]


@pytest.mark.parametrize(
    "text", ["", '/* a */ "a"="b";\n// c\n"d\\"" = "e";', '"a" = "é";', '"a" = "b";\n"c" = "d" ;\n']
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_strings_as_others_write_them_are_right(forge: Forge, now: datetime, text: str, encoding: str) -> None:
    package = forge.with_files(**{"fr.lproj/pass.strings": text.encode(encoding)})

    assert check_pass(package, now=now) == []


def test_strings_made_to_take_for_ever_do_not(forge: Forge, now: datetime) -> None:
    hostile = b"/**/" * 50_000 + b'"' + b'\\"' * 50_000

    started = time.perf_counter()
    faults = check_pass(forge.with_files(**{"fr.lproj/pass.strings": hostile}), now=now)

    assert [fault.field for fault in faults] == ["fr.lproj/pass.strings"]
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("name", ["../pass.json", "/etc/passwd", "a//b", "__MACOSX/icon.png", ".DS_Store", "folder/"])
def test_names_that_no_pass_may_have_are_refused(forge: Forge, now: datetime, name: str) -> None:
    faults = check_pass(forge.with_files(**{name: b""}), now=now)

    assert faults == [Fault(name, "is no name for a file of a pass")]


def test_links_doubles_and_odd_compression_are_refused(forge: Forge, now: datetime) -> None:
    link = ZipInfo("icon.png")
    link.external_attr = 0o120777 << 16
    twice = BytesIO(forge.package(forge.files))
    with ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("icon.png", b"")
    odd, linked = BytesIO(), BytesIO()
    with ZipFile(odd, "w", ZIP_BZIP2) as archive:
        archive.writestr("icon.png", b"")
    with ZipFile(linked, "w") as archive:
        archive.writestr(link, b"/etc/passwd")

    found = [check_pass(made.getvalue(), now=now) for made in (twice, odd, linked)]

    assert found == [
        [Fault("icon.png", "is there twice")],
        [Fault("icon.png", "is neither stored nor deflated")],
        [Fault("icon.png", "is a symbolic link")],
    ]


def test_a_zip_bomb_is_not_unpacked(forge: Forge, now: datetime) -> None:
    package = forge.package(forge.files | {"strip.png": bytes(20_000_001)}, resign=False)

    (fault,) = check_pass(package, now=now)

    assert len(package) < 100_000
    assert fault.field == "package"
    assert "unpacks" in fault.what


@pytest.mark.parametrize("data", [b"", b"PK", b"<html>", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_package_is_said_so(data: bytes, now: datetime) -> None:
    faults = check_pass(data, now=now)

    assert faults != []
    assert faults[0].field in ("package", "pass.json")


def test_damage_anywhere_in_a_package_never_raises_and_in_a_file_is_found(package: bytes, now: datetime) -> None:
    dice = random.Random(20260921)
    document = package.index(b"pass.json{") + len(b"pass.json")

    for place in dice.sample(range(len(package)), 400):
        damaged = bytearray(package)
        damaged[place] ^= 1 << dice.randrange(8)
        faults = check_pass(bytes(damaged), now=now)
        assert faults or not document <= place < document + 500


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_turned_bit_anywhere_in_a_signature_is_found_and_never_raises(
    forge: Forge, certificates: DevelopmentCertificates, now: datetime
) -> None:
    dice = random.Random(20260921)
    signature = forge.files["signature"]
    # How many bits are unused at the end of a certificate's own signature is read by nobody.
    unread = {m.end() - 1 for m in re.finditer(rb"\x03\x82\x01\x01\x00", signature)}
    passed = set()

    for place in range(0, len(signature), 2):
        damaged = bytearray(signature)
        damaged[place] ^= 1 << dice.randrange(8)
        package = forge.package(forge.files | {"signature": bytes(damaged)}, resign=False)
        if not check_pass(package, root_pem=certificates.root_pem, now=now):
            passed.add(place)

    assert passed <= unread
    assert len(unread) < 10


def test_an_intermediate_that_may_not_issue_is_found(
    forge: Forge, signer: Signer, certificates: DevelopmentCertificates, now: datetime
) -> None:
    """A thief of any certificate below the root could else sign passes for anybody."""
    key = signer.identity.key
    owner = signer.identity.certificate
    forged = (
        x509.CertificateBuilder(subject_name=owner.subject, issuer_name=owner.subject, public_key=key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.UnrecognizedExtension(PASS_TYPE_OID, b"\x0c\x13pass.example.carnet"),
            critical=False,
        )
        .sign(key, SHA256())
    )
    thief = replace(signer, identity=Identity.of(key, forged, owner))

    package = replace(forge, signer=thief).package(forge.files)

    assert check_pass(package, root_pem=certificates.root_pem, now=now) == [
        Fault("signature", "lacks the intermediate that issued the pass certificate")
    ]


@pytest.mark.parametrize("document", [None, [], "pass", 1, {}, {"storeCard": None}, {"barcodes": None}])
def test_json_of_any_shape_has_faults_and_never_raises(document: object) -> None:
    assert list(faults_of(document)) != []


def test_a_document_nested_to_the_limit_is_read_to_the_end(forge: Forge, now: datetime) -> None:
    deep = b'{"userInfo":' + b"[" * 1_000 + b'"a\\u0000b"' + b"]" * 1_000 + b"}"

    faults = check_pass(forge.with_files(**{"pass.json": deep}), now=now)

    assert any(fault.field == "userInfo" + "[0]" * 1_000 for fault in faults)
