"""The .pkpass file: a stored ZIP of pictures, strings, pass.json, manifest and signature; and several in one file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha1
from typing import Final

import orjson

from passes import texts
from passes.apple.images import brand_images
from passes.apple.pass_json import pass_json
from passes.apple.signing import Signer
from passes.apple.stored_zip import Members
from passes.apple.strip import Strip, strip_images
from passes.errors import PassRefused
from passes.face import BrandFace, CardFace
from passes.face_rules import text_fault

CONTENT_TYPE: Final = "application/vnd.apple.pkpass"
BUNDLE_CONTENT_TYPE: Final = "application/vnd.apple.pkpasses"
BUNDLE_PASSES_MAX: Final = 10
BUNDLE_BYTES_MAX: Final = 150_000_000


# Told apart by identity: two preparations of one brand are equal, but to compare them costs more than it saves.
@dataclass(frozen=True, kw_only=True, eq=False)
class BrandAssets:
    """A brand's pictures and strings: drawn, hashed and laid out once for all its passes."""

    brand: BrandFace
    digests: Mapping[str, str] = field(repr=False)
    members: Members = field(repr=False)

    @classmethod
    def of(cls, brand: BrandFace) -> "BrandAssets":
        """Prepare a brand; raises `PassRefused` for a logo or colours that cannot be used."""
        files = brand_images(brand) | {
            f"{language}.lproj/pass.strings": strings(texts.texts_in(language, brand=brand))
            for language in texts.LANGUAGES
        }
        return cls(brand=brand, digests=_digests(files), members=Members().add(files))

    def with_strip(self, strip: Strip) -> "BrandAssets":
        """Return these with a strip picture; each is drawn, hashed and laid out once, and kept."""
        return _with_strip(self, strip)


def build_pass(face: CardFace, *, assets: BrandAssets, signer: Signer, now: datetime) -> bytes:
    """Make a signed .pkpass; raises `PassRefused` where Apple Wallet would refuse it."""
    if assets.brand != face.brand:
        raise ValueError("these assets were prepared for another brand, or before it changed")
    signer = signer.required_at(now)  # NFC is for the certificate that signs
    document = pass_json(
        face,
        pass_type_id=signer.pass_type_id,
        team_id=signer.team_id,
        nfc_allowed=signer.allows_nfc,
    )
    assets = assets.with_strip(Strip.of(face.progress))
    manifest = orjson.dumps({**assets.digests, "pass.json": _digest(document)})
    signature = signer.sign(manifest, now=now)
    own = {"pass.json": document, "manifest.json": manifest, "signature": signature}
    return assets.members.add(own).archive()


def bundle(passes: Sequence[bytes]) -> bytes:
    """Put up to ten .pkpass files into one .pkpasses file, which Safari adds at once; raises `PassRefused`."""
    if not 1 <= len(passes) <= BUNDLE_PASSES_MAX:
        raise PassRefused("passes", f"holds {len(passes)}; a bundle has 1 to {BUNDLE_PASSES_MAX}")
    # Checked before they are put together: the file is in memory twice by then.
    if sum(map(len, passes)) > BUNDLE_BYTES_MAX:
        raise PassRefused("passes", f"is larger than {BUNDLE_BYTES_MAX:,} bytes")
    return Members().add({f"card-{number}.pkpass": content for number, content in enumerate(passes, 1)}).archive()


def strings(pairs: Mapping[str, str]) -> bytes:
    """Write a pass.strings file (UTF-8): what the pass says, and what it says in a language."""
    lines = (f'"{_escaped(text)}" = "{_escaped(says)}";\n' for text, says in pairs.items())
    return "".join(lines).encode()


def _escaped(text: str) -> str:
    if what := text_fault(text):
        raise PassRefused("pass.strings", what)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@lru_cache(maxsize=256)
def _with_strip(assets: BrandAssets, strip: Strip) -> BrandAssets:
    files = strip_images(assets.brand.colours, strip)
    return BrandAssets(
        brand=assets.brand,
        digests={**assets.digests, **_digests(files)},
        members=assets.members.add(files),
    )


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _digest(content) for name, content in files.items()}


def _digest(content: bytes) -> str:
    """SHA-1 is what Apple's format asks for; the signature over the manifest is SHA-256."""
    return sha1(content, usedforsecurity=False).hexdigest()
