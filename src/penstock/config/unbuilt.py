"""What options wait for whose part of the server is not built.

They are refused when they are used, with what to do meanwhile: a value is never ignored in silence,
whatever source it comes from.
"""

ROOMS: dict[str, str] = {}
