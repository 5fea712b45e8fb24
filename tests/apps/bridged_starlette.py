"""The contract of test_frameworks: the Starlette application as a WSGI one."""

from penstock.bridge import AsgiToWsgi
from tests.apps.starlette_app import app as starlette_app

app = AsgiToWsgi(starlette_app)
