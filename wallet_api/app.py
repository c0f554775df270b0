"""`create_app`: the only place where things are wired together."""

from __future__ import annotations

from datetime import datetime

import structlog
from flask import Flask
from google.oauth2.service_account import Credentials
from werkzeug.middleware.proxy_fix import ProxyFix

from passes.apple.signing import Signer
from wallet_api import pages
from wallet_api.clock import Clock, SystemClock
from wallet_api.http.api import Api
from wallet_api.http.resources import blueprints
from wallet_api.services.app import App, GoogleIssuer
from wallet_api.settings import Settings
from wallet_api.store.session import Database

log = structlog.get_logger(__name__)

DEVELOPMENT_DATABASE = "DATABASE_URL is not set. `carnet serve` starts a private PostgreSQL; set it for other servers."


def create_app(settings: Settings) -> Flask:
    """The web application, from its settings."""
    return web(wire(settings))


def wire(settings: Settings, *, clock: Clock | None = None, pool_size: int = 8) -> App:
    """A Carnet with its database and wallet credentials. Raises PassRefused for certificates that cannot sign."""
    if settings.database_url is None:
        raise ValueError(DEVELOPMENT_DATABASE)
    clock = clock or SystemClock()
    for sentence in settings.describe():
        log.info(sentence)
    return App(
        settings=settings,
        clock=clock,
        db=Database(settings.database_url, pool_size=pool_size),
        apple=_apple(settings, now=clock.now()),
        google=_google(settings),
    )


def web(app: App) -> Flask:
    """The web application of a running Carnet."""
    flask = Flask("wallet_api", static_folder=None)
    flask.extensions["carnet"] = app
    if hops := app.settings.trusted_proxies:
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # as its documentation says
    api = Api(flask)
    for blueprint in blueprints():
        api.register_blueprint(blueprint)
    pages.register(flask, app)
    return flask


def _apple(settings: Settings, *, now: datetime) -> Signer | None:
    cert, key, wwdr = settings.apple_pass_cert, settings.apple_pass_key, settings.apple_wwdr_cert
    if cert is None or key is None or wwdr is None:
        return None
    password = settings.apple_pass_key_password
    return Signer.load(
        cert_pem=cert.read_bytes(),
        key_pem=key.read_bytes(),
        password=password.encode() if password else None,
        wwdr_pem=wwdr.read_bytes(),
        now=now,
        pass_type_id=settings.apple_pass_type_id,
        team_id=settings.apple_team_id,
    )


def _google(settings: Settings) -> GoogleIssuer | None:
    issuer_id, file = settings.google_wallet_issuer_id, settings.google_wallet_credentials
    if issuer_id is None or file is None:
        return None
    credentials = Credentials.from_service_account_file(str(file))  # type: ignore[no-untyped-call]  # google-auth's own
    return GoogleIssuer(issuer_id=issuer_id, credentials=credentials)
