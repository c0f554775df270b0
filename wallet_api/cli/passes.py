"""Commands on wallet passes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from passes.apple.check import check_bundle, check_pass, is_bundle
from passes.errors import PassRefused
from wallet_api.clock import SystemClock

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("pass")
def passes() -> None:
    """Passes for Apple Wallet."""


@passes.command()
@click.argument("file", type=_FILE)
@click.option(
    "--root", type=_FILE, help="The root certificate that the pass has to lead up to; else only that it is whole."
)
@click.option(
    "--at",
    type=click.DateTime(formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
    help="When the pass is handed out (UTC), for one that was kept: a signature is to be of that day; now if left out.",
)
def check(file: Path, root: Path | None, at: datetime | None) -> None:
    """Say what is wrong with a .pkpass or .pkpasses file, fault by fault, each with its field; or that it is sound.

    A phone says of a faulty pass at most that it cannot be added. What only Apple knows is not checked: whether a
    certificate was revoked, and whether the pass type is yours.
    """
    data, now = file.read_bytes(), at.replace(tzinfo=UTC) if at else SystemClock().now()
    look = check_bundle if is_bundle(data) else check_pass
    try:
        faults = look(data, root_pem=root.read_bytes() if root else None, now=now)
    except PassRefused as refused:  # what was given as a root is none
        raise click.ClickException(f"{refused}.") from refused
    for fault in faults:
        click.echo(f"{fault.field}: {fault.what}")
    if faults:
        raise click.ClickException(f"{file.name} has {len(faults)} {'fault' if len(faults) == 1 else 'faults'}.")
    click.echo(f"{file.name} is sound.")
