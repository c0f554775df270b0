"""Packages that Carnet is only measured beside: installed into a folder that goes away, not into the environment."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.world import ROOT

WANTED = ROOT / "bench" / "peers.txt"
NODE_TOOLS = ROOT / "tools" / "node"


@contextmanager
def peers() -> Iterator[None]:
    """Have the packages of peers.txt at hand while the block lasts; they run on the libraries that Carnet runs on."""
    with tempfile.TemporaryDirectory(prefix="carnet-peers-") as folder:
        command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        # Without what they depend on: cryptography is here, and the rest is needed for their tests and builds only.
        command += ["--no-deps", "--require-hashes", "--target", folder, "--requirement", str(WANTED)]
        subprocess.run(command, check=True, timeout=300)
        sys.path.append(folder)
        try:
            yield
        finally:
            sys.path.remove(folder)


def node(script: Path, *arguments: str) -> str:
    """Run a script of tools/node and return what it prints."""
    command = ["node", str(script), *arguments]
    return subprocess.run(command, cwd=NODE_TOOLS, check=True, capture_output=True, text=True, timeout=300).stdout
