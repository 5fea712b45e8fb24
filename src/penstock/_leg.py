"""Which leg runs: the modules as Python, or compiled (setup.py has the list and the reasons).

Both legs behave the same; this module exists so that people, `penstock --version` and the tests can tell which one they have.
It looks at the files that the import system would load, so it imports none of them and costs one walk over the package.
"""

import os
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES


@cache
def compiled_modules() -> tuple[str, ...]:
    """The dotted names of Penstock's modules that this interpreter runs compiled, sorted; empty on the pure leg.

    An extension beside a source file wins over it, so the files decide: only suffixes this interpreter loads count.
    """
    package = os.path.dirname(__file__)
    root = __name__.partition(".")[0]
    names = set()
    for folder, _, files in os.walk(package):
        rooms = os.path.relpath(folder, package).split(os.sep) if folder != package else ()
        for file in files:
            for suffix in EXTENSION_SUFFIXES:
                # An untagged suffix (".so") also ends the tagged ones of other interpreters, which are never loaded.
                stem = file.removesuffix(suffix)
                if stem != file and "." not in stem:
                    names.add(".".join((root, *rooms, stem)))
    return tuple(sorted(names))


def leg() -> str:
    """The name of the leg: `compiled` or `pure`. There is nothing between: a build compiles all modules or none."""
    return "compiled" if compiled_modules() else "pure"
