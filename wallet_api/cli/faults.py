"""Faults that are to be expected, said in words instead of a traceback."""

from __future__ import annotations

import click
from sqlalchemy.exc import OperationalError

from wallet_api.demo.run import DemoFailed
from wallet_api.domain.errors import Busy, Invalid, NotFound, Refusal
from wallet_api.program_file import DefinitionFaults
from wallet_api.serve import PortTaken
from wallet_api.services.csv_file import UnreadableFile
from wallet_api.settings import SettingsFaults
from wallet_api.store.embedded import EmbeddedPostgresMissing

_NO_DATABASE = "The database cannot be reached. Start it, or correct DATABASE_URL."
_BUSY = "The database is busy or went away. Run the command again; what was written stays, and nothing is done twice."


class FaultsInWords(click.Group):
    """A group whose commands end with a sentence where something is wrong that a person can mend."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; expected faults become click's own, which print `Error: …` and exit with 1."""
        try:
            return super().invoke(ctx)
        except (
            SettingsFaults,
            DefinitionFaults,
            UnreadableFile,
            EmbeddedPostgresMissing,
            PortTaken,
            DemoFailed,
        ) as fault:
            raise click.ClickException(str(fault)) from fault
        except OperationalError as fault:
            raise click.ClickException(_NO_DATABASE) from fault
        except Refusal as refusal:
            raise click.ClickException(_in_words(refusal)) from refusal


def _in_words(refusal: Refusal) -> str:
    match refusal:
        case Busy():
            return _BUSY
        case Invalid():
            return refusal.detail
        case NotFound():
            return f"There is no {refusal.what} of that name. Correct it, or create it first."
        case _:
            return str(refusal)
