"""Penstock: the gate between the network and a Python web application (ASGI and WSGI)."""

__version__ = "0.1.0"
