"""A real browser, and the whole web application served to it.

The browser belongs to one file of tests and ends with it: while it runs, its event loop counts as this thread's, and
`asyncio.run` in other files' tests would be refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from tests.shop import Shop
from wallet_api.app import web
from wallet_api.pages.card import COOKIE
from wallet_api.services import sign_in

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 10_000


@dataclass(frozen=True, kw_only=True)
class Site:
    """The shop's pages as a browser reaches them; `folder` is the demo's."""

    shop: Shop
    base_url: str
    folder: Path

    @property
    def card_url(self) -> str:
        return f"{self.base_url}{self.card_path}"

    @property
    def card_path(self) -> str:
        return f"/card/{self.shop.program}"

    def sign_in(self, context: BrowserContext, member_id: UUID | None = None) -> None:
        """Let this browser be signed in as a member, Alice unless told."""
        opened = sign_in.open_session(self.shop.app, self.shop.program, member_id or self.shop.alice)
        context.add_cookies(
            [{"name": COOKIE, "value": opened.refresh_token, "domain": "127.0.0.1", "path": self.card_path}]
        )


OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site(shop: Shop, tmp_path: Path) -> Iterator[Site]:
    """The web application on a port of 127.0.0.1, with the demo's pages as well."""
    settings = replace(shop.app.settings, demo_dir=tmp_path)
    server = make_server("127.0.0.1", 0, web(replace(shop.app, settings=settings)), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site = Site(shop=shop, base_url=f"http://127.0.0.1:{server.server_port}", folder=tmp_path)
    told = {
        "base_url": site.base_url,
        "program": shop.program,
        "till_key": shop.till_key,
        "location_id": str(shop.location.id),
        "manager": {"email": "maria@example.org", "password": "unused here"},
        "member": {"email": "alice@example.org", "access_token": "unused here"},
    }
    (tmp_path / "demo.json").write_bytes(orjson.dumps(told))
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[OpenPage]:
    """Opens a page of a browser that knows nothing yet; at the end, no page may have complained on its console."""
    complaints: list[str] = []
    with ExitStack() as contexts:

        def open_page(*, width: int = 390, language: str = "en", scripts: bool = True) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": 800}, locale=language, java_script_enabled=scripts
            )
            contexts.callback(context.close)
            context.set_default_timeout(TIMEOUT_MS)
            page = context.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield open_page
    assert complaints == []
