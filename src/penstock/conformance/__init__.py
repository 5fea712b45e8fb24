"""`penstock check`: whether a server, or an application, keeps ASGI's contract."""
