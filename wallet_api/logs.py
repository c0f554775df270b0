"""Logging, set up once a process: one line a record on stderr, as JSON, or plain where a person watches.

Records carry ids and reasons. An exception is told by its kind and the places that it went through, never by its
message: that may hold a row, an address or a code.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

PLACES_MAX = 60


def configure(*, level: int = logging.INFO) -> None:
    """Send what structlog and the standard library's loggers say to stderr; libraries from warnings on."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_messages,
    ]
    renderer = _renderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _renderer() -> structlog.typing.Processor:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer(lambda record, **_: orjson.dumps(record, default=str).decode())


def _without_messages(_: object, __: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    accident = record.pop("exc_info", None)
    if accident is True:
        accident = sys.exception()
    elif isinstance(accident, tuple):
        accident = accident[1]
    if isinstance(accident, BaseException):
        record["accident"] = places(accident)
    return record


def places(accident: BaseException | None) -> list[str]:
    """The kinds of an exception and of its causes, each followed by the places that it went through."""
    told: list[str] = []
    while accident is not None and len(told) < PLACES_MAX:
        told.append(type(accident).__name__)
        told += [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(accident.__traceback__)
        ]
        accident = accident.__cause__ or accident.__context__
    return told[:PLACES_MAX]
