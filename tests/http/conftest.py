"""The whole web application over the shop."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.shop import Shop
from wallet_api.app import web


@pytest.fixture
def api(shop: Shop) -> FlaskClient:
    """Calls the shop's API."""
    return web(shop.app).test_client()
