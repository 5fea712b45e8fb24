"""The contract of test_frameworks: the Flask application as an ASGI one."""

from penstock.bridge import WsgiToAsgi
from tests.apps.flask_app import app as flask_app

app = WsgiToAsgi(flask_app)
