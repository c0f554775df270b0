"""A ZIP file of stored members, in two parts: one prepared once, one written for each pass.

The standard library's writer takes twenty times as long for the same bytes, and would copy a
brand's pictures through CRC-32 for every pass. Format: PKWARE's APPNOTE, 4.3.7, 4.3.12, 4.3.16.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

_VERSION = 20
_DATE = 0x0021  # 1 January 1980, ZIP's first day: the same members give the same bytes


@dataclass(frozen=True, kw_only=True)
class Members:
    """Some members as they stand in a file: headers and contents, then their directory.

    The parts of the body are put together by `archive` alone: pictures are copied once a pass.
    """

    body: tuple[bytes, ...] = ()
    body_bytes: int = 0
    directory: bytes = b""
    count: int = 0

    def add(self, files: Mapping[str, bytes]) -> "Members":
        """Return these members followed by more; names are ASCII, contents below 4 GiB."""
        body, directory, offset = list(self.body), [self.directory], self.body_bytes
        for name, content in files.items():
            path = name.encode("ascii")
            size = len(content)
            facts = struct.pack("<5H3L2H", _VERSION, 0, 0, 0, _DATE, crc32(content), size, size, len(path), 0)
            header = b"PK\x03\x04" + facts + path
            body += [header, content]
            place = struct.pack("<3H2L", 0, 0, 0, 0, offset)
            directory += [b"PK\x01\x02", struct.pack("<H", _VERSION), facts, place, path]
            offset += len(header) + size
        return Members(
            body=tuple(body), body_bytes=offset, directory=b"".join(directory), count=self.count + len(files)
        )

    def archive(self) -> bytes:
        """Return the whole file."""
        end = struct.pack("<4H2LH", 0, 0, self.count, self.count, len(self.directory), self.body_bytes, 0)
        return b"".join((*self.body, self.directory, b"PK\x05\x06", end))
