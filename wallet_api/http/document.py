"""The OpenAPI document without a running server: `python -m wallet_api.http.document > openapi.json`."""

from __future__ import annotations

import sys

import orjson
from flask import Flask

from wallet_api.http.api import Api
from wallet_api.http.resources import blueprints


def document() -> bytes:
    """The document as text, in a fixed order: two of them differ where the API does."""
    api = Api(Flask("document"))
    for blueprint in blueprints():
        api.register_blueprint(blueprint)
    return orjson.dumps(api.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(document())
