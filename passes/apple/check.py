"""Our validator for .pkpass and .pkpasses files: the public validators' rules, and what they do not look at."""

import re
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha1
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import orjson
from cryptography import x509
from cryptography.x509.oid import NameOID

from passes.apple.cms import UNREADABLE, SignatureFaulty, Signed, verify_detached
from passes.apple.nfc import allows_nfc
from passes.apple.package import BUNDLE_BYTES_MAX, BUNDLE_PASSES_MAX
from passes.apple.png import SCALES, png_fault, png_size
from passes.apple.rules import STYLES, Fault, faults_of
from passes.apple.signing import (
    apple_pass_type,
    check_period,
    is_issued_by,
    read_certificate,
    subject_values,
)
from passes.errors import PassRefused

__all__ = ["Fault", "check_bundle", "check_pass", "is_bundle"]

PACKAGE_BYTES_MAX: Final = 20_000_000
FILES_MAX: Final = 200
SIGNED_WITHIN: Final = timedelta(days=1)
_NO_ZIP: Final = (BadZipFile, zlib.error, RuntimeError, OSError, EOFError, ValueError, struct.error)
_UNLISTED: Final = ("manifest.json", "signature")
_NEEDED: Final = ("pass.json", *_UNLISTED, *(f"icon{suffix}.png" for suffix in SCALES))
# Width and height in points that Wallet leaves for each picture; larger ones are cut or shrunk.
_SLOTS: Final = {
    "icon": (38, 38),
    "logo": (160, 50),
    "strip": (375, 144),
    "thumbnail": (90, 90),
    "footer": (286, 15),
    "background": (180, 220),
}
_TICKET_STRIP: Final = (375, 98)
# Which pictures a style shows besides icon and logo.
_SHOWN: Final = {
    "storeCard": ("strip",),
    "coupon": ("strip",),
    "generic": ("thumbnail",),
    "eventTicket": ("strip", "thumbnail", "background"),
    "boardingPass": ("footer",),
}
_PICTURE: Final = re.compile(rf"(?:[A-Za-z-]+\.lproj/)?(?P<slot>{'|'.join(_SLOTS)})(?P<scale>@[23]x)?\.png")
_PASS_NAME: Final = re.compile(r"[^/\\\x00-\x1f]+\.pkpass")
_STRINGS: Final = re.compile(r"[A-Za-z-]+\.lproj/pass\.strings")
_QUOTED: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PAIRS: Final = re.compile(
    # Atomic groups: what has matched is not tried in other ways, or a hostile file takes for ever.
    rf"\ufeff?(?>\s*+(?>(?>/\*.*?\*/|//[^\n]*\n)\s*+)*+{_QUOTED}\s*+=\s*+{_QUOTED}\s*+;)*+\s*+",
    re.DOTALL,
)


def check_pass(data: bytes, *, root_pem: bytes | None = None, now: datetime) -> list[Fault]:
    """Find every fault of a .pkpass file that is to be served at `now`; none means sound.

    With a root certificate the whole chain is checked, else from the pass certificate up to the
    intermediate that the signature carries; `PassRefused` is raised for a root that is none. A
    device may still refuse what only Apple knows of.
    """
    try:
        files = _unpacked(data)
    except PassRefused as refused:
        return [Fault(refused.field, refused.why)]
    return list(_faults(files, root_pem=root_pem, now=now))


def is_bundle(data: bytes) -> bool:
    """Tell whether this is a .pkpasses file: a ZIP with passes in it, and no pass.json of its own."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except _NO_ZIP:
        return False
    return "pass.json" not in names and any(name.endswith(".pkpass") for name in names)


def check_bundle(data: bytes, *, root_pem: bytes | None = None, now: datetime) -> list[Fault]:
    """Find every fault of a .pkpasses file and of the passes in it; those of a pass begin with its name."""
    try:
        files = _unpacked(data, bytes_max=BUNDLE_BYTES_MAX)
    except PassRefused as refused:
        return [Fault(refused.field, refused.why)]
    faults = [Fault(name, "is not a pass") for name in files if not _PASS_NAME.fullmatch(name)]
    passes = {name: content for name, content in files.items() if _PASS_NAME.fullmatch(name)}
    if not 1 <= len(passes) <= BUNDLE_PASSES_MAX:
        faults.append(Fault("bundle", f"holds {len(passes)} passes; it has room for 1 to {BUNDLE_PASSES_MAX}"))
    for name, content in passes.items():
        found = check_pass(content, root_pem=root_pem, now=now)
        faults += [Fault(f"{name}: {fault.field}", fault.what) for fault in found]
    return faults


def _faults(files: Mapping[str, bytes], *, root_pem: bytes | None, now: datetime) -> Iterator[Fault]:
    for name in _NEEDED:
        if name not in files:
            yield Fault(name, "is missing")
    document = _json(files.get("pass.json"))
    root = read_certificate(root_pem, name="root certificate") if root_pem else None
    signed: Signed | None = None
    found: list[Fault] = []
    if "signature" in files and "manifest.json" in files:
        signed, found = _signature(files, document, root=root, now=now)
    if "pass.json" in files:
        yield from faults_of(document, nfc_allowed=signed is not None and allows_nfc(signed.leaf))
    yield from _manifest_faults(files)
    yield from _picture_faults(files, style=_style(document))
    yield from _strings_faults(files)
    yield from found


def _unpacked(data: bytes, *, bytes_max: int = PACKAGE_BYTES_MAX) -> dict[str, bytes]:
    """Read the files of a ZIP that nobody vouches for; nothing is written to disk."""
    if len(data) > bytes_max:
        raise PassRefused("package", f"is larger than {bytes_max:,} bytes")
    try:
        with ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, bytes_max=bytes_max)
            return {member.filename: archive.read(member) for member in members}
    except PassRefused:
        raise
    except _NO_ZIP as error:
        raise PassRefused("package", "is not a ZIP file, or a damaged one") from error


def _check_members(members: list[ZipInfo], *, bytes_max: int) -> None:
    if len(members) > FILES_MAX or sum(m.file_size for m in members) > bytes_max:
        raise PassRefused("package", f"unpacks to over {FILES_MAX} files or {bytes_max:,} bytes")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        parts = name.split("/")
        if name in seen:
            raise PassRefused(name, "is there twice")
        if "\\" in name or any(part in ("", ".", "..", "__MACOSX", ".DS_Store") for part in parts):
            raise PassRefused(name, "is no name for a file of a pass")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise PassRefused(name, "is a symbolic link")
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise PassRefused(name, "is neither stored nor deflated")
        seen.add(name)


def _manifest_faults(files: Mapping[str, bytes]) -> Iterator[Fault]:
    if "manifest.json" not in files:
        return
    manifest = _json(files["manifest.json"])
    if not isinstance(manifest, dict):
        yield Fault("manifest.json", "is not a JSON object")
        return
    for name in sorted(manifest.keys() - files.keys()):
        yield Fault(name, "is in the manifest, but not in the package")
    for name in sorted(files.keys() - manifest.keys() - set(_UNLISTED)):
        yield Fault(name, "is in the package, but not in the manifest")
    for name in sorted(manifest.keys() & files.keys()):
        if name in _UNLISTED:
            yield Fault(name, "must not be in the manifest")
        elif manifest[name] != sha1(files[name], usedforsecurity=False).hexdigest():
            yield Fault(name, "has another SHA-1 than the manifest says")


def _picture_faults(files: Mapping[str, bytes], *, style: str | None) -> Iterator[Fault]:
    for name, content in files.items():
        if not name.endswith(".png"):
            continue
        picture, size = _PICTURE.fullmatch(name), png_size(content)
        if size is None:
            yield Fault(name, "is not a PNG file")
        elif picture is None:
            yield Fault(name, "is no picture that Wallet knows")
        else:
            slot = picture["slot"]
            room = _TICKET_STRIP if (slot, style) == ("strip", "eventTicket") else _SLOTS[slot]
            width, height = (points * SCALES[picture["scale"] or ""] for points in room)
            if style and slot not in ("icon", "logo", *_SHOWN[style]):
                yield Fault(name, f"is not shown on a {style}")
            if not (0 < size[0] <= width and 0 < size[1] <= height):
                yield Fault(name, f"is {size[0]}x{size[1]} pixels; its place has {width}x{height}")
            elif what := png_fault(content):
                yield Fault(name, what)


def _strings_faults(files: Mapping[str, bytes]) -> Iterator[Fault]:
    for name, content in files.items():
        if _STRINGS.fullmatch(name) and not _are_strings(content):
            yield Fault(name, 'is not lines of "text" = "text"; in UTF-8 or UTF-16')


def _are_strings(content: bytes) -> bool:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8")
    except UnicodeDecodeError:
        return False
    return _PAIRS.fullmatch(text) is not None


def _signature(
    files: Mapping[str, bytes], document: object, *, root: x509.Certificate | None, now: datetime
) -> tuple[Signed | None, list[Fault]]:
    """Read the signature, as far as it can be read, and find its faults."""
    try:
        signed = verify_detached(files["signature"], content=files["manifest.json"])
        faults = [*_signer_faults(signed, root=root, now=now), *_identity_faults(document, signed.leaf)]
    except SignatureFaulty as faulty:
        return None, [Fault("signature", str(faulty))]
    except UNREADABLE:
        return None, [Fault("signature", "carries a certificate that cannot be read")]
    return signed, faults


def _signer_faults(signed: Signed, *, root: x509.Certificate | None, now: datetime) -> Iterator[Fault]:
    if abs(now - signed.signing_time) > SIGNED_WITHIN:
        yield Fault("signature", f"was made at {signed.signing_time:%Y-%m-%dT%H:%MZ}, over a day away")
    yield from _period_faults(signed.leaf, "pass certificate", now)
    issuers = [c for c in signed.certificates if is_issued_by(signed.leaf, c)]
    if not issuers:
        yield Fault("signature", "lacks the intermediate that issued the pass certificate")
        return
    yield from _period_faults(issuers[0], "WWDR certificate", now)
    if root is not None:
        yield from _period_faults(root, "root certificate", now)
        if not is_issued_by(issuers[0], root):
            yield Fault("WWDR certificate", "was not issued by the root certificate")


def _period_faults(certificate: x509.Certificate, name: str, now: datetime) -> Iterator[Fault]:
    try:
        check_period(certificate, name=name, now=now)
    except PassRefused as refused:
        yield Fault(refused.field, refused.why)


def _identity_faults(document: object, leaf: x509.Certificate) -> Iterator[Fault]:
    if not isinstance(document, dict):
        return
    pass_type = document.get("passTypeIdentifier")
    if [pass_type] != subject_values(leaf, NameOID.USER_ID) or pass_type != apple_pass_type(leaf):
        yield Fault("passTypeIdentifier", "is not the one of the pass certificate")
    if [document.get("teamIdentifier")] != subject_values(leaf, NameOID.ORGANIZATIONAL_UNIT_NAME):
        yield Fault("teamIdentifier", "is not the one of the pass certificate")


def _style(document: object) -> str | None:
    """Return the style of a document that has one, and only one; the rules name any other."""
    styles = [style for style in STYLES if style in document] if isinstance(document, dict) else []
    return styles[0] if len(styles) == 1 else None


def _json(content: bytes | None) -> object:
    """Read JSON; None where it is not, which the rules then name."""
    try:
        document: object = orjson.loads(content or b"")
    except orjson.JSONDecodeError:
        return None
    return document
