"""A signed pass as an answer: with its ETag and the time of its last change, or 304 to whoever has it already."""

from __future__ import annotations

from flask import Response, request
from werkzeug.http import http_date, is_resource_modified, quote_etag

from passes.apple.package import CONTENT_TYPE
from wallet_api.services import show_pass
from wallet_api.services.app import App
from wallet_api.services.show_pass import ShownPass


def pass_file(app: App, shown: ShownPass) -> Response:
    """The pass, or 304 by `If-None-Match`, else by `If-Modified-Since`; only the former signs it."""
    etag = quote_etag(shown.etag)
    headers = {
        "ETag": etag,
        "Last-Modified": http_date(shown.updated_at),
        "Cache-Control": "no-store",
    }
    if not is_resource_modified(request.environ, etag=etag, last_modified=shown.updated_at):
        return Response(status=304, headers=headers)
    headers["Content-Disposition"] = 'attachment; filename="card.pkpass"'
    return Response(show_pass.signed(app, shown), content_type=CONTENT_TYPE, headers=headers)
