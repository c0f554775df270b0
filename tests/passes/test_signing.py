import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.apple.cms import Identity, SignatureFaulty, sign_detached, verify_detached
from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.signing import PASS_TYPE_OID, Signer, apple_pass_type
from passes.errors import PassRefused

MANIFEST = b'{\n"pass.json": "00"\r\n}\n'


@pytest.fixture(scope="session")
def other_certificates(now: datetime) -> DevelopmentCertificates:
    return development_certificates(pass_type_id="pass.rival", team_id="RIVAL00001", now=now)


def load(
    certificates: DevelopmentCertificates,
    *,
    password: bytes | None = None,
    pass_type_id: str | None = None,
    team_id: str | None = None,
) -> Signer:
    return Signer.load(
        cert_pem=certificates.cert_pem,
        key_pem=certificates.key_pem,
        password=password,
        wwdr_pem=certificates.wwdr_pem,
        pass_type_id=pass_type_id,
        team_id=team_id,
    )


def private_key(kind: object) -> bytes:
    assert isinstance(kind, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return kind.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_signer_knows_its_pass_type_team_and_end(certificates: DevelopmentCertificates, now: datetime) -> None:
    signer = load(certificates, pass_type_id="pass.example.carnet", team_id="CARNET0001")

    assert signer.pass_type_id == "pass.example.carnet"
    assert signer.team_id == "CARNET0001"
    assert signer.ends_at == now + timedelta(days=365)
    assert "PRIVATE" not in repr(signer)


def test_a_signature_says_who_signed_and_when(signer: Signer, now: datetime) -> None:
    signature = signer.sign(MANIFEST, now=now)

    signed = verify_detached(signature, content=MANIFEST)
    assert signed.leaf == signer.identity.certificate
    assert signed.signing_time == now
    assert set(signed.certificates) == {signer.identity.certificate, signer.identity.intermediate}


def test_a_signature_is_of_one_content_to_the_byte(signer: Signer, now: datetime) -> None:
    signature = signer.sign(MANIFEST, now=now)

    with pytest.raises(SignatureFaulty, match="another content"):
        verify_detached(signature, content=MANIFEST.replace(b"\r\n", b"\n"))


def test_any_bit_that_is_turned_in_the_signed_part_is_noticed(signer: Signer, now: datetime) -> None:
    signature = signer.sign(MANIFEST, now=now)
    signed_value = len(signature) - 256

    for place in (signed_value, signed_value + 100, len(signature) - 1):
        turned = bytearray(signature)
        turned[place] ^= 1
        with pytest.raises(SignatureFaulty, match="key of its certificate"):
            verify_detached(bytes(turned), content=MANIFEST)


def test_signatures_by_openssl_are_read_too(certificates: DevelopmentCertificates, tmp_path: Path) -> None:
    for name, content in (
        ("cert", certificates.cert_pem),
        ("key", certificates.key_pem),
        ("wwdr", certificates.wwdr_pem),
        ("manifest", MANIFEST),
    ):
        (tmp_path / name).write_bytes(content)
    command = "openssl smime -binary -sign -signer cert -inkey key -certfile wwdr -in manifest"

    made = subprocess.run(
        [*command.split(), "-outform", "DER", "-md", "sha256"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=30,
    )

    signed = verify_detached(made.stdout, content=MANIFEST)
    assert signed.leaf == x509.load_pem_x509_certificate(certificates.cert_pem)


def test_a_signature_that_carries_its_content_is_not_detached(
    certificates: DevelopmentCertificates, tmp_path: Path
) -> None:
    for name, content in (
        ("cert", certificates.cert_pem),
        ("key", certificates.key_pem),
        ("manifest", MANIFEST),
    ):
        (tmp_path / name).write_bytes(content)
    command = "openssl cms -binary -nodetach -sign -signer cert -inkey key -in manifest"
    made = subprocess.run(
        [*command.split(), "-outform", "DER"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=30,
    )

    with pytest.raises(SignatureFaulty, match="not detached"):
        verify_detached(made.stdout, content=MANIFEST)


def test_a_signature_without_its_time_is_refused(certificates: DevelopmentCertificates, tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(certificates.cert_pem)
    (tmp_path / "key").write_bytes(certificates.key_pem)
    (tmp_path / "manifest").write_bytes(MANIFEST)
    command = "openssl cms -binary -noattr -sign -signer cert -inkey key -in manifest"
    made = subprocess.run(
        [*command.split(), "-outform", "DER"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=30,
    )

    with pytest.raises(SignatureFaulty, match="attributes"):
        verify_detached(made.stdout, content=MANIFEST)


def test_a_key_may_be_locked_with_a_password(certificates: DevelopmentCertificates) -> None:
    key = load_pem_private_key(certificates.key_pem, password=None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"correct horse"))
    guarded = replace(certificates, key_pem=locked)

    signer = load(guarded, password=b"correct horse")

    assert signer.pass_type_id == "pass.example.carnet"
    for wrong in (b"battery staple", None):
        with pytest.raises(PassRefused) as refused:
            load(guarded, password=wrong)
        assert refused.value.field == "private key"


def test_certificates_may_come_as_apple_offers_them_in_der(certificates: DevelopmentCertificates) -> None:
    der = {
        name: x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        for name, pem in (("cert_pem", certificates.cert_pem), ("wwdr_pem", certificates.wwdr_pem))
    }

    signer = load(replace(certificates, **der))

    assert signer.team_id == "CARNET0001"


def test_a_key_of_another_certificate_is_refused(
    certificates: DevelopmentCertificates, other_certificates: DevelopmentCertificates
) -> None:
    with pytest.raises(PassRefused, match="another certificate"):
        load(replace(certificates, key_pem=other_certificates.key_pem))


def test_an_intermediate_that_did_not_issue_the_certificate_is_refused(
    certificates: DevelopmentCertificates, other_certificates: DevelopmentCertificates
) -> None:
    with pytest.raises(PassRefused, match="did not issue"):
        load(replace(certificates, wwdr_pem=other_certificates.wwdr_pem))


def test_the_pass_certificate_is_no_intermediate(certificates: DevelopmentCertificates) -> None:
    with pytest.raises(PassRefused, match="did not issue"):
        load(replace(certificates, wwdr_pem=certificates.cert_pem))


@pytest.mark.parametrize(
    ("part", "content", "field"),
    [
        ("cert_pem", b"", "pass certificate"),
        (
            "cert_pem",
            b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
            "pass certificate",
        ),
        ("wwdr_pem", b"\x30\x82\x01", "WWDR certificate"),
        ("key_pem", b"not a key", "private key"),
        ("key_pem", private_key(ec.generate_private_key(ec.SECP256R1())), "private key"),
        ("key_pem", private_key(rsa.generate_private_key(65537, 1024)), "private key"),
    ],
    ids=["empty", "no base64", "cut DER", "no key", "elliptic", "short"],
)
def test_files_that_are_not_what_they_should_be_are_refused_by_name(
    certificates: DevelopmentCertificates, part: str, content: bytes, field: str
) -> None:
    broken = replace(certificates, **{part: content})

    with pytest.raises(PassRefused) as refused:
        load(broken)

    assert refused.value.field == field


def test_settings_that_name_another_pass_type_or_team_are_refused(certificates: DevelopmentCertificates) -> None:
    with pytest.raises(PassRefused, match=r"pass\.rival") as pass_type:
        load(certificates, pass_type_id="pass.rival")
    with pytest.raises(PassRefused, match="RIVAL00001") as team:
        load(certificates, team_id="RIVAL00001")

    assert pass_type.value.field == "pass type id"
    assert team.value.field == "team id"


def test_a_certificate_that_is_not_for_passes_is_refused(certificates: DevelopmentCertificates, now: datetime) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, "pass.example.carnet"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "CARNET0001"),
        ]
    )
    authority = x509.BasicConstraints(ca=True, path_length=0)
    plain = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(authority, critical=True)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )

    with pytest.raises(PassRefused, match="Apple's mark is missing"):
        load(DevelopmentCertificates(root_pem=b"", wwdr_pem=plain, cert_pem=plain, key_pem=private_key(key)))


@pytest.mark.parametrize(
    ("extension", "says"),
    [
        (b"\x0c\x06pass.a", "pass.a"),
        (b"\x13\x06pass.a", "pass.a"),
        (b"\x16\x06pass.a", "pass.a"),
        (b"\x04\x06pass.a", None),
        (b"\x0c\x02\xc3\xa9", None),
        (b"pass.a", None),
        (b"", None),
    ],
)
def test_apples_mark_is_read_in_every_kind_of_string(now: datetime, extension: bytes, says: str | None) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    mark = x509.UnrecognizedExtension(PASS_TYPE_OID, extension)
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(mark, critical=False)
        .sign(key, SHA256())
    )

    assert apple_pass_type(certificate) == says


@pytest.mark.parametrize(
    ("days", "why"),
    [(-1, "pass certificate: is valid from 2026-09-21 only"), (366, "pass certificate: has expired on 2027-09-21")],
)
def test_certificates_outside_their_time_load_but_do_not_sign(
    certificates: DevelopmentCertificates, now: datetime, days: int, why: str
) -> None:
    then, signer = now + timedelta(days=days), load(certificates)

    assert signer.at(then) is None
    with pytest.raises(PassRefused) as refused:
        signer.sign(MANIFEST, now=then)
    assert str(refused.value) == why


def test_the_end_of_the_intermediate_is_an_end_too(certificates: DevelopmentCertificates, now: datetime) -> None:
    signer = load(certificates)
    of_wwdr = replace(signer, ends_at=now + timedelta(days=2))

    assert signer.ends(now) == (now + timedelta(days=365), "pass certificate")
    assert of_wwdr.ends(now) == (now + timedelta(days=2), "WWDR certificate")
    with pytest.raises(PassRefused, match="WWDR certificate: has expired on"):
        of_wwdr.sign(MANIFEST, now=now + timedelta(days=3))


@pytest.fixture(scope="module")
def changing(certificates: DevelopmentCertificates, now: datetime) -> Signer:
    """A signer whose certificate ends in 365 days and is followed by one that begins in 300 days."""
    young = development_certificates(
        pass_type_id="pass.example.carnet", team_id="CARNET0001", now=now + timedelta(days=300)
    )
    return load(certificates).followed_by(load(young))


def test_of_two_certificates_the_younger_signs_from_its_first_day(changing: Signer, now: datetime) -> None:
    assert changing.successor is not None
    begins = changing.successor.begins_at

    before = verify_detached(changing.sign(MANIFEST, now=begins - timedelta(seconds=1)), content=MANIFEST)
    after = verify_detached(changing.sign(MANIFEST, now=begins), content=MANIFEST)

    assert before.leaf == changing.identity.certificate
    assert after.leaf == changing.successor.identity.certificate
    assert changing.ends(now) == (changing.successor.ends_at, "pass certificate")


def test_which_of_two_is_set_as_the_next_one_does_not_matter(changing: Signer, now: datetime) -> None:
    assert changing.successor is not None
    swapped = changing.successor.followed_by(replace(changing, successor=None))

    for days in (0, 299, 301, 366):
        chosen, likewise = (each.at(now + timedelta(days=days)) for each in (changing, swapped))
        assert chosen is not None
        assert likewise is not None
        assert chosen.identity == likewise.identity


def test_the_older_certificate_signs_again_if_the_younger_ends_first(changing: Signer, now: datetime) -> None:
    assert changing.successor is not None
    short = replace(changing.successor, ends_at=changing.successor.begins_at + timedelta(days=1))
    changing = replace(changing, successor=short)

    signer = changing.at(short.ends_at + timedelta(days=1))

    assert signer is not None
    assert signer.identity == changing.identity
    assert changing.ends(now) == (changing.ends_at, "pass certificate")


def test_a_gap_between_two_certificates_is_an_end(changing: Signer, now: datetime) -> None:
    assert changing.successor is not None
    late = replace(changing.successor, begins_at=changing.ends_at + timedelta(days=2))
    changing = replace(changing, successor=late)
    in_the_gap = changing.ends_at + timedelta(days=1)

    assert changing.at(in_the_gap) is None
    assert changing.ends(now) == changing.ends(in_the_gap) == (changing.ends_at, "pass certificate")
    assert changing.ends(late.begins_at) == (late.ends_at, "pass certificate")


def test_no_certificate_follows_one_of_another_pass_type_or_team(
    certificates: DevelopmentCertificates, other_certificates: DevelopmentCertificates, now: datetime
) -> None:
    other_team = development_certificates(pass_type_id="pass.example.carnet", team_id="RIVAL00001", now=now)
    signer = load(certificates)

    with pytest.raises(PassRefused, match=r"pass type id: is pass\.example\.carnet, but .* for pass\.rival"):
        signer.followed_by(load(other_certificates))
    with pytest.raises(PassRefused, match="team id: is CARNET0001, but .* for RIVAL00001"):
        signer.followed_by(load(other_team))


@given(st.binary(max_size=300), st.datetimes(datetime(2026, 9, 22), datetime(2027, 9, 20), timezones=st.just(UTC)))
@settings(max_examples=50, deadline=None)
def test_the_same_content_and_second_give_the_same_signature(signer: Signer, content: bytes, at: datetime) -> None:
    signature = signer.sign(content, now=at)

    signed = verify_detached(signature, content=content)
    assert signed.signing_time == at.replace(microsecond=0)
    assert signer.sign(content, now=at.replace(microsecond=0)) == signature


@pytest.mark.parametrize("bits", [2048, 3072])
def test_openssl_verifies_signatures_of_every_size_of_key(bits: int, now: datetime, tmp_path: Path) -> None:
    made = development_certificates(pass_type_id="pass.example.carnet", team_id="CARNET0001", now=now)
    key = rsa.generate_private_key(65537, bits)
    owner = x509.load_pem_x509_certificate(made.cert_pem)
    certificate = (
        x509.CertificateBuilder(subject_name=owner.subject, issuer_name=owner.subject, public_key=key.public_key())
        .serial_number(2**159 - 1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    identity = Identity.of(key, certificate, x509.load_pem_x509_certificate(made.wwdr_pem))

    (tmp_path / "signature").write_bytes(sign_detached(MANIFEST, identity=identity, now=now))

    (tmp_path / "manifest").write_bytes(MANIFEST)
    (tmp_path / "cert").write_bytes(certificate.public_bytes(Encoding.PEM))
    command = "openssl cms -verify -binary -inform DER -in signature -content manifest -CAfile cert -purpose any"
    command += f" -attime {int(now.timestamp())}"
    verified = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout == MANIFEST


def test_a_signing_time_that_needs_another_type_is_refused(signer: Signer) -> None:
    with pytest.raises(ValueError, match="after 2049"):
        sign_detached(MANIFEST, identity=signer.identity, now=datetime(2050, 1, 1, tzinfo=UTC))


def test_development_certificates_say_that_they_are_not_apples(
    certificates: DevelopmentCertificates,
) -> None:
    for pem in (certificates.root_pem, certificates.wwdr_pem, certificates.cert_pem):
        certificate = x509.load_pem_x509_certificate(pem)

        names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)

        assert [name.value for name in names] == ["Carnet development, not Apple"]
