"""Bytes to events and back. Sans-IO: no asyncio, socket, clock, logging or randomness here."""
