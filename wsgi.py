"""The WSGI application, for any server: settings come from the environment."""

import os

from wallet_api.app import create_app
from wallet_api.settings import Settings

app = create_app(Settings.from_env(os.environ))
