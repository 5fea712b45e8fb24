"""Django as `manage.py startproject` has it for WSGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.apps.django_settings")

application = get_wsgi_application()
