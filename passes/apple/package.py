"""The .pkpass file: a stored ZIP of pictures, strings, pass.json, manifest and signature."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha1

import orjson

from passes import texts
from passes.apple.images import brand_images
from passes.apple.pass_json import pass_json
from passes.apple.signing import Signer
from passes.apple.stored_zip import Members
from passes.errors import PassRefused
from passes.face import BrandFace, CardFace
from passes.face_rules import text_fault

CONTENT_TYPE = "application/vnd.apple.pkpass"


@dataclass(frozen=True, kw_only=True)
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
        digests = {name: _digest(content) for name, content in files.items()}
        return cls(brand=brand, digests=digests, members=Members().add(files))


def build_pass(face: CardFace, *, assets: BrandAssets, signer: Signer, now: datetime) -> bytes:
    """Make a signed .pkpass; raises `PassRefused` where Apple Wallet would refuse it."""
    if assets.brand != face.brand:
        raise ValueError("these assets were prepared for another brand, or before it changed")
    document = pass_json(face, pass_type_id=signer.pass_type_id, team_id=signer.team_id)
    manifest = orjson.dumps({**assets.digests, "pass.json": _digest(document)})
    signature = signer.sign(manifest, now=now)
    own = {"pass.json": document, "manifest.json": manifest, "signature": signature}
    return assets.members.add(own).archive()


def strings(pairs: Mapping[str, str]) -> bytes:
    """Write a pass.strings file (UTF-8): what the pass says, and what it says in a language."""
    lines = (f'"{_escaped(text)}" = "{_escaped(says)}";\n' for text, says in pairs.items())
    return "".join(lines).encode()


def _escaped(text: str) -> str:
    if what := text_fault(text):
        raise PassRefused("pass.strings", what)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _digest(content: bytes) -> str:
    """SHA-1 is what Apple's format asks for; the signature over the manifest is SHA-256."""
    return sha1(content, usedforsecurity=False).hexdigest()
