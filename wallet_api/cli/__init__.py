"""The command `carnet`.

Each module holds the commands of one area; they are gathered here and nowhere else. What is said goes to standard
output, faults to standard error in one sentence that says what to do, with exit code 1.
"""

from __future__ import annotations

import click

from wallet_api.cli import cards, imports, ledger, messages, operation, passes, people, programs, run
from wallet_api.cli.faults import FaultsInWords


@click.group(cls=FaultsInWords)
@click.version_option(package_name="carnet")
def main() -> None:
    """Digital loyalty cards on your own server."""


main.add_command(run.serve)
main.add_command(run.worker)
main.add_command(run.demo)
main.add_command(operation.migrate)
main.add_command(operation.check)
main.add_command(programs.program)
main.add_command(programs.location)
main.add_command(people.staff)
main.add_command(people.key)
main.add_command(people.member)
main.add_command(messages.message)
main.add_command(cards.card)
main.add_command(passes.passes)
main.add_command(imports.imports)
main.add_command(ledger.ledger)
