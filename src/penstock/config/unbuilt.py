"""What options wait for whose part of the server is not built.

They are refused when they are used, with what to do meanwhile: a value is never ignored in silence,
whatever source it comes from.
"""

ROOMS = {
    "process": "it needs the supervisor of several processes, and this version serves with one process",
    "recycling": "it needs --workers, and this version serves with one process",
}
