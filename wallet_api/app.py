"""`create_app`: the only place where things are wired together."""

from __future__ import annotations

import structlog
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from wallet_api import pages
from wallet_api.clock import Clock, SystemClock
from wallet_api.credentials import certificate_alarm, wallet_credentials
from wallet_api.http.api import Api
from wallet_api.http.resources import blueprints
from wallet_api.services.app import App
from wallet_api.settings import Settings
from wallet_api.store.session import Database

log = structlog.get_logger(__name__)

DEVELOPMENT_DATABASE = "DATABASE_URL is not set. `carnet serve` starts a private PostgreSQL; set it for other servers."


def create_app(settings: Settings) -> Flask:
    """The web application, from its settings."""
    return web(wire(settings))


def wire(settings: Settings, *, clock: Clock | None = None, pool_size: int = 8) -> App:
    """A Carnet with its database and wallet credentials. Raises SettingsFaults for credentials that cannot be right."""
    if settings.database_url is None:
        raise ValueError(DEVELOPMENT_DATABASE)
    clock = clock or SystemClock()
    for sentence in settings.describe():
        log.info(sentence)
    apple, google = wallet_credentials(settings, now=clock.now())
    if apple and (alarm := certificate_alarm(apple, now=clock.now())):
        log.error(alarm)
    return App(
        settings=settings,
        clock=clock,
        db=Database(settings.database_url, pool_size=pool_size),
        apple=apple,
        google=google,
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
