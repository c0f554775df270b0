"""Reading a CSV file of sales as people export it: with commas, semicolons or tabs, with or without a BOM, in UTF-8."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wallet_api.services.import_transactions import OPTIONAL, REQUIRED, Rejection, SaleLine

OWN_COLUMNS = ("line", "reason")
"""What a file of rejected lines has before the columns of its source; mended, it can be imported as it is."""


class UnreadableFile(Exception):
    """The file as a whole cannot be read; its text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class CsvFile:
    """A file whose header has been read."""

    path: Path
    delimiter: str
    columns: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> CsvFile:
        """Read the header; raises UnreadableFile if it is none."""
        header = next(_text_of(path), "")
        delimiter = max(",;\t", key=header.count)
        columns = tuple(name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), []))
        if missing := [name for name in REQUIRED if name not in columns]:
            raise UnreadableFile(
                f"{path.name} has no column {' and no column '.join(missing)}. Its first line must name the columns: "
                f"{', '.join(REQUIRED)}, and perhaps {', '.join(OPTIONAL)}."
            )
        if len(set(columns)) < len(columns):
            raise UnreadableFile(f"{path.name} names a column twice in its first line. Rename or remove one of them.")
        return cls(path=path, delimiter=delimiter, columns=columns)

    @property
    def ignored(self) -> list[str]:
        """Columns that mean nothing here."""
        return [name for name in self.columns if name not in (*REQUIRED, *OPTIONAL, *OWN_COLUMNS)]

    def lines(self) -> Iterator[SaleLine | Rejection]:
        """Each line after the header; those that are no CSV as rejections. Raises UnreadableFile on what is no UTF-8."""
        reader = csv.reader(_text_of(self.path), delimiter=self.delimiter, strict=True)
        next(reader)
        while True:
            first = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as trouble:
                lost = f"Lines {first} to {reader.line_num} are not CSV ({trouble}). Mend them in {self.path.name}."
                yield Rejection(line=SaleLine(number=first, columns={}), reason=lost)
                continue
            if fields:
                yield self._line(first, fields)

    def _line(self, number: int, fields: list[str]) -> SaleLine | Rejection:
        line = SaleLine(number=number, columns=dict(zip(self.columns, fields, strict=False)))
        if len(fields) != len(self.columns):
            reason = f"The line has {len(fields)} fields, the header {len(self.columns)}."
            return Rejection(line=line, reason=reason)
        if self.delimiter == ",":
            return line
        amount = line.columns["amount"].replace(",", ".")  # who separates by semicolons writes 12,90
        return SaleLine(number=number, columns={**line.columns, "amount": amount})


def _text_of(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as trouble:
                raise UnreadableFile(
                    f"{path.name} is not UTF-8: line {number} has the byte 0x{raw[trouble.start]:02X}. It may be "
                    "Latin-1 or Windows-1252; save it as UTF-8 and import it again. Nothing was imported."
                ) from trouble
