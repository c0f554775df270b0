"""The pages that Carnet serves itself: each program's card page, the one that ends mails, and in the demo its start page and what it sent.

They are made on the server and need no script for the essentials; nothing is fetched from elsewhere.
"""

from __future__ import annotations

from flask import Flask

from wallet_api.pages import card, unsubscribe
from wallet_api.services.app import App


def register(flask: Flask, app: App) -> None:
    """Serve the pages; those of the demo only where the settings name its folder."""
    flask.register_blueprint(card.blueprint())
    flask.register_blueprint(unsubscribe.blueprint())
    if app.settings.demo_dir is not None:
        from wallet_api.pages.demo import blueprint  # noqa: PLC0415 not even imported outside the demo

        flask.register_blueprint(blueprint(app.settings.demo_dir))
