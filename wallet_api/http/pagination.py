"""Lists in pages: `?limit=&cursor=` in, `{"items": [...], "next_cursor": null | "..."}` out.

A cursor is the id of the last item of a page. Ids are UUIDv7 and sort by time, so a page is `id < cursor` (or `>`), and
stays right while rows are added. It is opaque but no secret: the query's owner filter decides what a caller may see.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import QueryInteger, left_out

PAGE_ITEMS_DEFAULT = 50
PAGE_ITEMS_MAX = 100

T = TypeVar("T")


class Cursor(ma.fields.Field[UUID]):
    """A place in a list: 16 bytes in base64url."""

    refusal: ClassVar[str] = "Not a cursor that a list has given."
    pattern = re.compile(r"^[A-Za-z0-9_-]{21}[AQgw]$")
    json_schema: ClassVar[Mapping[str, object]] = {"type": "string", "pattern": pattern.pattern}

    def _serialize(self, value: UUID | None, attr: str | None, obj: object, **kwargs: object) -> str | None:
        return None if value is None else urlsafe_b64encode(value.bytes).decode().rstrip("=")

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> UUID:
        if not isinstance(value, str) or self.pattern.fullmatch(value) is None:
            raise ma.ValidationError(self.refusal)
        return UUID(bytes=urlsafe_b64decode(f"{value}=="))


class PageQuery(Schema):
    """The query of every list: at most `limit` items, after `cursor` or from the start."""

    limit = QueryInteger(
        minimum=1,
        maximum=PAGE_ITEMS_MAX,
        load_default=PAGE_ITEMS_DEFAULT,
        metadata={"description": "The most items to answer"},
    )
    cursor = Cursor(load_default=left_out, metadata={"description": "The `next_cursor` of the page before"})


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Some items of a list, and where the next ones begin; None at the end."""

    items: Sequence[T]
    next_cursor: UUID | None


def page(rows: Sequence[T], *, limit: int, id_of: Callable[[T], UUID]) -> Page[T]:
    """The page for `rows`, of which the query has fetched one more than `limit` to see whether there is a next page."""
    items = rows[:limit]
    return Page(items=items, next_cursor=id_of(items[-1]) if len(rows) > limit else None)


@cache
def page_schema(item: type[AnswerSchema]) -> type[AnswerSchema]:
    """The schema of a page of such items: `EntrySchema` gives `EntryPageSchema`, one class however often asked."""
    name = f"{item.__name__.removesuffix('Schema')}PageSchema"
    schema: type[AnswerSchema] = type(
        name,
        (AnswerSchema,),
        {
            "__doc__": f"A page of a list of {item.__name__}.",
            "items": ma.fields.List(ma.fields.Nested(item), validate=ma.validate.Length(max=PAGE_ITEMS_MAX)),
            "next_cursor": Cursor(allow_none=True, metadata={"description": "Null on the last page"}),
        },
    )
    return schema
