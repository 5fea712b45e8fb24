"""One conversation with an application: state machines that own ASGI's and WSGI's rules."""
